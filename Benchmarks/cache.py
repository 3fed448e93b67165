"""Measures a server in front of PostgreSQL, beside PostgreSQL's own ADBC driver, and the policy of its cache.

usage: cache.py --program PATH --load PATH --trace PATH [--rounds N] [--seconds S] [--only PARTS] [--rows N]
PARTS: hit, miss, stream, table, memory, zipf   (all of them without the option)
"""

import argparse
import json
import pathlib
import statistics
import subprocess
import sys
import tempfile
import time

import adbc_driver_manager.dbapi
import numpy

import servers
from report import short
from support.postgres import Postgres
from support.protocol import statement_query
from support.raw import Raw

PARTS = ("hit", "miss", "stream", "table", "memory", "zipf")
AGGREGATE = "SELECT region, count(*) AS n, sum(amount) AS s, max(amount) AS m FROM orders WHERE amount > {limit} GROUP BY region ORDER BY region"
DRIVER = servers.ROOT / ".deps" / "lib" / "libadbc_driver_postgresql.so"
# Public implementations to compare hit ratios with, from PyPI.
PEERS = ["theine==2.0.0", "cachetools==8.0.0"]


class Bench:
    def __init__(self, options: argparse.Namespace, folder: pathlib.Path):
        self.options = options
        self.folder = folder
        self.values: dict[str, list[float]] = {}
        self.units: dict[str, str] = {}

    def add(self, name: str, unit: str, value: float) -> None:
        self.values.setdefault(name, []).append(value)
        self.units[name] = unit

    def run(self) -> None:
        parts = self.options.only.split(",")
        if set(parts) - {"zipf"}:
            with Postgres("max_wal_size=4GB", "shared_buffers=1GB", "fsync=off", "max_parallel_workers_per_gather=0") as postgres:
                say("filling PostgreSQL")
                postgres.execute(
                    "CREATE TABLE orders (id bigint, region text, amount float8, at timestamptz)",
                    "INSERT INTO orders SELECT i, 'region ' || i % 20, i % 1000 * 0.25, timestamptz '2026-01-01' + i * interval '1 second' "
                    f"FROM generate_series(1, {self.options.rows}) i",
                    "VACUUM ANALYZE orders",
                )
                self.behind(postgres, parts)
        if "zipf" in parts:
            self.zipf()

    # In front of PostgreSQL

    def behind(self, postgres: Postgres, parts: list[str]) -> None:
        front = self.start(postgres, "--enable-cache")
        try:
            for number in range(self.options.rounds):
                say(f"round {number + 1} of {self.options.rounds}")
                if "miss" in parts:
                    self.miss(postgres, front, number)
                if "hit" in parts:
                    self.hit(front)
                if "stream" in parts:
                    self.stream(postgres, front)
                if "table" in parts:
                    self.table(front, number)
        finally:
            front.stop()
        if "memory" in parts:
            self.memory(postgres)

    def start(self, postgres: Postgres, *options: str) -> servers.Process:
        command = [
            self.options.program, "--ephemeral", "--port", "0", "--http-port", "0", "--engine", "adbc", "--engine-connection", postgres.uri(),
            "--engine-options", f"driver_path={DRIVER}", *options,
        ]
        return servers.Process("hyprstream", command, self.folder)

    def direct(self, postgres: Postgres):
        return adbc_driver_manager.dbapi.connect(driver=str(DRIVER), db_kwargs={"uri": postgres.uri()}, autocommit=True)

    def miss(self, postgres: Postgres, front: servers.Process, number: int) -> None:
        """The same query, each time with another constant, through us and by the driver alone, in turns."""
        ours, theirs = [], []
        with self.direct(postgres) as connection, connection.cursor() as cursor, Raw(front.url) as raw:
            for index in range(8):
                limit = -(number * 100 + index + 1)
                started = time.perf_counter()
                cursor.execute(AGGREGATE.format(limit=limit))
                cursor.fetch_arrow_table()
                theirs.append(time.perf_counter() - started)
                started = time.perf_counter()
                raw.query(AGGREGATE.format(limit=limit))
                ours.append(time.perf_counter() - started)
        self.add("miss, aggregate over PostgreSQL's rows", "ms", statistics.median(ours) * 1e3)
        self.add("the same by the driver alone", "ms", statistics.median(theirs) * 1e3)

    def hit(self, front: servers.Process) -> None:
        sql = AGGREGATE.format(limit=-1)
        with Raw(front.url) as raw:
            raw.query(sql)
        for clients in (1, 8):
            command = [
                self.options.load, "--port", str(front.port), "--seconds", str(self.options.seconds), "--kind", "literal", "--sql", sql,
                "--clients", str(clients),
            ]
            cpu = front.cpu_seconds()
            done = subprocess.run(command, capture_output=True, text=True)
            if done.returncode != 0:
                raise RuntimeError(done.stderr)
            result = json.loads(done.stdout)
            who = f"{clients} client{'s' * (clients > 1)}"
            self.add(f"hit, {who}, p50", "ms", result["p50_us"] / 1e3)
            self.add(f"hit, {who}", "requests/s", result["per_second"])
            self.add(f"hit, {who}, server CPU", "us/request", (front.cpu_seconds() - cpu) * 1e6 / max(1, result["requests"]))

    def stream(self, postgres: Postgres, front: servers.Process) -> None:
        count = 2 * self.options.rows
        sql = "SELECT id, amount, at FROM orders UNION ALL SELECT id, amount, at FROM orders"
        with self.direct(postgres) as connection, connection.cursor() as cursor:
            started = time.perf_counter()
            cursor.execute(sql)
            rows = sum(batch.num_rows for batch in cursor.fetch_record_batch())
            self.add("rows streamed by the driver alone", "rows/s", rows / (time.perf_counter() - started))
        assert rows == count
        cpu = front.cpu_seconds()
        with Raw(front.url) as raw:
            started = time.perf_counter()
            info = raw.info(statement_query(sql + " /*+ no_cache */"))
            rows = sum(chunk.data.num_rows for chunk in raw.client.do_get(info.endpoints[0].ticket))
            self.add("rows streamed through us", "rows/s", rows / (time.perf_counter() - started))
        assert rows == count
        self.add("rows streamed through us, server CPU", "s", front.cpu_seconds() - cpu)
        self.add("memory of the server, most so far", "MB", front.resident_megabytes("VmHWM"))

    def table(self, front: servers.Process, number: int) -> None:
        """Statements that never come twice, over a copy of the table in DuckDB."""
        with Raw(front.url) as raw:
            started = time.perf_counter()
            raw.update("CACHE TABLE orders")
            self.add("CACHE TABLE, rows read", "rows/s", self.options.rows / (time.perf_counter() - started))
            for name, sql in (("aggregate", AGGREGATE.replace("ORDER BY region", "ORDER BY s")), ("one row", "SELECT region, amount FROM orders WHERE id = {limit}")):
                for where in ("copy", "PostgreSQL"):
                    times = []
                    for index in range(9):
                        text = sql.format(limit=number * 1_000 + index + 1)
                        started = time.perf_counter()
                        info = raw.info(statement_query(text if where == "copy" else text.replace("SELECT", "SELECT /*+ no_cache */", 1)))
                        raw.client.do_get(info.endpoints[0].ticket).read_all()
                        times.append(time.perf_counter() - started)
                        assert json.loads(info.app_metadata)["cache"] == {"copy": "table", "PostgreSQL": "bypass"}[where], text
                    self.add(f"new statement, {name}, from the {where}", "ms", statistics.median(times) * 1e3)
            raw.update("UNCACHE TABLE orders")

    def memory(self, postgres: Postgres) -> None:
        """What the process holds before the cache is full, while it is, and after it let go of all."""
        say("memory")
        front = self.start(postgres, "--enable-cache", "--cache-max-bytes", "4GiB")
        try:
            with Raw(front.url) as raw:
                raw.query(AGGREGATE.format(limit=-1))
                self.add("memory, empty cache", "MB", front.resident_megabytes())
                rows = min(2_000_000, self.options.rows)
                for index in range(10):
                    raw.query(f"SELECT id, amount, at FROM orders WHERE id <= {rows} AND id > {-index}")
                held = sum(row["bytes"] for row in raw.query("SHOW CACHE").to_pylist())
                self.add("results in the cache", "MB", held / 1e6)
                self.add("memory, results", "MB", front.resident_megabytes())
                raw.update("FLUSH CACHE")
                self.add("memory, after FLUSH CACHE", "MB", self.settled(front))
                raw.update("CACHE TABLE orders")
                self.add("memory, copy of a table", "MB", front.resident_megabytes())
                raw.update("UNCACHE TABLE orders")
                self.add("memory, after UNCACHE TABLE", "MB", self.settled(front))
        finally:
            front.stop()

    @staticmethod
    def settled(front: servers.Process) -> float:
        """The least of some seconds: tables are dropped in the background."""
        deadline, least = time.monotonic() + 6, float("inf")
        while time.monotonic() < deadline:
            least = min(least, front.resident_megabytes())
            time.sleep(0.05)
        return least

    # The policy

    def zipf(self) -> None:
        say("a trace by Zipf, 10 M accesses")
        libraries = self.folder / "libraries"
        subprocess.run([sys.executable, "-m", "pip", "install", "--quiet", "--target", str(libraries), *PEERS], check=True)
        sys.path.insert(0, str(libraries))
        import cachetools
        import theine

        keys, size = 1_000_000, 20_000
        weights = 1 / numpy.arange(1, keys + 1) ** 0.99
        random = numpy.random.default_rng(5)
        trace = random.permutation(keys)[numpy.searchsorted(numpy.cumsum(weights), random.random(10_000_000) * weights.sum())].astype("<u4")
        path = self.folder / "trace"
        path.write_bytes(trace.tobytes())
        for policy in ("lfu", "lru"):
            done = subprocess.run([self.options.trace, policy, str(size), str(path)], capture_output=True, text=True, check=True)
            self.add(f"hits of a Zipf trace, our {policy}", "%", json.loads(done.stdout)["hits"] * 100)
        sample = trace.tolist()
        cache, hits = theine.Cache(size), 0
        for key in sample:
            _, is_there = cache.get(key)
            if is_there:
                hits += 1
            else:
                cache.set(key, 1)
        self.add("hits of a Zipf trace, theine (W-TinyLFU)", "%", hits / len(sample) * 100)
        for name, cache in (("LFUCache", cachetools.LFUCache(size)), ("LRUCache", cachetools.LRUCache(size))):
            hits = 0
            for key in sample:
                if key in cache:
                    cache[key]
                    hits += 1
                else:
                    cache[key] = 1
            self.add(f"hits of a Zipf trace, cachetools {name}", "%", hits / len(sample) * 100)
        # Nobody can do better without knowing the future: the keys that are asked for most, always there.
        best = numpy.sort(numpy.bincount(trace, minlength=keys))[::-1][:size].sum()
        self.add("hits of a Zipf trace, the most wanted keys from the start", "%", best / len(sample) * 100)

    # What was found

    def report(self) -> None:
        print()
        for name, values in self.values.items():
            spread = f"({short(min(values))} to {short(max(values))})" if len(values) > 1 else ""
            print(f"{name + ' [' + self.units[name] + ']':70} {short(statistics.median(values)):>10} {spread}")
        self.ratio("miss of the driver alone", "miss, aggregate over PostgreSQL's rows", "the same by the driver alone", "<= 1.1")
        self.ratio("miss of hit", "miss, aggregate over PostgreSQL's rows", "hit, 1 client, p50", ">= 50")
        self.ratio("new aggregate, PostgreSQL of copy", "new statement, aggregate, from the PostgreSQL", "new statement, aggregate, from the copy", "-")
        self.ratio("rows streamed, ours of the driver alone", "rows streamed through us", "rows streamed by the driver alone", ">= 0.9")

    def ratio(self, name: str, top: str, bottom: str, aim: str) -> None:
        if top not in self.values or bottom not in self.values:
            return
        rounds = [a / b for a, b in zip(self.values[top], self.values[bottom])]
        print(f"{name:70} {short(statistics.median(rounds)):>10} ({short(min(rounds))} to {short(max(rounds))})  aim: {aim}")


def say(text: str) -> None:
    print(f"bench: {text}", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--program", required=True)
    parser.add_argument("--load", required=True)
    parser.add_argument("--trace", required=True)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=2)
    parser.add_argument("--rows", type=int, default=5_000_000)
    parser.add_argument("--only", default=",".join(PARTS))
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        bench = Bench(options, pathlib.Path(folder))
        bench.run()
        bench.report()


if __name__ == "__main__":
    main()
