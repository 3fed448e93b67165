"""Measures the server beside a pyarrow.flight server over the same DuckDB, alternating, with the same clients.

usage: flight.py --program PATH --load PATH [--rounds N] [--rows N] [--seconds S] [--only PARTS] [--json FILE]
PARTS: start, bulk, ingest, small, adbc, file   (all of them without the option)
"""

import argparse
import json
import os
import pathlib
import struct
import subprocess
import tempfile
import threading
import time

import duckdb
import pyarrow as pa

import servers
from report import OURS, PEER, Report
from servers import Process
from support import protocol
from support.wire import flight_data, ipc_messages

ROWS = (
    "SELECT i::BIGINT AS id, (i * 0.5)::DOUBLE AS v, TIMESTAMP '2026-01-01' + INTERVAL (i) SECOND AS ts, "
    "'k' || (i % 100000) AS s FROM range({count}) t(i)"
)
COLUMNS = "(id BIGINT, v DOUBLE, ts TIMESTAMP, s VARCHAR)"
KEYS = 1_000_000
LITERAL = "SELECT id, v, ts, s FROM key_kv WHERE id = {key}"
PREPARED = "SELECT id, v, ts, s FROM key_kv WHERE id = ?"
KEY_MARK = 0x4559414D4B524B31
PARTS = ("start", "bulk", "ingest", "small", "adbc", "file")


class Bench:
    def __init__(self, options: argparse.Namespace, folder: pathlib.Path):
        self.options = options
        self.folder = folder
        self.report = Report()

    def run(self) -> None:
        chosen = self.options.only
        if "start" in chosen:
            self.start_up()
        if set(chosen) & {"bulk", "small", "adbc", "ingest"}:
            self.in_memory(chosen)
        if "file" in chosen:
            self.files()

    def in_memory(self, chosen: list[str]) -> None:
        pair = {OURS: servers.ours(self.options.program, self.folder), PEER: servers.peer(self.folder)}
        try:
            for server in pair.values():
                self.report.add("idle memory", "MB", server.name, server.resident_megabytes())
            self.load_tables(pair, chosen)
            if "bulk" in chosen:
                self.bulk(pair)
            if "small" in chosen:
                self.small(pair)
            if "adbc" in chosen:
                self.adbc(pair[OURS])
            if "ingest" in chosen:
                self.ingest(pair, "memory to memory")
            for server in pair.values():
                self.report.add("peak memory, all of the above", "MB", server.name, server.resident_megabytes("VmHWM"))
        finally:
            for server in pair.values():
                server.stop()

    def say(self, what: str) -> None:
        print(f"bench: {what}", flush=True)

    # Preparation

    def load_tables(self, pair: dict, chosen: list[str]) -> None:
        self.say("loading tables")
        for server in pair.values():
            with server.client() as client:
                if "bulk" in chosen:
                    client.update(f"CREATE TABLE bulk AS {ROWS.format(count=self.options.rows)}")
                if "small" in chosen:
                    client.update("CREATE TABLE key_kv(id BIGINT PRIMARY KEY, v DOUBLE, ts TIMESTAMP, s VARCHAR)")
                    client.update(f"INSERT INTO key_kv {ROWS.format(count=KEYS)}")
                    client.update("CREATE TABLE key_vis(id BIGINT, v DOUBLE)")

    # What stands alone

    def start_up(self) -> None:
        self.say("start-up")
        for _ in range(self.options.rounds):
            for start in (lambda: servers.ours(self.options.program, self.folder), lambda: servers.peer(self.folder)):
                server = start()
                self.report.add("start until ready", "s", server.name, server.start_seconds)
                server.stop()
        size = os.path.getsize(self.options.program) / 1e6
        self.report.add("size of the executable", "MB", OURS, size)

    def adbc(self, server: Process) -> None:
        self.say("ADBC")
        import adbc_driver_flightsql.dbapi as dbapi

        with dbapi.connect(server.url, autocommit=True) as connection, connection.cursor() as cursor:
            times = []
            for _ in range(1000):
                started = time.perf_counter()
                cursor.execute("SELECT 1")
                cursor.fetchone()
                times.append(time.perf_counter() - started)
        self.report.add("ADBC cursor.execute('SELECT 1') and fetch, p50", "µs", OURS, sorted(times)[500] * 1e6)

    # Both, round by round

    def alternate(self, pair: dict):
        """The servers in turn, the first one changing every round, with its number."""
        for number in range(self.options.rounds):
            order = (OURS, PEER) if number % 2 == 0 else (PEER, OURS)
            for name in order:
                yield number, pair[name]

    def bulk(self, pair: dict) -> None:
        for streams, aim in ((1, 1.3), (2, 1.1), (4, 1.0)):
            self.say(f"bulk read, {streams} at a time")
            for number, server in self.alternate(pair):
                if number == 0:
                    read_bulk(server, 1)
                cpu = server.cpu_seconds()
                seconds, rows, size = read_bulk(server, streams)
                cpu = server.cpu_seconds() - cpu
                assert rows == streams * self.options.rows, (server.name, rows)
                name = f"SELECT * of {self.options.rows // 1_000_000} M rows, {streams} connection{'s' * (streams > 1)}"
                self.report.add(name, "rows/s", server.name, rows / seconds, aim=aim)
                self.report.add(name + ", server CPU", "s/GB", server.name, cpu / (size / 1e9), higher=False)

    def ingest(self, pair: dict, what: str) -> None:
        self.say(f"ingest, {what}")
        data = duckdb.sql(ROWS.format(count=self.options.rows)).to_arrow_reader(65_536).read_all()
        size = data.nbytes
        for _, server in self.alternate(pair):
            with server.client() as client:
                client.update("DROP TABLE IF EXISTS fresh")
                client.update(f"CREATE TABLE fresh {COLUMNS}")
                cpu, started = server.cpu_seconds(), time.perf_counter()
                client.ingest("fresh", data, "append")
                seconds, cpu = time.perf_counter() - started, server.cpu_seconds() - cpu
                assert client.value("SELECT count(*) FROM fresh") == self.options.rows
                client.update("DROP TABLE fresh")
            name = f"bulk ingest of {self.options.rows // 1_000_000} M rows, {what}"
            self.report.add(name, "rows/s", server.name, self.options.rows / seconds, aim=1.0)
            self.report.add(name + ", server CPU", "s/GB", server.name, cpu / (size / 1e9), higher=False)

    def files(self) -> None:
        ours = servers.ours(self.options.program, self.folder, self.folder / "data")
        pair = {OURS: ours, PEER: servers.peer(self.folder, self.folder / "peer.duckdb")}
        try:
            self.ingest(pair, "file to file")
        finally:
            for server in pair.values():
                server.stop()

    # Small requests, from the native load generator

    def small(self, pair: dict) -> None:
        bind = self.message_file("bind", pa.table({"1": pa.array([KEY_MARK], pa.int64())}))
        row = self.message_file("row", pa.table({"id": pa.array([KEY_MARK], pa.int64()), "v": [0.5]}), protocol.ingest("key_vis", "append"))
        for clients, aim in ((1, 2.2), (8, 3.0)):
            who = f"{clients} client{'s' * (clients > 1)}"
            self.requests(pair, f"one row by key, literal, {who}", aim, ["--kind", "literal", "--sql", LITERAL, "--clients", str(clients)])
            self.requests(pair, f"one row by key, prepared, {who}", aim, ["--kind", "prepared", "--sql", PREPARED, "--messages", bind, "--clients", str(clients)])
        self.latency(pair, "empty action", 0.8, ["--kind", "action", "--action", "Ping"])
        self.latency(pair, "put of one row until it is seen", 0.5, ["--kind", "visible", "--messages", row, "--sql", "SELECT max(id) FROM key_vis", "--warm-up", "50"])

    def message_file(self, name: str, table: pa.Table, head: bytes | None = None) -> str:
        """The messages of an upload, for the load generator: each after its length."""
        parts = [flight_data(*message) for message in ipc_messages(table)]
        path = self.folder / f"{name}.messages"
        path.write_bytes(b"".join(struct.pack("<I", len(part)) + part for part in ([head] if head else []) + parts))
        return str(path)

    def requests(self, pair: dict, name: str, aim: float, arguments: list[str]) -> None:
        self.say(name)
        for _, server in self.alternate(pair):
            result, cpu = self.load(server, arguments)
            self.report.add(name, "requests/s", server.name, result["per_second"], aim=aim)
            self.report.add(name + ", p50", "µs", server.name, result["p50_us"], higher=False)
            self.report.add(name + ", server CPU", "µs/request", server.name, cpu, higher=False)

    def latency(self, pair: dict, name: str, aim: float, arguments: list[str]) -> None:
        self.say(name)
        for _, server in self.alternate(pair):
            result, cpu = self.load(server, arguments)
            self.report.add(name + ", p50", "µs", server.name, result["p50_us"], aim=aim, higher=False)
            self.report.add(name + ", p99", "µs", server.name, result["p99_us"], higher=False)
            self.report.add(name + ", server CPU", "µs/request", server.name, cpu, higher=False)

    def load(self, server: Process, arguments: list[str]) -> tuple[dict, float]:
        """What the load generator reports, and the processor time of the server per request in µs."""
        command = [self.options.load, "--port", str(server.port), "--seconds", str(self.options.seconds), *arguments]
        warm = int(arguments[arguments.index("--warm-up") + 1]) if "--warm-up" in arguments else 200
        clients = int(arguments[arguments.index("--clients") + 1]) if "--clients" in arguments else 1
        cpu = server.cpu_seconds()
        done = subprocess.run(command, capture_output=True, text=True)
        if done.returncode != 0:
            raise RuntimeError(f"{server.name}: {done.stderr.strip()}")
        result = json.loads(done.stdout)
        return result, (server.cpu_seconds() - cpu) * 1e6 / max(1, result["requests"] + warm * clients)


def read_bulk(server: Process, streams: int) -> tuple[float, int, int]:
    """(seconds, rows, bytes) of reading the large table on as many connections at once."""
    done = [(0, 0)] * streams
    ready = threading.Barrier(streams + 1)

    def read(index: int) -> None:
        with server.client() as client:
            client.value("SELECT 1 AS key_")
            ready.wait()
            rows = size = 0
            for chunk in client.reader(protocol.statement_query("SELECT * FROM bulk")):
                rows += chunk.data.num_rows
                size += chunk.data.nbytes
            done[index] = (rows, size)

    threads = [threading.Thread(target=read, args=(index,)) for index in range(streams)]
    for thread in threads:
        thread.start()
    ready.wait()
    started = time.perf_counter()
    for thread in threads:
        thread.join()
    return time.perf_counter() - started, sum(rows for rows, _ in done), sum(size for _, size in done)


def parsed() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--program", required=True, help="the release build of hyprstream")
    parser.add_argument("--load", required=True, help="the release build of hyprstream-load")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--rows", type=int, default=10_000_000)
    parser.add_argument("--seconds", type=float, default=3.0, help="length of one run of small requests")
    parser.add_argument("--only", type=lambda text: text.split(","), default=list(PARTS))
    parser.add_argument("--json", type=pathlib.Path, help="also write every value here")
    return parser.parse_args()


def main() -> None:
    options = parsed()
    with tempfile.TemporaryDirectory(prefix="hyprstream-bench-") as folder:
        bench = Bench(options, pathlib.Path(folder))
        try:
            bench.run()
        finally:
            print("\n" + "\n".join(bench.report.lines()), flush=True)
            if options.json:
                options.json.write_text(bench.report.json())


if __name__ == "__main__":
    main()
