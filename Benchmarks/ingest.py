"""Measures streams: durable puts, pushes and scans, beside the disk, DuckDB and a pyarrow.flight server over a file.

usage: ingest.py --program PATH --load PATH [--rounds N] [--seconds S] [--only PARTS] [--folder FOLDER]
PARTS: batches, rows, latency, scan, metrics, streams   (all of them without the option)

The peer is a pyarrow.flight server that inserts into a DuckDB file: each of its answers means a committed transaction.
FOLDER must be on the disk that is to be measured.
"""

import argparse
import json
import pathlib
import re
import statistics
import struct
import subprocess
import tempfile
import threading
import time

import duckdb
import numpy
import pyarrow as pa
import pyarrow.flight as flight

import servers
from report import short
from servers import Process
from support import protocol
from support.wire import flight_data, ipc_messages

BATCH_ROWS = 65_536
COLUMNS = "(id BIGINT, v DOUBLE, ts TIMESTAMP, s VARCHAR)"
KEY_MARK = 0x4559414D4B524B31
PARTS = ("batches", "rows", "latency", "scan", "metrics", "streams")
STREAM_COUNT = 10_000


def batch(count: int) -> pa.RecordBatch:
    ids = numpy.arange(count)
    values = numpy.random.default_rng(1).random(count)
    names = [f"k{i % 1000}" for i in range(count)]
    return pa.record_batch(
        [pa.array(ids), pa.array(values), pa.array(ids, pa.timestamp("us")), pa.array(names)], names=["id", "v", "ts", "s"])


class Bench:
    def __init__(self, options: argparse.Namespace, folder: pathlib.Path):
        self.options = options
        self.folder = folder
        self.values: dict[str, list[float]] = {}
        self.units: dict[str, str] = {}

    def add(self, name: str, unit: str, value: float) -> None:
        self.values.setdefault(name, []).append(value)
        self.units[name] = unit

    def median(self, name: str) -> float:
        return statistics.median(self.values[name]) if self.values.get(name) else 0.0

    def run(self) -> None:
        for number in range(self.options.rounds):
            print(f"round {number + 1}", flush=True)
            data = self.folder / f"ours-{number}"
            mine = servers.ours(self.options.program, self.folder, data)
            theirs = servers.peer(self.folder, self.folder / f"peer-{number}.duckdb")
            try:
                for part in self.options.only:
                    getattr(self, part)(mine, theirs)
            finally:
                mine.stop()
                theirs.stop()
            subprocess.run(["rm", "-rf", str(data), str(self.folder / f"peer-{number}.duckdb")], check=True)

    # Large batches

    def batches(self, mine: Process, theirs: Process) -> None:
        rows = batch(BATCH_ROWS)
        count = self.options.batches
        with mine.client() as client:
            for durability in ("sync", "os"):
                client.update(f"CREATE STREAM b_{durability} {COLUMNS} WITH (durability = '{durability}')")
                cpu = mine.cpu_seconds()
                seconds = put(mine, f"b_{durability}", rows, count)
                self.add(f"put of batches, {durability}", "rows/s", count * BATCH_ROWS / seconds)
                self.add(f"put of batches, {durability}, server CPU", "s per GB", (mine.cpu_seconds() - cpu) / (count * rows.nbytes / 1e9))
                if durability == "sync":
                    self.add("put of batches, bytes", "MB/s", count * rows.nbytes / seconds / 1e6)
        self.add("dd conv=fdatasync", "MB/s", self.dd(count * rows.nbytes))
        with theirs.client() as client:
            client.update(f"CREATE TABLE b {COLUMNS}")
        seconds = peer_put(theirs, "b", rows, count)
        self.add("peer: put of batches into a file", "rows/s", count * BATCH_ROWS / seconds)

    def dd(self, size: int) -> float:
        target = self.folder / "dd"
        blocks = max(1, size // (2 << 20))
        done = subprocess.run(
            ["dd", "if=/dev/zero", f"of={target}", "bs=2M", f"count={blocks}", "conv=fdatasync"], capture_output=True, text=True, check=True)
        target.unlink()
        seconds = float(re.search(r"([0-9.]+) s,", done.stderr).group(1).replace(",", "."))
        return blocks * (2 << 20) / seconds / 1e6

    # Single rows

    def rows(self, mine: Process, theirs: Process) -> None:
        row = batch(1)
        with mine.client() as client:
            for durability in ("sync", "os"):
                client.update(f"CREATE STREAM r_{durability} {COLUMNS} WITH (durability = '{durability}')")
                before = self.syncs(mine)
                result = self.load(mine, "put", 64, self.messages("r", row, [f"r_{durability}"] * 64))
                self.add(f"put of 1 row, 64 clients, {durability}", "rows/s", result["per_second"])
                if durability == "sync":
                    syncs, groups = (after - begin for after, begin in zip(self.syncs(mine), before))
                    self.add("acknowledgements of one sync, 64 clients", "", groups / max(syncs, 1))
                result = self.load(mine, "stream", 64, self.messages("r", row, [f"r_{durability}"] * 64))
                self.add(f"1 row on an open put, 64 clients, {durability}", "rows/s", result["per_second"])
            for index in range(64):
                client.update(f"CREATE STREAM many_{index} {COLUMNS}")
            result = self.load(mine, "stream", 64, self.messages("m", row, [f"many_{index}" for index in range(64)]))
            self.add("1 row on an open put, 64 clients on 64 streams", "rows/s", result["per_second"])
        with theirs.client() as client:
            client.update(f"CREATE TABLE r {COLUMNS}")
        result = self.load(theirs, "put", 64, self.messages("p", row, ["r"] * 64), warm=2)
        self.add("peer: put of 1 row, 64 clients", "rows/s", result["per_second"])

    def syncs(self, server: Process) -> tuple[float, float]:
        """Syncs of the log and groups acknowledged after one, as the server counts them every two seconds."""
        time.sleep(2.5)
        text = server.metrics()
        return tuple(float(re.search(rf"^{name} ([0-9.e+]+)", text, re.M).group(1))
                     for name in ("hyprstream_log_syncs_total", "hyprstream_log_synced_groups_total"))

    # Latencies

    def latency(self, mine: Process, theirs: Process) -> None:
        row = pa.record_batch([pa.array([KEY_MARK]), pa.array([0.5])], names=["id", "v"])
        self.add("fdatasync, p50", "µs", self.sync_time())
        with mine.client() as client:
            for durability in ("sync", "os"):
                name = f"l_{durability}"
                client.update(f"CREATE STREAM {name} (id BIGINT, v DOUBLE) WITH (durability = '{durability}')")
                messages = self.messages("l", row, [name])
                result = self.load(mine, "pushed", 1, messages, sql=f"SELECT * FROM {name} EMIT CHANGES")
                self.add(f"put until pushed, {durability}, p50", "µs", result["p50_us"])
                self.add(f"put until pushed, {durability}, p99", "µs", result["p99_us"])
                result = self.load(mine, "pushed", 1, messages, sql=f"SELECT id, v * 2 FROM {name} WHERE v > 0 EMIT CHANGES")
                self.add(f"put until pushed, computed, {durability}, p50", "µs", result["p50_us"])
                client.update(f"CREATE STREAM v_{durability} (id BIGINT, v DOUBLE) WITH (durability = '{durability}')")
                ingest = self.message_file("v", row, protocol.ingest(f"v_{durability}", "append"), None)
                result = self.load(mine, "visible", 1, ingest, sql=f"SELECT max(id) FROM v_{durability}", warm=20)
                self.add(f"put until visible to a query, {durability}, p50", "µs", result["p50_us"])
            client.update("CREATE STREAM l_many (id BIGINT, v DOUBLE) WITH (durability = 'os')")
            memory = mine.resident_megabytes()
            result = self.load(
                mine, "pushed", 1, self.messages("l", row, ["l_many"]), sql="SELECT * FROM l_many EMIT CHANGES", warm=3, subscribers=999)
            self.add("put until pushed to all of 999 subscribers, p50", "µs", result["p50_us"])
            self.add("memory of the server with 999 subscribers more", "MB", mine.resident_megabytes() - memory)

    def sync_time(self) -> float:
        import os

        times = []
        with open(self.folder / "sync", "wb", buffering=0) as file:
            for _ in range(200):
                file.write(b"x" * 300)
                started = time.perf_counter()
                os.fdatasync(file.fileno())
                times.append(time.perf_counter() - started)
        return statistics.median(times) * 1e6

    # Scans

    def scan(self, mine: Process, theirs: Process) -> None:
        rows = batch(BATCH_ROWS)
        count = int(1e9 / rows.nbytes)
        with mine.client() as client:
            client.update(f"CREATE STREAM scanned {COLUMNS} WITH (durability = 'os')")
            put(mine, "scanned", rows, count)
            client.update("CREATE TABLE copied AS SELECT * FROM scanned")
            for name in ("scanned", "copied"):
                client.rows(f"SELECT count(*), sum(v) FROM {name}")
                started = time.perf_counter()
                for _ in range(3):
                    client.rows(f"SELECT count(*), sum(v) FROM {name}")
                what = "stream of 1 GB" if name == "scanned" else "DuckDB's table of the same rows"
                self.add(f"count and sum over {what}", "ms", (time.perf_counter() - started) / 3 * 1e3)
            self.look_ups(client, count * BATCH_ROWS)
            client.update("DROP TABLE copied")
            client.update("DROP STREAM scanned")

    def look_ups(self, client: servers.Raw, row_count: int) -> None:
        """One row by its offset, by its time of ingest and by another column, which tells nothing about its place."""
        offsets = numpy.random.default_rng(2).integers(0, row_count, 50)
        [[time_text]] = client.rows(f"SELECT CAST(_ingest_time AS VARCHAR) FROM scanned WHERE _offset = {row_count // 2}")
        for name, statements in {
            "by its offset": [f"SELECT * FROM scanned WHERE _offset = {offset}" for offset in offsets],
            "by its time of ingest": [f"SELECT min(id) FROM scanned WHERE _ingest_time = '{time_text}'"] * 20,
            "by a column (reads all)": [f"SELECT * FROM scanned WHERE v = {offset}" for offset in offsets[:5]],
        }.items():
            client.rows(statements[0])
            times = []
            for statement in statements:
                started = time.perf_counter()
                client.rows(statement)
                times.append(time.perf_counter() - started)
            self.add(f"look-up in a stream of 1 GB {name}", "ms", statistics.median(times) * 1e3)

    # Many streams

    def streams(self, mine: Process, theirs: Process) -> None:
        """Streams that nobody uses, in a server of their own."""
        data = self.folder / "many-streams"
        server = servers.ours(self.options.program, self.folder, data)
        try:
            with server.client() as client:
                client.update("CREATE STREAM warm (id BIGINT)")
                memory, files = server.resident_megabytes("RssAnon"), server.open_files()
                started = time.perf_counter()
                for index in range(STREAM_COUNT):
                    client.update(f"CREATE STREAM idle_{index} {COLUMNS}")
                self.add("CREATE STREAM, 10,000 of them", "ms", (time.perf_counter() - started) / STREAM_COUNT * 1e3)
                self.add("memory of an idle stream", "kB", (server.resident_megabytes("RssAnon") - memory) * 1024 / STREAM_COUNT)
                self.add("open files of 10,000 idle streams", "", server.open_files() - files)
                started = time.perf_counter()
                client.rows("SELECT count(*) FROM information_schema.tables WHERE table_name LIKE 'idle%'")
                self.add("information_schema over 10,000 streams", "ms", (time.perf_counter() - started) * 1e3)
            server.stop()
            server = servers.ours(self.options.program, self.folder, data)
            self.add("start with 10,000 streams", "s", server.start_seconds)
            self.add("memory after a start, per stream", "kB", (server.resident_megabytes("RssAnon") - memory) * 1024 / STREAM_COUNT)
        finally:
            server.stop()
            subprocess.run(["rm", "-rf", str(data)], check=True)

    # Running columns

    def metrics(self, mine: Process, theirs: Process) -> None:
        count = 30
        times = numpy.arange(BATCH_ROWS, dtype=numpy.int64) * 10
        names = pa.array([f"host{i % 1000}.cpu" for i in range(BATCH_ROWS)])
        values = pa.array(numpy.random.default_rng(2).random(BATCH_ROWS))
        columns = ["metric_id", "timestamp", "value"]
        rows = pa.record_batch([names, pa.array(1_700_000_000_000_000 + times, pa.timestamp("us", "UTC")), values], names=columns)
        with mine.client() as client:
            client.update("CREATE STREAM plain_metrics (metric_id VARCHAR, timestamp TIMESTAMPTZ, value DOUBLE)")
            plain = put(mine, "plain_metrics", rows, count)
            running = put(mine, "metrics", rows, count)
            self.add("put of batches without running columns", "rows/s", count * BATCH_ROWS / plain)
            self.add("put of batches of metrics", "rows/s", count * BATCH_ROWS / running)
            window = ("avg(value) OVER (PARTITION BY metric_id, time_bucket(INTERVAL 5 MINUTES, timestamp) "
                      "ORDER BY _offset ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW)")
            self.query(client, f"avg of the running average, {count * BATCH_ROWS / 1e6:.1f} M rows",
                       "SELECT avg(value_running_window_avg) FROM metrics")
            self.query(client, "the same, computed by DuckDB", f"SELECT avg(a) FROM (SELECT {window} AS a FROM plain_metrics)")
            self.query(client, "a row of metrics by its offset", f"SELECT * FROM metrics WHERE _offset = {count * BATCH_ROWS // 2}")

    def query(self, client, name: str, sql: str) -> None:
        client.rows(sql)
        started = time.perf_counter()
        for _ in range(3):
            client.rows(sql)
        self.add(name, "ms", (time.perf_counter() - started) / 3 * 1e3)

    # Messages

    def messages(self, name: str, rows: pa.RecordBatch, streams: list[str]) -> str:
        for index, stream in enumerate(streams):
            self.message_file(f"{name}-{index}", rows, None, stream)
        return str(self.folder / f"{name}-{{client}}.messages")

    def message_file(self, name: str, rows: pa.RecordBatch, command: bytes | None, stream: str | None) -> str:
        """The messages of a put, each after its length; the first one says where to."""
        parts = ipc_messages(pa.Table.from_batches([rows]))
        encoded = []
        for index, message in enumerate(parts):
            descriptor = path_descriptor(stream) if index == 0 and stream else None
            encoded.append(flight_data(*message, descriptor=descriptor) if descriptor else flight_data(*message))
        head = [command] if command else []
        path = self.folder / f"{name}.messages"
        path.write_bytes(b"".join(struct.pack("<I", len(part)) + part for part in head + encoded))
        return str(path)

    def load(self, server: Process, kind: str, clients: int, messages: str, sql: str = "", warm: int = 20, subscribers: int = 1) -> dict:
        command = [self.options.load, "--port", str(server.port), "--seconds", str(self.options.seconds), "--kind", kind,
                   "--clients", str(clients), "--messages", messages, "--warm-up", str(warm), "--subscribers", str(subscribers)]
        done = subprocess.run(command + (["--sql", sql] if sql else []), capture_output=True, text=True)
        if done.returncode != 0:
            raise RuntimeError(f"{server.name}, {kind}: {done.stderr.strip()}")
        return json.loads(done.stdout)

    # What is printed

    def lines(self) -> list[str]:
        lines = []
        for name, values in self.values.items():
            spread = f" ({short(min(values))}–{short(max(values))})" if len(values) > 1 else ""
            lines.append(f"{name + ' [' + self.units[name] + ']':76} {short(statistics.median(values))}{spread}")
        lines.append("")
        for what, ours, theirs, aim, higher in (
            ("batches, sync: of what dd writes", "put of batches, bytes", "dd conv=fdatasync", 0.6, True),
            ("batches, sync: of the peer", "put of batches, sync", "peer: put of batches into a file", 1.5, True),
            ("1 row, 64 clients: sync of os", "put of 1 row, 64 clients, sync", "put of 1 row, 64 clients, os", 0.8, True),
            ("1 row, open puts: sync of os", "1 row on an open put, 64 clients, sync", "1 row on an open put, 64 clients, os", 0.8, True),
            ("1 row, 64 streams of one", "1 row on an open put, 64 clients on 64 streams", "1 row on an open put, 64 clients, sync", 0.8, True),
            ("1 row, 64 clients: of the peer", "put of 1 row, 64 clients, sync", "peer: put of 1 row, 64 clients", 5, True),
            ("acknowledgements of one sync", "acknowledgements of one sync, 64 clients", None, 16, True),
            ("batches with running columns of without", "put of batches of metrics", "put of batches without running columns", 0.2, True),
            ("count and sum: DuckDB's time of ours", "count and sum over DuckDB's table of the same rows", "count and sum over stream of 1 GB", 0.5, True),
        ):
            ones = [1.0] * len(self.values.get(ours, []))
            pairs = [(a, b) for a, b in zip(self.values.get(ours, []), self.values.get(theirs, []) if theirs else ones) if b]
            if pairs:
                ratios = [a / b for a, b in pairs]
                middle = statistics.median(ratios)
                reached = "reached" if (middle >= aim) == higher else "NOT reached"
                lines.append(f"{what:76} {middle:.2f} ({min(ratios):.2f} to {max(ratios):.2f})  {reached}: {'≥' if higher else '≤'} {aim}")
        return lines


def path_descriptor(name: str) -> bytes:
    return flight.FlightDescriptor.for_path(name).serialize()


def put(server: Process, stream: str, rows: pa.RecordBatch, count: int) -> float:
    """Seconds until all batches are acknowledged."""
    client = flight.connect(server.url)
    writer, reader = client.do_put(flight.FlightDescriptor.for_path(stream), rows.schema)
    started = time.perf_counter()
    thread = threading.Thread(target=lambda: [reader.read() for _ in range(count)])
    thread.start()
    for _ in range(count):
        writer.write_batch(rows)
    writer.done_writing()
    thread.join()
    seconds = time.perf_counter() - started
    writer.close()
    client.close()
    return seconds


def peer_put(server: Process, table: str, rows: pa.RecordBatch, count: int) -> float:
    client = flight.connect(server.url)
    started = time.perf_counter()
    writer, _ = client.do_put(flight.FlightDescriptor.for_path(table), rows.schema)
    for _ in range(count):
        writer.write_batch(rows)
    writer.close()
    client.close()
    return time.perf_counter() - started


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--program", required=True, help="the release build of hyprstream")
    parser.add_argument("--load", required=True, help="the release build of hyprstream-load")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=2.0, help="length of one run of small requests")
    parser.add_argument("--batches", type=int, default=150)
    parser.add_argument("--only", type=lambda text: text.split(","), default=list(PARTS))
    parser.add_argument("--folder", help="where the data is kept while it runs")
    options = parser.parse_args()
    print(f"DuckDB {duckdb.__version__} in both servers")
    with tempfile.TemporaryDirectory(prefix="hyprstream-ingest-", dir=options.folder) as folder:
        bench = Bench(options, pathlib.Path(folder))
        try:
            bench.run()
        finally:
            print("\n" + "\n".join(bench.lines()), flush=True)


if __name__ == "__main__":
    main()
