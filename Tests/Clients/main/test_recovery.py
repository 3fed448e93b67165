"""A fatal error of the engine, provoked with the engine's own debug setting: a checkpoint that is broken off.

A checkpoint is refused while another transaction writes to the file, so what is lost here is temporary."""

import threading

import pytest

from support import protocol
from support.raw import Raw
from support.wire import Wire, flight_data, command_descriptor, ipc_messages, status

BREAKS = ("--engine-options", "debug_checkpoint_abort=before_header")


@pytest.fixture
def broken_server(start_server, tmp_path):
    return start_server(*BREAKS, data_dir=tmp_path / "data")


def break_engine(wire):
    code, text = status(lambda: wire.info(protocol.statement_query("CHECKPOINT")))
    assert code.name == "INTERNAL" and "FATAL" in text


def test_the_data_of_the_file_survives_and_others_go_on(broken_server):
    with Wire(broken_server.port) as wire, Raw(broken_server.url) as raw:
        raw.update("CREATE TABLE t AS SELECT range AS i FROM range(1000)")
        prepared = raw.prepare("SELECT count(*) FROM t WHERE i >= ?")
        for round_number in range(3):
            raw.update(f"INSERT INTO t VALUES ({1000 + round_number})")
            break_engine(wire)
            assert raw.rows("SELECT count(*), max(i) FROM t") == [(1001 + round_number, 1000 + round_number)]
            assert raw.value("SELECT count(*) FROM metrics") == 0
        import pyarrow as pa

        prepared.bind(pa.table({"1": [500]}))
        assert prepared.query().column(0).to_pylist() == [503]
    assert broken_server.stop() == 0


def test_what_is_lost_is_told_once(broken_server):
    with Wire(broken_server.port) as wire, Wire(broken_server.port) as temporary, Wire(broken_server.port) as writing:
        def run(client, sql, transaction=None):
            return status(lambda: client.get(client.ticket(protocol.statement_query(sql, transaction))))

        assert run(temporary, "CREATE TEMP TABLE mine AS SELECT 1 AS i")[0].name == "OK"
        (answer,) = writing.action("BeginTransaction", protocol.begin_transaction())
        transaction = protocol.first(protocol.unpack(answer), 1)
        assert run(writing, "CREATE TEMP TABLE lost AS SELECT 1 AS i", transaction)[0].name == "OK"
        break_engine(wire)
        code, text = run(temporary, "SELECT 1")
        assert code.name == "ABORTED" and "temporary tables" in text
        assert run(temporary, "SELECT 1")[0].name == "OK"
        assert run(writing, "SELECT 1", transaction)[0].name == "ABORTED"
        end = protocol.end_transaction(transaction, protocol.ROLLBACK)
        assert status(lambda: writing.action("EndTransaction", end))[0].name == "OK"
        assert run(writing, "SELECT 1")[0].name == "OK"
        assert run(writing, "FROM lost")[0].name == "INVALID_ARGUMENT"


def test_an_upload_that_pauses_does_not_hold_it_up(broken_server):
    import pyarrow as pa

    messages = ipc_messages(pa.table({"i": [1, 2, 3]}))
    sent, done = threading.Event(), threading.Event()

    def pausing():
        yield flight_data(*messages[0], descriptor=command_descriptor(protocol.ingest("paused", temporary=True)))
        yield flight_data(*messages[1])
        sent.set()
        done.wait()

    with Wire(broken_server.port) as wire, Wire(broken_server.port) as uploading, Raw(broken_server.url) as raw:
        raw.update("CREATE TABLE t AS SELECT 1 AS i")
        call = uploading.exchange("DoPut", pausing())
        assert sent.wait(30)
        reader = raw.reader(protocol.statement_query("SELECT i FROM range(100000000) t(i)"))
        reader.read_chunk()
        break_engine(wire)
        assert raw.value("SELECT i FROM t") == 1
        code, text = status(lambda: call)
        assert code.name == "ABORTED" and text
        done.set()
        with pytest.raises(Exception, match="restarted"):
            reader.read_all()
