"""Kills the server over and over while producers write, and compares what it kept with what it acknowledged.

usage: crash.py [--kills N] [--seed N] [--writers N] [--program PATH]

Every producer names its batches by (producer, sequence) and keeps a journal outside of the server: what it sent and
what was acknowledged. A batch whose answer is missing is sent again under the same sequence. One more client writes to
a table and to a stream in one transaction. Every fifth kill hits the server while it starts.

Both streams have running columns, which are compared with the SQL that defines them.

Ends with 1 when an acknowledged row is lost, a row is doubled, the order of a producer is not kept, a row appears that
was never sent, the table and the stream of the transactions differ, or a running column is wrong.
"""

import argparse
import json
import os
import pathlib
import random
import subprocess
import sys
import tempfile
import threading
import time

import adbc_driver_flightsql.dbapi as dbapi
import adbc_driver_manager
import pyarrow as pa
import pyarrow.flight as flight

ROOT = pathlib.Path(__file__).resolve().parents[2]
SCHEMA = pa.schema([("writer", pa.int64()), ("sequence", pa.int64()), ("row", pa.int64()), ("moment", pa.timestamp("us", "UTC"))])
RUNNING = "WITH (running = '{value}', running_key = '{key}', running_window = '1 minute')"


class Server:
    """The process under test, on one port for all its lives."""

    def __init__(self, program, folder):
        self.program = program
        self.folder = folder
        self.port = None
        self.process = None
        self.ready = threading.Event()
        self.slowest_start = 0.0

    def spawn(self):
        self.ready.clear()
        port = str(self.port or 0)
        command = [self.program, "--data-dir", str(self.folder / "data"), "--port", port, "--http-port", "0"]
        environment = {key: value for key, value in os.environ.items() if not key.startswith("HYPRSTREAM_")}
        with open(self.folder / "log", "ab") as errors:
            self.process = subprocess.Popen(
                command, stdout=subprocess.PIPE, stderr=errors, text=True, env=environment, cwd=ROOT)
        self.began = time.monotonic()

    def wait(self):
        line = self.process.stdout.readline()
        if "listening on" not in line:
            raise RuntimeError(f"the server did not start: see {self.folder / 'log'}")
        self.slowest_start = max(self.slowest_start, time.monotonic() - self.began)
        self.port = int(line.rsplit(":", 1)[1])
        self.ready.set()

    @property
    def url(self):
        return f"grpc://127.0.0.1:{self.port}"

    def kill(self):
        self.ready.clear()
        self.process.kill()
        self.process.wait()


class Producer(threading.Thread):
    """Puts numbered batches, and remembers which were acknowledged."""

    def __init__(self, number, server, seed, stop):
        super().__init__(daemon=True)
        self.number = number
        self.server = server
        self.random = random.Random(seed)
        self.stop = stop
        self.sent = {}
        self.acknowledged = set()
        self.repeats = 0

    def batch(self, sequence):
        count = self.sent.setdefault(sequence, self.random.choice([1, 1, 3, 200, 2_000]))
        # Ten batches a minute, now and then one that is late by some windows.
        moment = (1_767_225_600 + sequence * 6 - (sequence % 7 == 0) * (sequence % 11) * 60) * 1_000_000
        moments = pa.array([moment + row for row in range(count)], pa.timestamp("us", "UTC"))
        columns = [pa.array([self.number] * count), pa.array([sequence] * count), pa.array(range(count)), moments]
        return pa.record_batch(columns, schema=SCHEMA)

    def run(self):
        while not self.stop.is_set():
            if not self.server.ready.wait(0.1):
                continue
            try:
                self.put()
            except (pa.ArrowException, OSError):
                time.sleep(0.01)

    def put(self):
        """One call: the sequences that have no answer yet, then new ones, a few of them in flight."""
        client = flight.connect(self.server.url)
        writer, reader = client.do_put(flight.FlightDescriptor.for_path("events"), SCHEMA)
        pending = sorted(set(self.sent) - self.acknowledged)
        in_flight = []
        while not self.stop.is_set():
            sequence = pending.pop(0) if pending else len(self.sent)
            message = json.dumps({"producer": f"p{self.number}", "sequence": sequence}).encode()
            writer.write_with_metadata(self.batch(sequence), message)
            in_flight.append(sequence)
            if len(in_flight) >= self.random.choice([1, 4, 8]):
                self.answer(reader, in_flight)
        writer.done_writing()
        while in_flight:
            self.answer(reader, in_flight)
        writer.close()

    def answer(self, reader, in_flight):
        buffer = reader.read()
        if buffer is None:
            raise pa.ArrowException("the put has ended")
        self.repeats += json.loads(buffer.to_pybytes())["repeat"]
        self.acknowledged.add(in_flight.pop(0))


class Transactions(threading.Thread):
    """Writes the same number to a table and to a stream, in one transaction each."""

    def __init__(self, server, stop):
        super().__init__(daemon=True)
        self.server = server
        self.stop = stop
        self.next = 0
        self.committed = set()

    def run(self):
        while not self.stop.is_set():
            if not self.server.ready.wait(0.1):
                continue
            try:
                with dbapi.connect(self.server.url) as connection:
                    while not self.stop.is_set():
                        self.next += 1
                        with connection.cursor() as cursor:
                            cursor.execute(f"INSERT INTO both_table VALUES ({self.next})")
                            cursor.execute(f"INSERT INTO both_stream VALUES ({self.next}, {1_767_225_600 + self.next}, 'all')")
                        connection.commit()
                        self.committed.add(self.next)
            except (adbc_driver_manager.Error, RuntimeError):
                time.sleep(0.01)


def query(server, sql):
    with dbapi.connect(server.url, autocommit=True) as connection, connection.cursor() as cursor:
        cursor.execute(sql)
        return cursor.fetch_arrow_table()


def check(server, producers, transactions):
    """What is wrong, as sentences."""
    problems = []
    table = query(server, "SELECT _offset, writer, sequence, row FROM events ORDER BY _offset")
    rows = {producer.number: [] for producer in producers}
    columns = [table.column(name).to_pylist() for name in ("writer", "sequence", "row")]
    for writer, sequence, row in zip(*columns):
        rows[writer].append((sequence, row))
    for producer in producers:
        found = rows[producer.number]
        name = f"producer {producer.number}"
        if len(set(found)) != len(found):
            problems.append(f"{name}: {len(found) - len(set(found))} rows are doubled")
        by_sequence = {}
        for sequence, row in found:
            by_sequence.setdefault(sequence, []).append(row)
        for sequence, numbers in by_sequence.items():
            if numbers != list(range(producer.sent.get(sequence, -1))):
                problems.append(f"{name}: batch {sequence} is torn or was never sent")
        lost = producer.acknowledged - set(by_sequence)
        if lost:
            problems.append(f"{name}: {len(lost)} acknowledged batches are lost, the first is {min(lost)}")
        order = [sequence for sequence, row in found if row == 0]
        if order != sorted(order):
            problems.append(f"{name}: its batches are out of order")
    tables = set(query(server, "SELECT k FROM both_table").column(0).to_pylist())
    stream = query(server, "SELECT k FROM both_stream").column(0).to_pylist()
    if set(stream) != tables:
        problems.append(f"transactions: table and stream differ in {sorted(tables ^ set(stream))[:5]}")
    if len(set(stream)) != len(stream):
        problems.append("transactions: rows of the stream are doubled")
    if not transactions.committed <= tables:
        problems.append(f"transactions: lost {sorted(transactions.committed - tables)[:5]}")
    for stream, value, key in (("events", "row", "writer"), ("both_stream", "k", "name")):
        wrong = query(server, f"""
            SELECT count(*) FROM (
              SELECT {value}_running_window_sum AS s, {value}_running_window_count AS c,
                sum({value}) OVER running AS ws, count({value}) OVER running AS wc
              FROM (SELECT *, _offset AS place FROM {stream})
              WINDOW running AS (PARTITION BY {key}, time_bucket(INTERVAL 1 MINUTE, moment) ORDER BY place
                ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW))
            WHERE s IS DISTINCT FROM ws::DOUBLE OR c IS DISTINCT FROM wc""").column(0)[0].as_py()
        if wrong:
            problems.append(f"{stream}: {wrong} rows have other running columns than SQL computes")
    return problems, table.num_rows, len(tables)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--seed", type=int, default=int(time.time()))
    parser.add_argument("--writers", type=int, default=4)
    parser.add_argument("--program", default=str(ROOT / ".build/release/hyprstream"))
    parser.add_argument("--longest", type=float, default=1.0, help="seconds between kills, at most")
    options = parser.parse_args()
    # Clients complain of their own handles when a server vanishes under them.
    sys.unraisablehook = lambda _: None
    print(f"seed {options.seed}", flush=True)
    chance = random.Random(options.seed)
    with tempfile.TemporaryDirectory(prefix="hyprstream-crash-", dir=os.environ.get("SOAK_FOLDER")) as folder:
        server = Server(options.program, pathlib.Path(folder))
        server.spawn()
        server.wait()
        for sql in ("CREATE STREAM events (writer BIGINT, sequence BIGINT, row BIGINT, moment TIMESTAMPTZ) "
                    + RUNNING.format(value="row", key="writer"),
                    "CREATE TABLE both_table (k BIGINT)",
                    "CREATE STREAM both_stream (k BIGINT, moment TIMESTAMPTZ, name VARCHAR) " + RUNNING.format(value="k", key="name")):
            query(server, sql)
        stop = threading.Event()
        producers = [Producer(n, server, options.seed + n, stop) for n in range(options.writers)]
        transactions = Transactions(server, stop)
        for thread in [*producers, transactions]:
            thread.start()
        in_recovery = 0
        for kill in range(1, options.kills + 1):
            if kill % 5 == 0:
                server.kill()
                server.spawn()
                # It is opening its folder.
                time.sleep(chance.uniform(0.0, 0.04))
                in_recovery += server.process.poll() is None
                server.kill()
            else:
                time.sleep(chance.uniform(0.05, options.longest))
                server.kill()
            server.spawn()
            server.wait()
            if kill % 20 == 0:
                stored = sum(len(producer.acknowledged) for producer in producers)
                print(f"{kill} kills, {stored} batches acknowledged", flush=True)
        stop.set()
        for thread in [*producers, transactions]:
            thread.join(30)
        server.kill()
        server.spawn()
        server.wait()
        problems, rows, committed = check(server, producers, transactions)
        server.process.terminate()
        server.process.wait()
        damages = [line for line in (pathlib.Path(folder) / "log").read_text().splitlines() if "damaged" in line]
        problems += damages[:5]
    acknowledged = sum(len(producer.acknowledged) for producer in producers)
    print(f"{options.kills} kills, {in_recovery} of them in recovery; {acknowledged} batches acknowledged, "
          f"{rows} rows kept, {sum(p.repeats for p in producers)} retries recognised, "
          f"{committed} transactions; slowest start {server.slowest_start:.2f} s")
    for problem in problems:
        print(f"PROBLEM: {problem}")
    print("0 lost, 0 doubled, order kept" if not problems else f"{len(problems)} problems")
    sys.exit(1 if problems else 0)


if __name__ == "__main__":
    main()
