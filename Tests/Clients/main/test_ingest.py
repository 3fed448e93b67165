"""CommandStatementIngest: modes, types, atomicity, errors that name the column."""

import pyarrow as pa
import pytest

from support import protocol
from support.raw import Raw
from support.wire import Wire, command_descriptor, flight_data, ipc_messages, status

DATA = pa.table({"id": pa.array([1, 2, 3], pa.int64()), "name": ["a", "b", None]})


def test_create_then_append_then_replace(raw, unique):
    assert raw.ingest(unique, DATA, "create") == 3
    assert raw.ingest(unique, DATA, "append") == 3
    assert raw.value(f"SELECT count(*) FROM {unique}") == 6
    assert raw.ingest(unique, DATA.slice(0, 1), "replace") == 1
    assert raw.value(f"SELECT count(*) FROM {unique}") == 1
    assert raw.ingest(unique, DATA, "create_append") == 3


def test_create_fails_when_the_table_is_there(server, raw, unique):
    raw.ingest(unique, DATA, "create")
    assert failure(server, unique, DATA, "create") == "ALREADY_EXISTS"
    assert raw.value(f"SELECT count(*) FROM {unique}") == 3


def test_append_fails_when_the_table_is_missing(server, unique):
    assert failure(server, unique, DATA, "append") == "NOT_FOUND"


def failure(server, table, data, mode, **options):
    with Wire(server.port) as wire:
        messages = ipc_messages(data)
        head = flight_data(*messages[0], descriptor=command_descriptor(protocol.ingest(table, mode, **options)))
        code, text = status(lambda: wire.put([head, *(flight_data(*message) for message in messages[1:])]))
        assert text
        return code.name


def test_a_schema_and_a_catalog(raw, unique):
    raw.update(f"CREATE SCHEMA s_{unique}")
    catalog = raw.value("SELECT current_catalog()")
    raw.ingest(unique, DATA, "create", schema=f"s_{unique}", catalog=catalog)
    assert raw.value(f"SELECT count(*) FROM {catalog}.s_{unique}.{unique}") == 3


def test_a_temporary_table_is_seen_by_its_session_only(server, raw, unique):
    raw.ingest(unique, DATA, "create", temporary=True)
    raw.ingest(unique, DATA, "append", temporary=True)
    assert raw.value(f"SELECT count(*) FROM {unique}") == 6
    with Raw(server.url) as other, pytest.raises(pa.ArrowException):
        other.query(f"SELECT * FROM {unique}")


def test_names_are_quoted(raw, unique):
    table = f'{unique} with "quotes"; DROP TABLE x'
    data = pa.table({'a "b"; c': [1], "select": ["x"]})
    raw.ingest(table, data, "create")
    quoted = table.replace('"', '""')
    assert raw.query(f'SELECT * FROM "{quoted}"').schema.names == ['a "b"; c', "select"]


def test_columns_are_matched_by_name(raw, unique):
    raw.update(f"CREATE TABLE {unique}(a INTEGER, b VARCHAR, c DOUBLE)")
    raw.ingest(unique, pa.table({"C": [1.5], "b": ["x"]}), "append")
    assert raw.rows(f"SELECT a, b, c FROM {unique}") == [(None, "x", 1.5)]


def test_a_column_that_does_not_fit_is_named(server, raw, unique):
    raw.update(f"CREATE TABLE {unique}(id BIGINT, amount DOUBLE)")
    with pytest.raises(pa.ArrowInvalid, match="amount"):
        raw.ingest(unique, pa.table({"id": [1], "amount": ["many"]}), "append")
    with pytest.raises(pa.ArrowInvalid, match="surprise"):
        raw.ingest(unique, pa.table({"id": [1], "surprise": [1.0]}), "append")
    assert raw.value(f"SELECT count(*) FROM {unique}") == 0


def test_a_batch_that_fails_late_leaves_nothing(raw, unique):
    raw.update(f"CREATE TABLE {unique}(id BIGINT PRIMARY KEY)")
    batches = [pa.record_batch({"id": pa.array(range(n * 1000, n * 1000 + 1000), pa.int64())}) for n in range(10)]
    batches.append(pa.record_batch({"id": pa.array([5], pa.int64())}))
    with pytest.raises(pa.ArrowException):
        raw.ingest(unique, pa.Table.from_batches(batches), "append")
    assert raw.value(f"SELECT count(*) FROM {unique}") == 0


def test_a_client_that_vanishes_half_way_leaves_nothing(server, raw, unique):
    raw.update(f"CREATE TABLE {unique}(id BIGINT, name VARCHAR)")
    with Wire(server.port) as wire:
        messages = ipc_messages(DATA)
        head = flight_data(*messages[0], descriptor=command_descriptor(protocol.ingest(unique, "append")))

        def half():
            yield head
            yield flight_data(*messages[1])
            call.cancel()
            yield flight_data(*messages[1])

        requests = half()
        call = wire.channel.stream_stream("/arrow.flight.protocol.FlightService/DoPut")(requests)
        code, _ = status(lambda: call)
        assert code.name == "CANCELLED"
    assert raw.value(f"SELECT count(*) FROM {unique}") == 0


def test_inside_a_transaction(server, raw, unique):
    raw.update(f"CREATE TABLE {unique}(id BIGINT, name VARCHAR)")
    transaction = raw.begin()
    raw.ingest(unique, DATA, "append", transaction=transaction)
    raw.ingest(unique, DATA, "append", transaction=transaction)
    assert raw.value(f"SELECT count(*) FROM {unique}", transaction) == 6
    with Raw(server.url) as other:
        assert other.value(f"SELECT count(*) FROM {unique}") == 0
        raw.rollback(transaction)
        assert other.value(f"SELECT count(*) FROM {unique}") == 0
        transaction = raw.begin()
        raw.ingest(unique, DATA, "append", transaction=transaction)
        raw.commit(transaction)
        assert other.value(f"SELECT count(*) FROM {unique}") == 3


def test_no_rows_still_make_the_table(raw, unique):
    assert raw.ingest(unique, DATA.slice(0, 0), "create") == 0
    assert raw.query(f"SELECT * FROM {unique}").schema.names == ["id", "name"]


def test_a_million_rows(raw, unique):
    count = 1_000_000
    data = pa.table({"id": pa.array(range(count), pa.int64()), "v": pa.array([0.5]).take(pa.array([0] * count))})
    assert raw.ingest(unique, data, "create") == count
    assert raw.rows(f"SELECT count(*), sum(id)::BIGINT, sum(v) FROM {unique}") == [(count, count * (count - 1) // 2, count / 2)]


COLUMNS = {
    "bool": pa.array([True, None]),
    "int8": pa.array([-128, None], pa.int8()),
    "uint16": pa.array([65535, None], pa.uint16()),
    "uint64": pa.array([2**64 - 1, None], pa.uint64()),
    "float": pa.array([1.5, None], pa.float32()),
    "decimal": pa.array([1, None], pa.decimal128(18, 4)),
    "date32": pa.array([20000, None], pa.date32()),
    "date64": pa.array([86_400_000, None], pa.date64()),
    "time32": pa.array([3600, None], pa.time32("s")),
    "time64": pa.array([3_600_000_000, None], pa.time64("us")),
    "timestamp s": pa.array([1_700_000_000, None], pa.timestamp("s")),
    "timestamp ns": pa.array([1_700_000_000_000_000_001, None], pa.timestamp("ns")),
    "timestamp zone": pa.array([1_700_000_000_000_000, None], pa.timestamp("us", "Europe/Berlin")),
    "string": pa.array(["x", None]),
    "large string": pa.array(["x", None], pa.large_string()),
    "string view": pa.array(["x" * 50, None], pa.string_view()),
    "binary": pa.array([b"\x00\x01", None]),
    "fixed binary": pa.array([b"abcd", None], pa.binary(4)),
    "list": pa.array([[1, None], None], pa.list_(pa.int64())),
    "large list": pa.array([[1, None], None], pa.large_list(pa.int64())),
    "fixed list": pa.array([[1, 2], None], pa.list_(pa.int64(), 2)),
    "struct": pa.array([{"a": 1, "b": "x"}, None], pa.struct([("a", pa.int64()), ("b", pa.string())])),
    "map": pa.array([[("k", 1)], None], pa.map_(pa.string(), pa.int64())),
    "dictionary": pa.array(["x", None]).dictionary_encode(),
    "dictionary in a list": pa.array([["x", None], None], pa.list_(pa.dictionary(pa.int32(), pa.string()))),
    "run ends": pa.RunEndEncodedArray.from_arrays(pa.array([2], pa.int32()), pa.array(["x"])),
    "null": pa.nulls(2),
}


@pytest.mark.parametrize("kind", COLUMNS)
def test_a_column_of_any_type_keeps_its_values(raw, unique, kind):
    values = COLUMNS[kind]
    raw.ingest(unique, pa.table({"place": [0, 1], "v": values}), "create")
    got = raw.query(f"SELECT v FROM {unique} ORDER BY place").column("v").to_pylist()
    assert [plain(value) for value in got] == [plain(value) for value in values.to_pylist()]


def plain(value):
    """The value without the differences that a type's spelling makes."""
    if isinstance(value, list):
        return [plain(item) for item in value]
    if hasattr(value, "timestamp"):
        return value.timestamp() if value.tzinfo else value.isoformat()
    return value


def test_a_client_that_compresses_is_understood(server, unique, raw):
    client = raw.client
    descriptor = protocol.ingest(unique, "create")
    import pyarrow.flight as flight

    for number, codec in enumerate(("lz4", "zstd")):
        options = flight.FlightCallOptions(write_options=pa.ipc.IpcWriteOptions(compression=codec))
        descriptor = flight.FlightDescriptor.for_command(protocol.ingest(unique, "create_append"))
        data = pa.table({"n": pa.array(range(50_000), pa.int64())})
        writer, answers = client.do_put(descriptor, data.schema, options)
        writer.write_table(data)
        writer.done_writing()
        answers.read()
        writer.close()
        assert raw.value(f"SELECT count(*) FROM {unique}") == 50_000 * (number + 1)


def test_a_large_load_keeps_its_order_and_leaves_nothing_else(raw, unique):
    count = 400_001
    data = pa.table({"id": pa.array(range(count), pa.int64()), "text": pa.array([None if n % 3 == 0 else f"text {n}" for n in range(count)])})
    wrong = f"SELECT count(*) FROM {unique} WHERE id <> rowid OR text IS DISTINCT FROM CASE WHEN id % 3 <> 0 THEN 'text ' || id END"
    relations = "SELECT count(*) FROM duckdb_views()"
    before = raw.value(relations)
    assert raw.ingest(unique, data, "create") == count
    assert raw.value(wrong) == 0
    transaction = raw.begin()
    assert raw.ingest(unique, data, "append", transaction=transaction) == count
    assert raw.value(f"SELECT count(*) FROM {unique}", transaction) == 2 * count
    raw.rollback(transaction)
    assert raw.value(f"SELECT count(*) FROM {unique}") == count
    assert raw.ingest(unique, data.select(["text", "id"]), "replace") == count
    assert raw.value(wrong) == 0
    assert raw.value(relations) == before


def test_a_large_load_with_one_bad_row_loads_nothing(raw, unique):
    raw.update(f"CREATE TABLE {unique}(id BIGINT PRIMARY KEY, note VARCHAR DEFAULT 'none')")
    numbers = list(range(600_000)) + [5]
    with pytest.raises(pa.ArrowInvalid, match="5"):
        raw.ingest(unique, pa.table({"id": pa.array(numbers, pa.int64())}), "append")
    assert raw.value(f"SELECT count(*) FROM {unique}") == 0
    assert raw.ingest(unique, pa.table({"id": pa.array(numbers[:-1], pa.int64())}), "append") == 600_000
    assert raw.rows(f"SELECT count(*), min(note) FROM {unique}") == [(600_000, "none")]
