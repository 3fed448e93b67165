"""Wrong messages: each is an error of the right kind with a sentence, and nobody else notices."""

import random
import threading

import grpc
import pyarrow as pa
import pytest

from support import protocol
from support.raw import Raw
from support.wire import Wire, command_descriptor, flight_data, ipc_messages, path_descriptor, status

DATA = pa.table({"id": pa.array(range(100), pa.int64()), "name": [f"n{n}" for n in range(100)]})


@pytest.fixture
def wire(server):
    with Wire(server.port) as wire:
        yield wire


@pytest.fixture(autouse=True)
def bystander(server):
    """Another client that works all the while and must not notice anything."""
    stop, begun, failures = threading.Event(), threading.Event(), []

    def work():
        try:
            with Raw(server.url) as raw:
                while not stop.is_set():
                    assert raw.value("SELECT sum(i) FROM range(100) t(i)") == 4950
                    begun.set()
        except Exception as error:  # noqa: BLE001  anything at all is a failure of the test
            failures.append(error)
            begun.set()

    thread = threading.Thread(target=work)
    thread.start()
    begun.wait()
    yield
    stop.set()
    thread.join()
    assert not failures
    assert server.is_running()


def refusal(wire, command) -> tuple[str, str]:
    code, text = status(lambda: wire.info(command))
    return code.name, text


def test_a_syntax_error_has_its_position(wire):
    code, text = refusal(wire, protocol.statement_query("SELECT 1 +\n  FROM WHERE"))
    assert code == "INVALID_ARGUMENT"
    assert "syntax error" in text
    assert "LINE 2" in text or "line 2" in text


def test_an_unknown_column_is_named(wire):
    code, text = refusal(wire, protocol.statement_query("SELECT missing_column FROM (SELECT 1 AS present)"))
    assert code == "INVALID_ARGUMENT" and "missing_column" in text


def test_an_error_while_running(wire):
    def run():
        return wire.get(wire.ticket(protocol.statement_query("SELECT error('it broke') FROM range(10)")))

    code, text = status(run)
    assert code.name == "INVALID_ARGUMENT" and "it broke" in text


def test_an_overflow_while_running(wire):
    def run():
        return wire.get(wire.ticket(protocol.statement_query("SELECT (i + 120)::TINYINT FROM range(100000) t(i)")))

    code, text = status(run)
    assert code.name == "INVALID_ARGUMENT" and text


@pytest.mark.parametrize("sql", ["", "   ", ";", "-- only a comment"])
def test_an_empty_statement(wire, sql):
    code, text = refusal(wire, protocol.statement_query(sql))
    assert code == "INVALID_ARGUMENT" and text


def test_unknown_handles_are_not_found(wire):
    for command in (protocol.prepared_query(b"unknown"), protocol.prepared_query(b"")):
        assert refusal(wire, command)[0] in ("NOT_FOUND", "INVALID_ARGUMENT")
    assert refusal(wire, protocol.prepared_query(b"unknown"))[0] == "NOT_FOUND"
    code, _ = status(lambda: wire.get(protocol.command("TicketStatementQuery", protocol.field(1, b"unknown"))))
    assert code.name == "NOT_FOUND"


def test_a_ticket_of_noise_is_refused(wire):
    for ticket in (b"", b"noise", b"\xff" * 100, protocol.command("TicketStatementQuery", b"\x0a\xff")):
        code, text = status(lambda ticket=ticket: wire.get(ticket))
        assert code.name in ("INVALID_ARGUMENT", "NOT_FOUND") and text


def test_an_unknown_command_is_unimplemented(wire):
    for name in ("CommandFlyToTheMoon", "CommandStatementSubstraitPlan"):
        code, text = refusal(wire, protocol.command(name, protocol.field(1, b"x")))
        assert code in ("UNIMPLEMENTED", "INVALID_ARGUMENT") and text


def test_a_command_that_is_no_message(wire):
    for command in (b"\xff\xff\xff", b"\x0a\x05ab", protocol.field(1, protocol.PREFIX + "CommandStatementQuery") + protocol.field(2, b"\x0a\x7f")):
        code, text = refusal(wire, command)
        assert code == "INVALID_ARGUMENT" and text


def test_a_descriptor_that_is_no_message(wire):
    for message in (b"\xff", b"\x12\x7fabc", b"\x08\x63"):
        code, text = status(lambda message=message: wire.unary("GetFlightInfo", message))
        assert code.name == "INVALID_ARGUMENT" and text


def test_a_path_that_leads_nowhere(wire):
    code, text = status(lambda: wire.unary("GetFlightInfo", path_descriptor("no", "such", "table")))
    assert code.name in ("NOT_FOUND", "INVALID_ARGUMENT", "UNIMPLEMENTED") and text


def test_an_unknown_action_and_an_unknown_method(wire):
    code, text = status(lambda: wire.action("MakeCoffee"))
    assert code.name in ("UNIMPLEMENTED", "INVALID_ARGUMENT") and "MakeCoffee" in text
    assert status(lambda: wire.unary("NoSuchMethod", b""))[0] is grpc.StatusCode.UNIMPLEMENTED


def test_text_that_is_no_utf8(wire):
    code, text = refusal(wire, protocol.command("CommandStatementQuery", protocol.field(1, b"SELECT '\xff\xfe'")))
    assert code == "INVALID_ARGUMENT" and text


def put_messages(command, table=DATA):
    messages = ipc_messages(table)
    return [flight_data(*messages[0], descriptor=command_descriptor(command)), *(flight_data(*message) for message in messages[1:])]


def test_an_upload_without_a_descriptor(wire):
    messages = [flight_data(*message) for message in ipc_messages(DATA)]
    code, text = status(lambda: wire.put(messages))
    assert code.name == "INVALID_ARGUMENT" and text


def test_an_upload_without_anything(wire):
    assert status(lambda: wire.put([]))[0] in (grpc.StatusCode.OK, grpc.StatusCode.INVALID_ARGUMENT)


def test_an_upload_without_a_schema(wire, unique):
    batch = ipc_messages(DATA)[1]
    head = flight_data(*batch, descriptor=command_descriptor(protocol.ingest(unique)))
    code, text = status(lambda: wire.put([head]))
    assert code.name == "INVALID_ARGUMENT" and text


def test_a_batch_whose_body_is_too_short(wire, unique, raw):
    messages = ipc_messages(DATA)
    head = flight_data(*messages[0], descriptor=command_descriptor(protocol.ingest(unique)))
    metadata, body = messages[1]
    code, text = status(lambda: wire.put([head, flight_data(metadata, body[: len(body) // 2])]))
    assert code.name == "INVALID_ARGUMENT" and text
    with pytest.raises(pa.ArrowInvalid):
        raw.query(f"SELECT * FROM {unique}")


def test_a_batch_of_another_schema(wire, unique):
    other = ipc_messages(pa.table({"only": [1.5]}))
    head = put_messages(protocol.ingest(unique))[0]
    code, text = status(lambda: wire.put([head, flight_data(*other[1])]))
    assert code.name == "INVALID_ARGUMENT" and text


def test_strings_that_are_no_utf8(wire, unique):
    values = pa.StringArray.from_buffers(1, pa.py_buffer(b"\x00\x00\x00\x00\x02\x00\x00\x00"), pa.py_buffer(b"\xff\xfe"))
    code, text = status(lambda: wire.put(put_messages(protocol.ingest(unique), pa.table({"s": values}))))
    assert code.name == "INVALID_ARGUMENT" and "s" in text


def test_offsets_that_run_backwards(wire, unique):
    offsets = pa.py_buffer(b"".join(value.to_bytes(4, "little") for value in (0, 5, 2)))
    values = pa.StringArray.from_buffers(2, offsets, pa.py_buffer(b"hello"))
    code, text = status(lambda: wire.put(put_messages(protocol.ingest(unique), pa.table({"s": values}))))
    assert code.name == "INVALID_ARGUMENT" and text


@pytest.mark.parametrize("seed", range(4))
def test_damaged_uploads_are_errors_and_nothing_more(server, wire, unique, seed):
    print(f"seed {seed}")
    generator = random.Random(seed)
    messages = ipc_messages(DATA)
    for round_number in range(60):
        damaged = []
        for number, (metadata, body) in enumerate(messages):
            metadata, body = bytearray(metadata), bytearray(body)
            for _ in range(generator.randrange(1, 6)):
                target = metadata if generator.random() < 0.7 or not body else body
                target[generator.randrange(len(target))] = generator.randrange(256)
            descriptor = command_descriptor(protocol.ingest(unique)) if number == 0 else None
            damaged.append(flight_data(bytes(metadata), bytes(body), descriptor=descriptor))
        code, _ = status(lambda damaged=damaged: wire.put(damaged, timeout=20))
        assert code.name in ("OK", "INVALID_ARGUMENT", "UNIMPLEMENTED", "RESOURCE_EXHAUSTED", "NOT_FOUND"), (round_number, code)


@pytest.mark.parametrize("seed", range(4))
def test_damaged_commands_are_errors_and_nothing_more(wire, seed):
    print(f"seed {seed}")
    generator = random.Random(seed)
    commands = [
        protocol.statement_query("SELECT 1"), protocol.get_tables(include_schema=True), protocol.sql_info(0, 1),
        protocol.ingest("x"), protocol.prepared_query(b"h"), protocol.table_reference("CommandGetPrimaryKeys", "t"),
    ]
    for _ in range(200):
        data = bytearray(generator.choice(commands))
        for _ in range(generator.randrange(1, 4)):
            data[generator.randrange(len(data))] = generator.randrange(256)
        code, _ = status(lambda data=data: wire.info(bytes(data), timeout=20))
        assert code.name in ("OK", "INVALID_ARGUMENT", "UNIMPLEMENTED", "NOT_FOUND", "RESOURCE_EXHAUSTED"), code


def test_a_message_beyond_the_limit_is_refused(start_server):
    server = start_server("--max-message-bytes", "1MiB")
    with Wire(server.port) as wire:
        code, text = status(lambda: wire.info(protocol.statement_query("SELECT '" + "x" * (2 << 20) + "'")))
        assert code is grpc.StatusCode.RESOURCE_EXHAUSTED and text
        assert status(lambda: wire.info(protocol.statement_query("SELECT 1")))[0] is grpc.StatusCode.OK


def test_a_valid_batch_that_would_break_the_engine(raw, unique):
    """Nested dictionaries invalidate a whole DuckDB database when they reach it."""
    inner = pa.array([{"a": "x"}, {"a": "y"}], pa.struct([("a", pa.string())]))
    inner = pa.StructArray.from_arrays([inner.field(0).dictionary_encode()], ["a"])
    nested = pa.DictionaryArray.from_arrays(pa.array([0, 1, 0], pa.int32()), inner)
    try:
        raw.ingest(unique, pa.table({"v": nested}), "create")
    except pa.ArrowInvalid as error:
        assert "v" in str(error)
    else:
        assert raw.query(f"SELECT v.a AS a FROM {unique}").column(0).to_pylist() == ["x", "y", "x"]
    assert raw.value("SELECT 1") == 1
