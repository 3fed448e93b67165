"""Many clients, damaged messages and stalled ones: whoever behaves gets right answers all the while."""

import concurrent.futures
import random
import threading

import grpc
import pyarrow as pa
import pytest

from support import protocol
from support.raw import Raw
from support.wire import Wire, command_descriptor, flight_data, ipc_messages, status

DATA = pa.table(
    {
        "id": pa.array(range(50), pa.int64()),
        "name": [f"n{n}" if n % 7 else None for n in range(50)],
        "tags": pa.array([[n, None] if n % 3 else None for n in range(50)], pa.list_(pa.int32())),
        "kind": pa.array([f"k{n % 4}" for n in range(50)]).dictionary_encode(),
        "pair": pa.array([{"a": n, "b": str(n)} for n in range(50)]),
    }
)
EXPECTED = {
    "OK", "INVALID_ARGUMENT", "UNIMPLEMENTED", "NOT_FOUND", "RESOURCE_EXHAUSTED", "ALREADY_EXISTS",
    "FAILED_PRECONDITION", "PERMISSION_DENIED", "ABORTED",
}  # fmt: skip
ROUNDS = 3000


def mutated(generator: random.Random, message: bytes) -> bytes:
    """The message with a few bytes changed, cut out, doubled or moved."""
    data = bytearray(message)
    for _ in range(generator.randrange(1, 5)):
        if not data:
            break
        place = generator.randrange(len(data))
        end = min(len(data), place + generator.randrange(1, 9))
        match generator.randrange(5):
            case 0:
                data[place] = generator.randrange(256)
            case 1:
                data[place] ^= 1 << generator.randrange(8)
            case 2:
                del data[place:end]
            case 3:
                data[place:place] = data[place:end]
            case 4:
                data[place:end] = bytes(generator.choice((0x00, 0x7F, 0x80, 0xFF)) for _ in range(end - place))
    return bytes(data)


@pytest.fixture
def working(server):
    """A client that works all the while and checks what it gets."""
    stop, begun, failures = threading.Event(), threading.Event(), []

    def work():
        try:
            with Raw(server.url) as raw:
                while not stop.is_set():
                    assert raw.rows("SELECT count(*), sum(i)::BIGINT FROM range(5000) t(i)") == [(5000, 12497500)]
                    begun.set()
        except BaseException as error:  # noqa: BLE001  anything at all is a failure of the test
            failures.append(error)
            begun.set()

    thread = threading.Thread(target=work)
    thread.start()
    assert begun.wait(30)
    yield
    stop.set()
    thread.join()
    assert not failures, failures
    assert server.is_running(), server.errors()


@pytest.fixture
def bounded(server):
    """Memory after the test is near memory before it."""
    before = server.resident_bytes()
    yield
    assert server.resident_bytes() < before + (300 << 20)


@pytest.mark.parametrize("seed", range(2))
def test_damaged_requests(server, working, bounded, seed):
    print(f"seed {seed}")
    generator = random.Random(seed)
    with Wire(server.port) as wire:
        (answer,) = wire.action("CreatePreparedStatement", protocol.create_prepared_statement("SELECT ? + 1"))
        handle = protocol.first(protocol.unpack(answer), 1)
        queries = [
            protocol.statement_query("SELECT 1 AS a, 'x' AS b"), protocol.prepared_query(handle),
            protocol.get_tables(include_schema=True), protocol.sql_info(0, 1, 500),
            protocol.table_reference("CommandGetPrimaryKeys", "metrics"),
        ]  # fmt: skip
        actions = [
            ("BeginTransaction", protocol.begin_transaction()),
            ("CreatePreparedStatement", protocol.create_prepared_statement("SELECT 1")),
            ("ClosePreparedStatement", protocol.close_prepared_statement(b"0123456789abcdef")),
            ("EndTransaction", protocol.end_transaction(b"0123456789abcdef", protocol.COMMIT)),
            ("SetSessionOptions", protocol.set_session_options({"TimeZone": "UTC", "statement_timeout": "10s"})),
            ("CancelFlightInfo", protocol.field(1, wire.info(protocol.statement_query("SELECT 1")))),
            ("GetSessionOptions", b""),
        ]
        for number in range(ROUNDS):
            query = generator.choice(queries)
            if number % 3 == 0:
                call = lambda: wire.unary("GetFlightInfo", mutated(generator, command_descriptor(query)), timeout=20)  # noqa: E731
            elif number % 3 == 1:
                call = lambda: wire.get(mutated(generator, query), timeout=20)  # noqa: E731
            else:
                name, body = generator.choice(actions)
                call = lambda: wire.action(name, mutated(generator, body), timeout=20)  # noqa: E731
            code, text = status(call)
            assert code.name in EXPECTED, (number, code, text)
        # Whatever was begun in between ends with the connection.


@pytest.mark.parametrize("seed", range(2))
def test_damaged_uploads(server, working, bounded, raw, unique, seed):
    print(f"seed {seed}")
    generator = random.Random(seed)
    messages = ipc_messages(DATA)
    raw.ingest(unique, DATA, "create")
    with Wire(server.port) as wire:
        for number in range(ROUNDS // 2):
            damaged = [list(message) for message in messages]
            for _ in range(generator.randrange(1, 3)):
                victim = generator.choice(damaged)
                part = generator.randrange(2)
                victim[part] = mutated(generator, victim[part])
            descriptor = command_descriptor(protocol.ingest(f"{unique}_damaged", "replace"))
            uploads = [flight_data(*message, descriptor=None if place else descriptor) for place, message in enumerate(damaged)]
            if generator.random() < 0.2:
                generator.shuffle(uploads)
            code, text = status(lambda uploads=uploads: wire.put(uploads, timeout=20))
            assert code.name in EXPECTED, (number, code, text)
    assert raw.query(f"FROM {unique}").num_rows == 50


def test_two_hundred_clients(server, unique, raw):
    raw.update(f"CREATE TABLE {unique}(client INTEGER, i INTEGER)")

    def work(number):
        with Wire(server.port) as wire:
            def rows(sql, transaction=None):
                ticket = wire.ticket(protocol.statement_query(sql, transaction))
                return sum(1 for _ in wire.get(ticket, timeout=120))

            (answer,) = wire.action("BeginTransaction", protocol.begin_transaction())
            transaction = protocol.first(protocol.unpack(answer), 1)
            for i in range(2):
                rows(f"INSERT INTO {unique} VALUES ({number}, {i})", transaction)
            rows("SELECT i FROM range(20000) t(i)")
            end = protocol.COMMIT if number % 2 else protocol.ROLLBACK
            wire.action("EndTransaction", protocol.end_transaction(transaction, end))

    with concurrent.futures.ThreadPoolExecutor(50) as pool:
        list(pool.map(work, range(200)))
    assert raw.rows(f"SELECT count(*), count(DISTINCT client) FROM {unique}") == [(200, 100)]


def test_uploads_that_pause_keep_nobody_out(start_server):
    server = start_server("--max-running", "2")
    messages = ipc_messages(pa.table({"i": pa.array(range(10), pa.int64())}))
    go_on = threading.Event()

    def pausing(number):
        yield flight_data(*messages[0], descriptor=command_descriptor(protocol.ingest(f"slow{number}")))
        go_on.wait()
        yield flight_data(*messages[1])

    with Wire(server.port) as slow, Raw(server.url) as raw:
        calls = [slow.exchange("DoPut", pausing(number)) for number in range(60)]
        for number in range(20):
            assert raw.ingest("quick", pa.table({"i": [number]})) == 1
        assert raw.rows("SELECT count(*), sum(i)::BIGINT FROM quick") == [(20, 190)]
        go_on.set()
        for call in calls:
            assert status(lambda call=call: call)[0] is grpc.StatusCode.OK
        assert raw.value("SELECT count(*) FROM slow59") == 10


def test_the_error_of_a_load_is_told_to_a_client_that_pauses(server, unique):
    messages = ipc_messages(pa.table({"i": [1]}))
    told = threading.Event()

    def pausing():
        yield flight_data(*messages[0], descriptor=command_descriptor(protocol.ingest(unique, "append")))
        told.wait()

    with Wire(server.port) as wire:
        code, text = status(lambda: wire.exchange("DoPut", pausing(), timeout=30))
        told.set()
    assert code is grpc.StatusCode.NOT_FOUND and unique in text


@pytest.mark.parametrize("sql", ["SELECT {}", "CREATE TABLE t AS SELECT {}", "CREATE TEMP TABLE t AS SELECT {}"])
def test_any_statement_ends_at_its_time_out(start_server, sql):
    server = start_server("--statement-timeout", "100ms")
    endless = sql.format("sum(a.i * b.i) AS s FROM range(10000000) a(i), range(1000000) b(i)")
    with Wire(server.port) as wire:
        code, text = status(lambda: wire.get(wire.ticket(protocol.statement_query(endless))))
        assert code is grpc.StatusCode.DEADLINE_EXCEEDED and "statement_timeout" in text
        assert status(lambda: wire.info(protocol.statement_query("SELECT 1")))[0] is grpc.StatusCode.OK


def test_an_upload_that_stalls_ends_at_the_time_out(start_server):
    server = start_server("--statement-timeout", "100ms")
    messages = ipc_messages(pa.table({"i": [1]}))
    told = threading.Event()

    def stalling():
        yield flight_data(*messages[0], descriptor=command_descriptor(protocol.ingest("t")))
        yield flight_data(*messages[1])
        told.wait()

    with Wire(server.port) as wire:
        code, text = status(lambda: wire.exchange("DoPut", stalling(), timeout=30))
        told.set()
        assert code is grpc.StatusCode.DEADLINE_EXCEEDED and "statement_timeout" in text
        assert status(lambda: wire.info(protocol.statement_query("FROM t")))[0] is grpc.StatusCode.INVALID_ARGUMENT


def test_the_wait_for_a_turn_is_limited(start_server):
    server = start_server("--max-running", "1", "--max-queued", "1", "--queue-timeout", "100ms")
    endless = "SELECT sum(a.i * b.i) FROM range(10000000) a(i), range(1000000) b(i)"
    with Wire(server.port) as wire:
        wire.info(protocol.statement_query(endless))
        code, text = status(lambda: wire.info(protocol.statement_query("SELECT 1"), timeout=30))
        assert code is grpc.StatusCode.RESOURCE_EXHAUSTED and "queue_timeout" in text


def test_connections_sessions_and_handles_are_limited(start_server):
    server = start_server("--max-sessions", "2", "--max-transactions", "2", "--max-prepared-statements", "2")
    with Wire(server.port) as first, Wire(server.port) as second, Wire(server.port) as third:
        for wire in (first, second):
            assert status(lambda: wire.info(protocol.statement_query("SELECT 1")))[0] is grpc.StatusCode.OK
        code, text = status(lambda: third.info(protocol.statement_query("SELECT 1")))
        assert code is grpc.StatusCode.RESOURCE_EXHAUSTED and "max_sessions" in text
        for name, body in (
            ("BeginTransaction", protocol.begin_transaction()),
            ("CreatePreparedStatement", protocol.create_prepared_statement("SELECT 1")),
        ):
            codes = [status(lambda: first.action(name, body))[0].name for _ in range(3)]
            assert codes == ["OK", "OK", "RESOURCE_EXHAUSTED"]
    limited = start_server("--max-connections", "1")
    with Wire(limited.port) as first, Wire(limited.port) as second:
        assert status(lambda: first.info(protocol.statement_query("SELECT 1")))[0] is grpc.StatusCode.OK
        assert status(lambda: second.info(protocol.statement_query("SELECT 1"), timeout=10))[0] is grpc.StatusCode.UNAVAILABLE


def test_closing_a_session_ends_what_it_runs_elsewhere(start_server):
    server = start_server("--max-running", "1", "--max-queued", "0")
    token = (("authorization", "Bearer of-this-test"),)
    endless = "CREATE TABLE t AS SELECT sum(a.i * b.i) AS s FROM range(10000000) a(i), range(1000000) b(i)"
    with Wire(server.port) as first, Wire(server.port) as second, concurrent.futures.ThreadPoolExecutor() as pool:
        running = pool.submit(status, lambda: first.info(protocol.statement_query(endless), metadata=token))
        # The one place is taken once another is refused.
        while status(lambda: second.info(protocol.statement_query("SELECT 1")))[0] is grpc.StatusCode.OK:
            pass
        second.action("CloseSession", metadata=token)
        assert running.result(30)[0] is grpc.StatusCode.CANCELLED
