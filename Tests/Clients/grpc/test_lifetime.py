"""How calls and connections end: deadlines, cancellation, many cancels, draining, idling."""

import threading
import time

import grpc
import pytest

from conftest import connect


def unary(channel, method):
    return channel.unary_unary("/test.Echo/" + method)


def counters(channel):
    return [int(n) for n in unary(channel, "Counters")(b"").split()]


def wait_for(condition):
    """Waits for what another process does; gives up after 20 s."""
    end = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < end, "it did not happen"
        time.sleep(0.01)


def test_deadline_cancels_the_handler(channel):
    before = counters(channel)[1]
    with pytest.raises(grpc.RpcError) as caught:
        unary(channel, "Hang")(b"", timeout=0.1)
    assert caught.value.code() is grpc.StatusCode.DEADLINE_EXCEEDED
    wait_for(lambda: counters(channel)[1] == before + 1 and counters(channel)[0] == 0)


def test_a_call_in_time(channel):
    assert unary(channel, "Slow")(b"20", timeout=20) == b"20"


def test_cancel_cancels_the_handler(channel):
    before = counters(channel)
    call = unary(channel, "Hang").future(b"")
    wait_for(lambda: counters(channel)[0] == before[0] + 1)
    call.cancel()
    wait_for(lambda: counters(channel) == [before[0], before[1] + 1])


def test_a_lost_connection_cancels_the_handler(server, channel):
    before = counters(channel)
    other = connect(server)
    call = unary(other, "Hang").future(b"")
    wait_for(lambda: counters(channel)[0] == before[0] + 1)
    other.close()
    wait_for(lambda: counters(channel) == [before[0], before[1] + 1])
    assert call.done()


def test_2000_cancels_on_one_connection(server, channel):
    with connect(server) as one:
        generate = one.unary_stream("/test.Echo/Generate")
        for _ in range(2000):
            call = generate(b"5 10000")
            next(call)
            call.cancel()
        assert unary(one, "Unary")(b"still here") == b"still here"


def test_2000_cancels_of_waiting_calls(server, channel):
    before = counters(channel)[1]
    with connect(server) as one:
        for _ in range(20):
            calls = [unary(one, "Hang").future(b"") for _ in range(100)]
            wait_for(lambda: counters(channel)[0] == 100)
            for call in calls:
                call.cancel()
            wait_for(lambda: counters(channel)[0] == 0)
        assert counters(channel)[1] == before + 2000
        assert unary(one, "Unary")(b"still here") == b"still here"


def test_a_caller_that_does_not_read_holds_little_memory(start):
    server = start()
    with connect(server) as channel:
        unary(channel, "Unary")(b"warm")
        before = server.resident_bytes()
        call = channel.unary_stream("/test.Echo/Generate")(b"100000 100000")  # 10 GB
        next(call)
        time.sleep(1)  # gives a server that does not wait the time to show it
        assert server.resident_bytes() - before < 60_000_000
        call.cancel()
        assert unary(channel, "Unary")(b"on") == b"on"


def test_a_handler_that_does_not_read_holds_little_memory(start):
    server = start()
    with connect(server) as channel:
        unary(channel, "Unary")(b"warm")
        before = server.resident_bytes()
        sent = []

        def endless():
            for _ in range(5000):
                sent.append(1)
                yield bytes(1_000_000)

        call = channel.stream_unary("/test.Echo/Stuck").future(endless())
        time.sleep(1)
        assert server.resident_bytes() - before < 60_000_000
        assert len(sent) < 100
        call.cancel()


def test_terminating_lets_calls_finish(start):
    server = start("--grace-ms", 20000)
    with connect(server) as channel:
        unary(channel, "Unary")(b"warm")
        call = unary(channel, "Slow").future(b"1500")
        wait_for(lambda: counters_or_slow(channel))
        server.terminate()
        assert call.result(timeout=20) == b"1500"
    assert server.wait() == 0


def counters_or_slow(channel):
    # The call before this one on the same connection has arrived when this one answers.
    return counters(channel) is not None


def test_terminating_cancels_what_does_not_finish(start):
    server = start("--grace-ms", 200)
    with connect(server) as channel:
        call = unary(channel, "Hang").future(b"")
        wait_for(lambda: counters(channel)[0] == 1)
        server.terminate()
        with pytest.raises(grpc.RpcError) as caught:
            call.result(timeout=20)
        assert caught.value.code() in (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.CANCELLED)
    assert server.wait() == 0


def test_an_idle_connection_is_closed_and_made_again(start):
    server = start("--idle-ms", 100)
    with connect(server) as channel:
        states = []
        went_idle = threading.Event()

        def changed(state):
            states.append(state)
            if state is grpc.ChannelConnectivity.IDLE and len(states) > 1:
                went_idle.set()

        channel.subscribe(changed)
        assert unary(channel, "Unary")(b"1") == b"1"
        assert went_idle.wait(20)
        assert unary(channel, "Unary")(b"2") == b"2"


def test_keepalive_pings_of_both_sides(start):
    server = start("--keepalive-ms", 20)
    options = [("grpc.keepalive_time_ms", 1000), ("grpc.keepalive_permit_without_calls", 1)]
    with connect(server, options) as channel:
        assert unary(channel, "Slow")(b"1500") == b"1500"
        assert unary(channel, "Unary")(b"on") == b"on"
