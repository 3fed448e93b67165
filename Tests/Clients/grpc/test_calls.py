"""What a caller sees: the four kinds of calls, errors, metadata, compression, limits."""

import concurrent.futures
import http.client
import os
import random
import socket

import grpc
import pytest

from conftest import connect

MiB = 1024 * 1024


def unary(channel, method):
    return channel.unary_unary("/test.Echo/" + method)


def test_unary(channel):
    for size in (0, 1, 4095, 4096, 16383, 16384, 65535, 65536, 1000003):
        message = random.Random(size).randbytes(size)
        assert unary(channel, "Unary")(message) == message


def test_client_stream(channel):
    parts = [bytes([n]) * (n * 1000) for n in range(100)]
    collect = channel.stream_unary("/test.Echo/Collect")
    assert collect(iter(parts)) == b"".join(parts)
    assert collect(iter([])) == b""


def test_server_stream(channel):
    expand = channel.unary_stream("/test.Echo/Expand")
    assert b"".join(expand(bytes(range(256)) * 20)) == bytes(range(256)) * 20
    assert list(expand(b"")) == []


def test_both_stream_in_lockstep(channel):
    import queue

    requests = queue.SimpleQueue()
    responses = channel.stream_stream("/test.Echo/Chat")(iter(requests.get, None))
    assert ("ready", "yes") in [(m.key, m.value) for m in responses.initial_metadata()]
    for n in range(200):
        requests.put(b"%d" % n)
        assert next(responses) == b"%d" % n
    requests.put(None)
    assert list(responses) == []


@pytest.mark.parametrize("code", [c for c in grpc.StatusCode if c is not grpc.StatusCode.OK])
@pytest.mark.parametrize("method", ["Fail", "FailLate"])
def test_every_status(channel, code, method):
    with pytest.raises(grpc.RpcError) as caught:
        text = "Größe 100% — ☃\nnext\tline"
        list(channel.unary_stream("/test.Echo/" + method)(f"{code.value[0]} {text}".encode()))
    assert caught.value.code() is code
    assert caught.value.details() == text
    trailers = {m.key: m.value for m in caught.value.trailing_metadata()}
    assert trailers["reason"] == "asked"
    assert trailers["detail-bin"] == b"\x00\x01\x02\xff"


def test_any_other_error_is_internal_and_says_nothing(channel):
    with pytest.raises(grpc.RpcError) as caught:
        unary(channel, "Fail")(b"-1 secret")
    assert caught.value.code() is grpc.StatusCode.INTERNAL
    assert "secret" not in caught.value.details() and "SomeOther" not in caught.value.details()


def test_unknown_method(channel):
    for path in ("/test.Echo/Nothing", "/test.Other/Unary", "/grpc.health.v1.Health/Nothing"):
        with pytest.raises(grpc.RpcError) as caught:
            channel.unary_unary(path)(b"")
        assert caught.value.code() is grpc.StatusCode.UNIMPLEMENTED


def test_metadata_both_ways(channel):
    sent = [("plain", "a b,c"), ("payload-bin", bytes(range(256))), ("twice", "1"), ("twice", "2")]
    response, call = unary(channel, "Metadata").with_call(b"x", metadata=sent)
    assert response == b"x"
    headers = [(m.key, m.value) for m in call.initial_metadata()]
    trailers = [(m.key, m.value) for m in call.trailing_metadata()]
    assert ("echo-plain", "a b,c") in headers
    assert ("echo-payload-bin", bytes(range(256))) in headers
    assert ("reversed-bin", bytes(reversed(range(256)))) in headers
    assert [v for k, v in headers if k == "echo-twice"] == ["1", "2"]
    assert ("trailer-plain", "a b,c") in trailers


def test_big_metadata(server):
    # gRPC C++ itself takes at most 16 KiB of headers unless told otherwise.
    with connect(server, [("grpc.max_metadata_size", MiB)]) as channel:
        value = "v" * 12_000
        _, call = unary(channel, "Metadata").with_call(b"x", metadata=[("big", value)])
        assert ("echo-big", value) in [(m.key, m.value) for m in call.initial_metadata()]
        assert ("trailer-big", value) in [(m.key, m.value) for m in call.trailing_metadata()]
        # Above the limit: this call fails; the server goes on.
        with pytest.raises(grpc.RpcError):
            unary(channel, "Metadata")(b"x", metadata=[("big", "v" * 100_000)])
    with connect(server) as channel:
        assert unary(channel, "Unary")(b"on") == b"on"


@pytest.mark.parametrize("size", [0, 10, 100_000, 5 * MiB])
def test_gzip_requests(channel, size):
    message = b"abcd" * (size // 4)
    answer = unary(channel, "Unary")(message, compression=grpc.Compression.Gzip)
    assert answer == message
    parts = [message, b"", message]
    collect = channel.stream_unary("/test.Echo/Collect")
    assert collect(iter(parts), compression=grpc.Compression.Gzip) == b"".join(parts)


def test_gzip_responses(channel):
    message = os.urandom(1000) * 1000
    assert unary(channel, "Upper")(message) == message


def test_unknown_encoding_is_unimplemented(channel):
    with pytest.raises(grpc.RpcError) as caught:
        unary(channel, "Unary")(b"x" * 1000, compression=grpc.Compression.Deflate)
    assert caught.value.code() is grpc.StatusCode.UNIMPLEMENTED
    assert "deflate" in caught.value.details()


def test_64_mib_messages(channel):
    message = os.urandom(MiB) * 64
    assert unary(channel, "Unary")(message) == message


def test_messages_above_the_limit(channel):
    for options in ({}, {"compression": grpc.Compression.Gzip}):
        with pytest.raises(grpc.RpcError) as caught:
            unary(channel, "Unary")(bytes(81 * MiB), **options)
        assert caught.value.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
    assert unary(channel, "Unary")(b"on") == b"on"


def test_answer_before_the_request_has_ended(channel):
    def endless():
        while True:
            yield bytes(100_000)

    call = channel.stream_unary("/test.Echo/Ignore")
    assert call(endless()) == b"ignored"


def test_many_calls_at_a_time(server):
    with connect(server) as channel, concurrent.futures.ThreadPoolExecutor(32) as pool:
        def one(n):
            message = b"%d" % n * (n % 5000)
            return unary(channel, "Unary")(message) == message

        assert all(pool.map(one, range(3000)))


def test_health(channel):
    check = channel.unary_unary("/grpc.health.v1.Health/Check")
    assert check(b"") == b"\x08\x01"
    with pytest.raises(grpc.RpcError) as caught:
        check(b"\x0a\x04none")
    assert caught.value.code() is grpc.StatusCode.NOT_FOUND
    watch = channel.unary_stream("/grpc.health.v1.Health/Watch")(b"")
    assert next(watch) == b"\x08\x01"
    watch.cancel()


def test_a_peer_that_does_not_speak_http2_is_dropped(server):
    host, port = server.address.split(":")
    preface = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
    greetings = (b"GET / HTTP/1.1\r\nHost: example.org\r\n\r\n", os.urandom(1000), preface + os.urandom(1000))
    for greeting in greetings:
        with socket.create_connection((host, int(port)), timeout=10) as connection:
            connection.sendall(greeting)
            while connection.recv(4096):
                pass
