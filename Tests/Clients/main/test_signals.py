"""How a server that has work ends when it is told to."""

import signal
import subprocess
import time

from support import protocol
from support.raw import Raw


def wait_for_log(server, text):
    deadline = time.monotonic() + 30
    while text not in server.log.read_text():
        assert time.monotonic() < deadline and server.is_running(), server.errors()
        time.sleep(0.01)


def test_a_second_interrupt_ends_it_at_once(start_server):
    server = start_server("--drain-timeout", "1h")
    with Raw(server.url) as raw:
        raw.reader(protocol.statement_query("SELECT i FROM range(1000000000) t(i)")).read_chunk()
        server.process.send_signal(signal.SIGINT)
        wait_for_log(server, "stopping")
        server.process.send_signal(signal.SIGINT)
        assert server.process.wait(30) == 130


def test_a_second_request_to_end_changes_nothing(start_server):
    server = start_server("--drain-timeout", "2s")
    with Raw(server.url) as raw:
        raw.reader(protocol.statement_query("SELECT i FROM range(1000000000) t(i)")).read_chunk()
        server.process.send_signal(signal.SIGTERM)
        wait_for_log(server, "stopping")
        server.process.send_signal(signal.SIGTERM)
        assert server.process.wait(60) == 0


def test_idle_it_ends_within_a_moment(start_server):
    server = start_server("--drain-timeout", "1h")
    server.process.send_signal(signal.SIGINT)
    try:
        assert server.process.wait(30) == 0
    except subprocess.TimeoutExpired:
        raise AssertionError("an idle server waits for nobody") from None
