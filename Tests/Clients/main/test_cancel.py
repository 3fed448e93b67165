"""Cancelling: by request, by leaving, by deadline; always that statement and no other."""

import concurrent.futures
import time

import grpc
import pyarrow as pa
import pytest

from support import protocol
from support.raw import Raw
from support.wire import Wire, command_descriptor, status

ENDLESS = "SELECT sum(a.i * b.i) FROM range(10000000) a(i), range(1000000) b(i)"
CANCELLED, CANCELLING, NOT_CANCELLABLE = 1, 2, 3
SECONDS = 30




def test_a_running_statement_is_cancelled_by_its_info(server):
    with Wire(server.port) as wire, concurrent.futures.ThreadPoolExecutor() as pool:
        info = wire.info(protocol.statement_query(ENDLESS))
        ticket = protocol.first(protocol.first(protocol.first(info, 3), 1), 1)
        reading = pool.submit(status, lambda: wire.get(ticket, timeout=SECONDS))
        answer = cancel_until_it_counts(wire, info)
        assert answer in (CANCELLED, CANCELLING)
        assert reading.result(SECONDS)[0] is grpc.StatusCode.CANCELLED


def cancel_until_it_counts(wire, info) -> int:
    deadline = time.monotonic() + SECONDS
    while time.monotonic() < deadline:
        (answer,) = wire.action("CancelFlightInfo", protocol.field(1, info))
        result = protocol.first(answer, 1, 0)
        if result in (CANCELLED, CANCELLING):
            return result
    return 0


def test_cancelling_is_idempotent(server):
    with Wire(server.port) as wire:
        info = wire.info(protocol.statement_query("SELECT 1"))
        for _ in range(3):
            (answer,) = wire.action("CancelFlightInfo", protocol.field(1, info))
            assert protocol.first(answer, 1) in (CANCELLED, CANCELLING, NOT_CANCELLABLE)


def test_the_older_action_cancels_too(server):
    with Wire(server.port) as wire, concurrent.futures.ThreadPoolExecutor() as pool:
        info = wire.info(protocol.statement_query(ENDLESS))
        ticket = protocol.first(protocol.first(protocol.first(info, 3), 1), 1)
        reading = pool.submit(status, lambda: wire.get(ticket, timeout=SECONDS))
        body = protocol.command("ActionCancelQueryRequest", protocol.field(1, info))
        deadline = time.monotonic() + SECONDS
        result = 0
        while result not in (1, 2) and time.monotonic() < deadline:
            (answer,) = wire.action("CancelQuery", body)
            result = protocol.first(protocol.unpack(answer), 1)
        assert reading.result(SECONDS)[0] is grpc.StatusCode.CANCELLED


def test_only_the_named_statement_is_cancelled(server):
    with Wire(server.port) as wire, concurrent.futures.ThreadPoolExecutor() as pool:
        doomed = wire.info(protocol.statement_query(ENDLESS))
        spared = wire.info(protocol.statement_query("SELECT i FROM range(3000000) t(i)"))
        tickets = [protocol.first(protocol.first(protocol.first(info, 3), 1), 1) for info in (doomed, spared)]
        readings = [pool.submit(status, lambda ticket=ticket: wire.get(ticket, timeout=SECONDS)) for ticket in tickets]
        cancel_until_it_counts(wire, doomed)
        assert readings[0].result(SECONDS)[0] is grpc.StatusCode.CANCELLED
        assert readings[1].result(SECONDS)[0] is grpc.StatusCode.OK


def test_a_client_that_leaves_stops_its_statement(start_server):
    server = start_server("--max-running", "1", "--max-queued", "0")
    with Wire(server.port) as wire, Raw(server.url) as raw:
        ticket = wire.ticket(protocol.statement_query(ENDLESS))
        call = wire.get(ticket)
        assert repeat_until(lambda: refused(raw))
        call.cancel()
        assert repeat_until(lambda: not refused(raw))


def refused(raw) -> bool:
    """Whether the one place for a running statement is taken."""
    try:
        raw.value("SELECT 1")
    except (pa.ArrowException, OSError):
        return True
    return False


def repeat_until(condition) -> bool:
    deadline = time.monotonic() + SECONDS
    while time.monotonic() < deadline:
        if condition():
            return True
    return False


def test_a_deadline_ends_the_statement(server):
    with Wire(server.port) as wire:
        ticket = wire.ticket(protocol.statement_query(ENDLESS))
        assert status(lambda: wire.get(ticket, timeout=0.3))[0] is grpc.StatusCode.DEADLINE_EXCEEDED
        assert status(lambda: wire.info(protocol.statement_query("SELECT 1")))[0] is grpc.StatusCode.OK


def test_statement_timeout_ends_the_statement(start_server):
    server = start_server("--statement-timeout", "300ms")
    with Wire(server.port) as wire:
        def run():
            return wire.get(wire.ticket(protocol.statement_query(ENDLESS)))

        code, text = status(run)
        assert code in (grpc.StatusCode.DEADLINE_EXCEEDED, grpc.StatusCode.CANCELLED, grpc.StatusCode.RESOURCE_EXHAUSTED)
        assert "timeout" in text


def test_a_running_update_is_cancelled_by_its_caller(server, raw, unique):
    raw.update(f"CREATE TABLE {unique}(n HUGEINT)")
    with Wire(server.port) as wire:
        sql = f"INSERT INTO {unique} " + ENDLESS
        message = protocol.field(1, command_descriptor(protocol.statement_update(sql))) + protocol.field(1000, b"")
        code, _ = status(lambda: wire.put([message], timeout=0.3))
        assert code is grpc.StatusCode.DEADLINE_EXCEEDED
    assert raw.value(f"SELECT count(*) FROM {unique}") == 0


@pytest.mark.parametrize("count", [200])
def test_many_cancelled_reads_in_a_row_do_no_harm(server, count):
    with Wire(server.port) as wire:
        for _ in range(count):
            call = wire.get(wire.ticket(protocol.statement_query("SELECT i FROM range(10000000) t(i)")))
            next(call)
            call.cancel()
        assert status(lambda: wire.info(protocol.statement_query("SELECT 1")))[0] is grpc.StatusCode.OK
