"""Every call and command of Flight SQL, message by message."""

import struct

import grpc
import pyarrow as pa
import pyarrow.flight as flight
import pytest

from support import protocol
from support.wire import Wire, command_descriptor, status


@pytest.fixture
def wire(server):
    with Wire(server.port) as wire:
        yield wire


def test_handshake_needs_no_credentials(server):
    with Wire(server.port) as wire:
        answers = list(wire.exchange("Handshake", [protocol.field(2, b"")]))
        assert len(answers) <= 1


def test_basic_credentials_are_answered_with_a_bearer_token(server):
    client = flight.connect(server.url)
    header, value = client.authenticate_basic_token("someone", "secret")
    assert header == b"authorization" and value.startswith(b"Bearer ")
    client.close()


def test_the_actions_are_listed(raw):
    names = {action.type for action in raw.client.list_actions()}
    assert names >= {
        "CreatePreparedStatement", "ClosePreparedStatement", "BeginTransaction", "EndTransaction", "CancelQuery",
        "CancelFlightInfo", "RenewFlightEndpoint", "SetSessionOptions", "GetSessionOptions", "CloseSession",
    }


def test_flights_are_the_relations(raw, unique):
    raw.update(f"CREATE TABLE {unique}(id BIGINT, name VARCHAR)")
    described = list(raw.client.list_flights())
    paths = {info.descriptor.path[-1].decode() for info in described if info.descriptor.path}
    commands = b"".join(info.descriptor.command or b"" for info in described)
    assert unique in paths or unique.encode() in commands


def test_a_query(raw):
    table = raw.query("SELECT i, 'n' || i AS name FROM range(3) t(i)")
    assert table.to_pydict() == {"i": [0, 1, 2], "name": ["n0", "n1", "n2"]}


def test_flight_info_describes_the_result(raw):
    info = raw.info(protocol.statement_query("SELECT 1::SMALLINT AS a"))
    assert info.schema.equals(pa.schema([pa.field("a", pa.int16())]))
    assert info.total_records in (-1, 1)
    assert len(info.endpoints) == 1


def test_get_schema_does_not_run_the_statement(raw, unique):
    raw.update(f"CREATE TABLE {unique}(n INTEGER)")
    schema = raw.schema(protocol.statement_query(f"INSERT INTO {unique} VALUES (1) RETURNING n"))
    assert schema.names == ["n"]
    assert raw.value(f"SELECT count(*) FROM {unique}") == 0


def test_ddl_takes_effect_in_get_flight_info_and_never_again(raw, unique):
    info = raw.info(protocol.statement_query(f"CREATE TABLE {unique}(n INTEGER)"))
    assert raw.value(f"SELECT count(*) FROM {unique}") == 0
    raw.client.do_get(info.endpoints[0].ticket).read_all()
    info = raw.info(protocol.statement_query(f"INSERT INTO {unique} VALUES (1)"))
    assert raw.value(f"SELECT count(*) FROM {unique}") == 1
    raw.client.do_get(info.endpoints[0].ticket).read_all()
    assert raw.value(f"SELECT count(*) FROM {unique}") == 1


def test_a_ticket_that_is_read_twice_does_not_write_twice(raw, unique):
    raw.update(f"CREATE TABLE {unique}(n INTEGER)")
    info = raw.info(protocol.statement_query(f"INSERT INTO {unique} VALUES (1) RETURNING n"))
    for _ in range(2):
        try:
            raw.client.do_get(info.endpoints[0].ticket).read_all()
        except (pa.ArrowException, KeyError):
            pass
    assert raw.value(f"SELECT count(*) FROM {unique}") == 1


def test_an_update_counts_rows(raw, unique):
    raw.update(f"CREATE TABLE {unique}(n INTEGER)")
    assert raw.update(f"INSERT INTO {unique} SELECT * FROM range(1000)") == 1000
    assert raw.update(f"DELETE FROM {unique} WHERE n < 10") == 10


def test_progress_is_polled(wire):
    answer = wire.unary("PollFlightInfo", command_descriptor(protocol.statement_query("SELECT 7 AS seven")))
    seen = 0
    while protocol.first(answer, 2) is not None and seen < 1000:
        bits = protocol.first(answer, 3, 0)
        assert 0.0 <= struct.unpack("<d", struct.pack("<q", bits))[0] <= 1.0
        answer = wire.unary("PollFlightInfo", protocol.first(answer, 2))
        seen += 1
    info = protocol.first(answer, 1)
    ticket = protocol.first(protocol.first(protocol.first(info, 3), 1), 1)
    assert status(lambda: wire.get(ticket))[0] is grpc.StatusCode.OK


def test_an_endpoint_is_renewed(wire):
    info = wire.info(protocol.statement_query("SELECT 1"))
    endpoint = protocol.first(info, 3)
    (answer,) = wire.action("RenewFlightEndpoint", protocol.field(1, endpoint))
    ticket = protocol.first(protocol.first(answer, 1), 1)
    assert status(lambda: wire.get(ticket))[0] is grpc.StatusCode.OK


def test_several_statements_in_one_text(raw, unique):
    try:
        table = raw.query(f"CREATE TABLE {unique}(n INTEGER); INSERT INTO {unique} VALUES (5); SELECT n FROM {unique}")
    except pa.ArrowInvalid as error:
        assert "statement" in str(error)
    else:
        assert table.to_pydict() == {"n": [5]}


def test_results_are_equal_whatever_the_way(raw):
    sql = "SELECT i, i / 7 AS part, CASE WHEN i % 3 = 0 THEN NULL ELSE 'x' || i END AS text FROM range(5000) t(i)"
    prepared = raw.prepare(sql)
    assert raw.query(sql).equals(prepared.query())
    prepared.close()


TYPES = {
    "BOOLEAN": ("true", pa.bool_()),
    "TINYINT": ("-1", pa.int8()),
    "SMALLINT": ("-2", pa.int16()),
    "INTEGER": ("-3", pa.int32()),
    "BIGINT": ("-4", pa.int64()),
    "UTINYINT": ("1", pa.uint8()),
    "USMALLINT": ("2", pa.uint16()),
    "UINTEGER": ("3", pa.uint32()),
    "UBIGINT": ("18446744073709551615", pa.uint64()),
    "FLOAT": ("1.5", pa.float32()),
    "DOUBLE": ("-1.5", pa.float64()),
    "DECIMAL(9,2)": ("1.25", pa.decimal128(9, 2)),
    "DECIMAL(38,10)": ("-1.25", pa.decimal128(38, 10)),
    "VARCHAR": ("'x'", pa.string()),
    "BLOB": ("'\\x00a'", pa.binary()),
    "DATE": ("'2026-01-02'", pa.date32()),
    "TIME": ("'01:02:03.000004'", pa.time64("us")),
    "TIMESTAMP": ("'2026-01-02 03:04:05'", pa.timestamp("us")),
    "TIMESTAMP_S": ("'2026-01-02 03:04:05'", pa.timestamp("s")),
    "TIMESTAMP_MS": ("'2026-01-02 03:04:05'", pa.timestamp("ms")),
    "TIMESTAMP_NS": ("'2026-01-02 03:04:05'", pa.timestamp("ns")),
    "INTERVAL": ("'1 month 2 days 3 seconds'", pa.month_day_nano_interval()),
    "INTEGER[]": ("[1, NULL, 3]", pa.list_(pa.field("l", pa.int32()))),
    "STRUCT(a INTEGER, b VARCHAR)": ("{'a': 1, 'b': 'x'}", pa.struct([("a", pa.int32()), ("b", pa.string())])),
}


@pytest.mark.parametrize("name", TYPES)
def test_type_of_the_engine_has_its_arrow_type(raw, name):
    text, expected = TYPES[name]
    table = raw.query(f"SELECT {text}::{name} AS v UNION ALL SELECT NULL")
    actual = table.schema.field("v").type
    if pa.types.is_list(expected):
        assert pa.types.is_list(actual) and actual.value_type == expected.value_type
    else:
        assert actual == expected
    values = table.column("v").to_pylist()
    assert sum(value is None for value in values) == 1
    table.validate(full=True)


@pytest.mark.parametrize("sql", [
    "SELECT 'a'::ENUM('a', 'b') AS v", "SELECT MAP {'a': 1} AS v", "SELECT [[1], [2, 3]] AS v",
    "SELECT [1, 2, 3]::INTEGER[3] AS v", "SELECT '101'::BIT AS v", "SELECT 1::UHUGEINT AS v",
    "SELECT union_value(num := 1) AS v", "SELECT NULL AS v", "SELECT TIMETZ '01:02:03+01' AS v",
    "SELECT [{'a': [1, NULL]}, NULL] AS v", "SELECT 12345678901234567890123::VARINT AS v",
])
def test_rare_types_arrive_and_are_valid(raw, sql):
    table = raw.query(sql)
    table.validate(full=True)
    assert table.num_rows == 1


def test_long_and_short_strings_across_many_batches(raw):
    table = raw.query("SELECT repeat('x', (i % 40)::INTEGER) AS s FROM range(300000) t(i)")
    table.validate(full=True)
    lengths = pa.compute.utf8_length(table.column("s"))
    assert pa.compute.sum(lengths).as_py() == 300000 // 40 * sum(range(40))


def test_the_transport_says_it_is_healthy(server):
    with grpc.insecure_channel(f"127.0.0.1:{server.port}") as channel:
        answer = channel.unary_unary("/grpc.health.v1.Health/Check")(b"")
        assert protocol.first(answer, 1) == 1
