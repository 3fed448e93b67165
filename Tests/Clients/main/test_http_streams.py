"""Rows into streams over HTTP."""

import io
import json
import urllib.error
import urllib.request

import pyarrow as pa
import pytest

from support.raw import Raw


@pytest.fixture(scope="module")
def http(tmp_path_factory):
    """A server with pages, and a function that sends requests to them."""
    import socket

    from support.server import Server

    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    with Server(tmp_path_factory.mktemp("http") / "log", "--http-port", str(port)) as server:
        with Raw(server.url) as raw:

            def send(path, body=None, kind="application/json", **headers):
                request = urllib.request.Request(
                    f"http://127.0.0.1:{port}/v1/streams{path}", data=body,
                    headers={"Content-Type": kind, **{k.replace("_", "-"): v for k, v in headers.items()}})
                try:
                    with urllib.request.urlopen(request) as answer:
                        return answer.status, json.loads(answer.read())
                except urllib.error.HTTPError as error:
                    text = error.read()
                    return error.code, json.loads(text) if text.startswith(b"{") else text.decode()

            send.raw = raw
            yield send


def test_lines_and_arrays_and_objects_of_json(http):
    http.raw.update("CREATE STREAM typed (id BIGINT NOT NULL, at TIMESTAMPTZ, tags INTEGER[])")
    lines = b'{"id":1,"at":"2026-01-01T00:00:00Z","tags":[1,2]}\n\n{"id":2}\n'
    assert http("/typed", lines, "application/x-ndjson") == (
        200, {"offset": 0, "next_offset": 2, "rows": 2, "repeat": False, "dead_letters": 0})
    assert http("/typed", b'[{"id":3},{"id":"4"}]')[1]["offset"] == 2
    assert http("/typed", b'{"id":5}')[1]["offset"] == 4
    assert http.raw.rows("SELECT id, len(tags) FROM typed ORDER BY id") == [(1, 2), (2, None), (3, None), (4, None), (5, None)]


def test_an_arrow_stream_and_retries(http):
    http.raw.update("CREATE STREAM arrow (id BIGINT, v DOUBLE)")
    sink = io.BytesIO()
    table = pa.table({"id": [1, 2], "v": [0.5, 1.5]})
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    for repeat in (False, True):
        status, answer = http(
            "/arrow", sink.getvalue(), "application/vnd.apache.arrow.stream", X_Producer="p", X_Sequence="1")
        assert (status, answer["repeat"], answer["offset"]) == (200, repeat, 0)
    assert http.raw.value("SELECT count(*) FROM arrow") == 2


def test_columns_appear_as_rows_bring_them(http):
    http.raw.update("CREATE STREAM open WITH (format = 'json')")
    http("/open", b'{"a":1,"b":"x"}\n{"a":2.5,"c":[1]}', "application/x-ndjson")
    assert http.raw.rows("SELECT a, b, c FROM open ORDER BY a") == [(1.0, "x", None), (2.5, None, "[1]")]


@pytest.mark.parametrize("body, kind, status, what", [
    (b'{"id":1}\n{"id":', "application/x-ndjson", 400, "line 2 is not valid JSON"),
    (b'{"id":1}\n7', "application/x-ndjson", 400, "line 2 is no JSON object"),
    (b'{"nix":1}', "application/json", 400, "has no column 'nix'"),
    (b'{"id":null}', "application/json", 400, "NULL in column 'id'"),
    (b"x", "text/plain", 400, "content type"),
    (b"x", "application/vnd.apache.arrow.stream", 400, "Arrow stream cannot be read"),
])
def test_bad_bodies_are_told_and_nothing_is_stored(http, body, kind, status, what):
    http.raw.update("CREATE STREAM IF NOT EXISTS strict (id BIGINT NOT NULL)")
    code, answer = http("/strict", body, kind)
    assert code == status and what in answer["error"]
    assert http.raw.value("SELECT count(*) FROM strict") == 0


def test_streams_that_are_not_there_and_other_origins(http):
    assert http("/nosuch", b"{}")[0] == 404
    assert http("/nosuch")[0] == 404
    http.raw.update("CREATE STREAM guarded (id BIGINT)")
    assert http("/guarded", b'{"id":1}', Origin="http://evil.example")[0] == 403
    assert http("/guarded", b'{"id":1}', Host="evil.example")[0] == 421
    assert http("/guarded", b'{"id":1}', Origin="http://localhost:3000")[0] == 200
    assert "guarded" in http("")[1]["streams"]
    assert http("/guarded")[1]["next_offset"] == 1
