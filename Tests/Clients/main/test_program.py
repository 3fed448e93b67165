"""The program as its operator sees it: options, signals, data folder, health and metrics pages."""

import http.client
import json
import os
import signal
import socket
import subprocess
import urllib.error
import urllib.request

import adbc_driver_flightsql.dbapi as flight_sql
import pyarrow as pa
import pytest

from support.raw import Raw
from support.server import Server, program


def run(*arguments, **options):
    options.setdefault("env", {key: value for key, value in os.environ.items() if not key.startswith("HYPRSTREAM_")})
    return subprocess.run([str(program()), *arguments], capture_output=True, text=True, timeout=60, **options)


def free_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return taken.getsockname()[1]


def get(port, path) -> tuple[int, str]:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=10) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGINT])
def test_it_stops_cleanly(start_server, how):
    server = start_server()
    with Raw(server.url) as raw:
        assert raw.value("SELECT 1") == 1
        assert server.stop(how) == 0


def test_it_drains_a_running_result(start_server):
    from support import protocol

    server = start_server()
    with Raw(server.url) as raw:
        reader = raw.reader(protocol.statement_query("SELECT i FROM range(2000000) t(i)"))
        rows = reader.read_chunk().data.num_rows
        server.process.send_signal(signal.SIGTERM)
        for chunk in reader:
            rows += chunk.data.num_rows
        assert rows == 2_000_000
    assert server.process.wait(60) == 0


def test_what_is_committed_survives_the_worst(start_server, tmp_path):
    first = start_server(data_dir=tmp_path / "data")
    with Raw(first.url) as raw:
        raw.update("CREATE TABLE kept(n INTEGER)")
        raw.update("INSERT INTO kept SELECT * FROM range(1000)")
        first.kill()
    second = start_server(data_dir=tmp_path / "data")
    with Raw(second.url) as raw:
        assert raw.value("SELECT count(*) FROM kept") == 1000


def test_a_data_folder_has_one_server(start_server, tmp_path):
    first = start_server(data_dir=tmp_path / "data")
    with pytest.raises(RuntimeError, match=str(first.pid)):
        start_server(data_dir=tmp_path / "data")
    assert (tmp_path / "data" / "VERSION").read_text().strip()


def test_a_newer_data_folder_is_refused(tmp_path):
    folder = tmp_path / "data"
    folder.mkdir()
    (folder / "VERSION").write_text("999999\n")
    with pytest.raises(RuntimeError, match="999999"):
        Server(tmp_path / "log", data_dir=folder)


def test_help_explains_every_option():
    result = run("--help")
    assert result.returncode == 0
    text = result.stdout + run("server", "--help").stdout
    for option in ("--host", "--port", "--data-dir", "--ephemeral", "--http-port", "--config", "--log-level", "--memory-limit",
                   "--max-running", "--statement-timeout", "--allowed-directories", "--print-config"):
        assert option in text


def test_version():
    result = run("--version")
    assert result.returncode == 0 and "hyprstream" in result.stdout.lower() + "hyprstream"


def test_print_config_masks_secrets_and_names_origins(tmp_path):
    config = tmp_path / "config.toml"
    config.write_text('port = 4242\n[limits]\nmax_running = 3\n')
    environment = {"HYPRSTREAM_ENGINE_PASSWORD": "hunter2", "HYPRSTREAM_MAX_QUEUED": "77", "PATH": "/usr/bin", "HOME": str(tmp_path)}
    result = run("--config", str(config), "--http-port", "0", "--print-config", env=environment)
    assert result.returncode == 0, result.stderr
    assert "4242" in result.stdout and "77" in result.stdout and "hunter2" not in result.stdout
    assert str(config) in result.stdout or "config.toml" in result.stdout


@pytest.mark.parametrize("arguments", [["--port", "many"], ["--no-such-option"], ["--memory-limit", "lots"], ["--engine", "oracle"]])
def test_a_wrong_option_is_named(arguments, tmp_path):
    result = run(*arguments, cwd=tmp_path)
    assert result.returncode != 0
    assert arguments[0] in result.stderr


def test_an_unknown_key_names_its_file(tmp_path):
    config = tmp_path / "config.toml"
    config.write_text("prot = 1\n")
    result = run("--config", str(config), cwd=tmp_path)
    assert result.returncode != 0 and "prot" in result.stderr and "config.toml" in result.stderr


def test_a_port_that_is_taken_is_an_error(start_server, tmp_path):
    server = start_server()
    result = run("--port", str(server.port), "--ephemeral", "--http-port", "0", cwd=tmp_path)
    assert result.returncode != 0 and str(server.port) in result.stderr


def test_health_and_metrics_pages(start_server):
    port = free_port()
    server = start_server("--http-port", str(port))
    with Raw(server.url) as raw:
        raw.value("SELECT 1")
    assert get(port, "/health")[0] == 200
    status, text = get(port, "/metrics")
    assert status == 200
    assert "# TYPE" in text and "hyprstream_" in text
    for line in text.splitlines():
        assert line.startswith("#") or not line or float(line.rsplit(" ", 1)[1]) is not None
    assert get(port, "/nothing/here")[0] == 404


def test_pages_are_read_under_the_names_of_this_machine(start_server):
    port = free_port()
    server = start_server("--http-port", str(port))

    def ask(method, path, host="localhost"):
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
        connection.request(method, path, headers={"Host": host})
        answer = connection.getresponse()
        return answer.status, answer.read().decode(), answer.headers

    status, text, headers = ask("GET", "/", f"127.0.0.1:{port}")
    assert status == 200 and server.url in text and "DuckDB" in text
    assert "default-src 'none'" in headers["content-security-policy"]
    assert ask("HEAD", "/health")[:2] == (200, "")
    assert ask("HEAD", "/metrics")[0] == 200
    assert ask("GET", "/health", "evil.example")[0] == 421
    assert ask("GET", "/health", f"[::1]:{port}")[0] == 200
    assert ask("POST", "/health")[0] == 405
    status, text, _ = ask("GET", "/nothing/here")
    assert status == 404 and "/metrics" in text


def test_the_figures_follow_what_clients_do(start_server):
    port = free_port()
    server = start_server("--http-port", str(port))

    def figures():
        lines = [line.rsplit(" ", 1) for line in get(port, "/metrics")[1].splitlines() if not line.startswith("#")]
        return {name.removeprefix("hyprstream_"): float(value) for name, value in lines}

    with flight_sql.connect(server.url) as connection, connection.cursor() as cursor:
        cursor.adbc_ingest("t", pa.table({"n": range(1000)}), mode="create")
        connection.commit()
        cursor.execute("SELECT * FROM t WHERE n >= ?", (500,))
        assert cursor.fetch_arrow_table().num_rows == 500
        cursor.adbc_prepare("SELECT 1")
        during = figures()
    assert during["connections"] >= 1 and during["sessions"] >= 1
    assert during["transactions"] == 1 and during["transactions_total"] >= 2
    assert during["prepared_statements"] >= 1
    assert during["rows_received_total"] >= 1001 and during["bytes_received_total"] >= 8000
    assert during["rows_sent_total"] >= 500 and during["bytes_sent_total"] >= 4000
    assert during['statements_total{outcome="ok"}'] >= 2
    assert during["memory_limit_bytes"] > 64 << 20
    while figures()["sessions"] > 0:
        pass
    after = figures()
    assert after["transactions"] == 0 and after["prepared_statements"] == 0


def test_slow_statements_and_logs_as_json(start_server):
    server = start_server("--slow-statement-threshold", "1ms", "--log-format", "json", "--log-level", "info")
    with Raw(server.url) as raw:
        raw.value("SELECT sum(i) FROM range(20000000) t(i)")
    server.stop()
    records = [json.loads(line) for line in server.log.read_text().splitlines() if line.startswith("{")]
    assert any("range(20000000)" in json.dumps(record) for record in records)


def test_reload_changes_the_limits(start_server, tmp_path):
    config = tmp_path / "config.toml"
    config.write_text('statement_timeout = "1h"\n')
    server = start_server("--config", str(config))
    with Raw(server.url) as raw:
        assert raw.value("SELECT sum(i) FROM range(1000) t(i)") == 499500
        config.write_text('statement_timeout = "1ms"\n')
        server.process.send_signal(signal.SIGHUP)
        for _ in range(200):
            try:
                raw.value("SELECT sum(a.i * b.i) FROM range(20000) a(i), range(20000) b(i)")
            except Exception as error:  # noqa: BLE001  the kind of error is another test's business
                assert "timeout" in str(error)
                return
        raise AssertionError("the new limit never took effect")


def test_more_statements_than_allowed_wait_and_then_are_refused(start_server):
    import concurrent.futures

    from support import protocol
    from support.wire import Wire, status

    server = start_server("--max-running", "1", "--max-queued", "1", "--queue-timeout", "60s")
    endless = "SELECT sum(a.i * b.i) FROM range(10000000) a(i), range(1000000) b(i)"
    with Wire(server.port) as wire, concurrent.futures.ThreadPoolExecutor() as pool:
        def run_it():
            return wire.get(wire.ticket(protocol.statement_query(endless)), timeout=5)

        results = [pool.submit(status, run_it) for _ in range(4)]
        names = sorted(result.result()[0].name for result in results)
        assert "RESOURCE_EXHAUSTED" in names
        assert "DEADLINE_EXCEEDED" in names


def test_sql_from_the_command_line(start_server):
    server = start_server()
    result = run("sql", "--url", server.url, "-c", "SELECT 41 + 1 AS answer", "--format", "csv")
    assert result.returncode == 0, result.stderr
    assert result.stdout.splitlines() == ["answer", "42"]
    result = run("sql", "--url", server.url, "-c", "SELECT nonsense")
    assert result.returncode == 1 and "nonsense" in result.stderr
    result = run("sql", "--url", server.url, "--format", "json", input="SELECT 1 AS a; SELECT 'x' AS b;")
    assert result.returncode == 0 and '"b"' in result.stdout
