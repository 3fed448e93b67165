"""Kills the server in front of PostgreSQL, and PostgreSQL, over and over, while many clients read and write.

usage: engine.py [--write through|behind] [--faults N] [--clients N] [--seed N] [--longest SECONDS] [--program PATH]

Every writer sends loads under (producer, sequence), again until they are acknowledged, and then sets a counter to the sequence.
Readers look counters and loads up through the cache: what they read must not be older than what was acknowledged before they asked,
unless it is marked as stale. With --write behind the database is away for up to a second when it is restarted, and the outbox has to be
empty at the end.

Ends with 1 when an answer is older than an acknowledged write, or a row of the database is lost, doubled or out of order.
"""

import argparse
import json
import multiprocessing
import pathlib
import random
import signal
import subprocess
import sys
import tempfile
import threading
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "Tests" / "Clients"))

import pyarrow as pa  # noqa: E402
import pyarrow.flight as flight  # noqa: E402
from support.postgres import Postgres, free_port  # noqa: E402
from support.protocol import statement_query  # noqa: E402
from support.raw import Raw  # noqa: E402

LOAD_ROWS = 20
DRIVER = ROOT / ".deps" / "lib" / "libadbc_driver_postgresql.so"
ERRORS = (flight.FlightError, pa.ArrowException, OSError)


class Front:
    """The server under test, on one port for all its lives."""

    def __init__(self, program: str, folder: pathlib.Path, postgres: Postgres, write: str):
        self.folder, self.port = folder, free_port()
        self.command = [
            program, "--data-dir", str(folder / "data"), "--port", str(self.port), "--http-port", "0", "--engine", "adbc",
            "--engine-connection", postgres.uri(options="pool_max=16&pool_breaker_max_delay=1"), "--engine-options", f"driver_path={DRIVER}",
            "--enable-cache", "--cache-policy", "lfu", "--max-connections", "4000", "--max-queued", "100000",
            "--engine-write", write,
        ]
        self.process = None

    def start(self) -> None:
        with open(self.folder / "log", "ab") as log:
            self.process = subprocess.Popen(self.command, stdout=subprocess.PIPE, stderr=log, text=True, cwd=self.folder)
        line = self.process.stdout.readline()
        if "listening on" not in line:
            raise RuntimeError(f"the server did not start: see {self.folder / 'log'}")

    def kill(self) -> None:
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()


def write(url: str, writer: int, acknowledged, ending, figures) -> None:
    sequence, client, step = 0, None, 0
    rows = None
    while True:
        try:
            client = client or Raw(url)
            if rows is None:
                if ending.is_set():
                    return
                sequence += 1
                rows = pa.table({"producer": [writer] * LOAD_ROWS, "sequence": [sequence] * LOAD_ROWS, "row": list(range(LOAD_ROWS))})
                step = 0
            if step == 0:
                client.ingest("loads", rows, mode="append", options={"producer": str(writer), "sequence": str(sequence)})
                step = 1
            client.update(f"UPDATE counters SET v = {sequence} WHERE writer = {writer}")
            acknowledged[writer] = sequence
            figures[0] += 1
            rows = None
        except ERRORS:
            figures[1] += 1
            client = dropped(client)


def read(url: str, seed: int, writers: int, acknowledged, ending, figures, wrong) -> None:
    source, client = random.Random(seed), None
    while not ending.is_set():
        writer = source.randrange(writers)
        # Most readers want the same few.
        if source.random() < 0.7:
            writer %= 4
        least = acknowledged[writer]
        try:
            client = client or Raw(url)
            if source.random() < 0.8:
                found, is_stale = answer(client, f"SELECT v FROM counters WHERE writer = {writer}")
            else:
                found, is_stale = answer(client, f"SELECT count(*) FROM loads WHERE producer = {writer}")
                found //= LOAD_ROWS
            figures[2] += 1
            figures[4] += is_stale
            if found < least and not is_stale:
                wrong.put(f"writer {writer}: {found} was read after {least} was acknowledged")
        except ERRORS:
            figures[3] += 1
            client = dropped(client)


def answer(client: Raw, sql: str) -> tuple[int, bool]:
    """A number, and whether it is marked as stale."""
    info = client.info(statement_query(sql))
    table = client.client.do_get(info.endpoints[0].ticket, client.options).read_all()
    return table.column(0)[0].as_py(), bool(info.app_metadata) and json.loads(info.app_metadata).get("stale", False)


def dropped(client):
    if client is not None:
        client.close()
    time.sleep(0.02 + random.random() * 0.05)
    return None


def work(url: str, number: int, options, acknowledged, ending, figures, wrong) -> None:
    """One process with its share of the clients."""
    threads = []
    for index in range(number, options.clients, options.processes):
        if index < options.writers:
            threads.append(threading.Thread(target=write, args=(url, index, acknowledged, ending, figures), daemon=True))
        else:
            arguments = (url, options.seed * 1_000_003 + index, options.writers, acknowledged, ending, figures, wrong)
            threads.append(threading.Thread(target=read, args=arguments, daemon=True))
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def check(postgres: Postgres, acknowledged, writers: int) -> list[str]:
    found = {row[0]: row[1:] for row in postgres.rows(
        'SELECT producer, count(*), count(DISTINCT (sequence, "row")), max(sequence), count(DISTINCT sequence) FROM loads GROUP BY producer')}
    wrong = []
    for writer in range(writers):
        count, distinct, last, sequences = found.get(writer, (0, 0, 0, 0))
        if count != distinct:
            wrong.append(f"writer {writer}: {count - distinct} rows doubled")
        if sequences != last or count != (last or 0) * LOAD_ROWS or (last or 0) < acknowledged[writer]:
            wrong.append(f"writer {writer}: {count} rows of {sequences} loads up to {last}, {acknowledged[writer]} acknowledged")
    return wrong


def check_order(postgres: Postgres) -> list[str]:
    """The loads of one producer come in their order."""
    return [f"writer {row[0]}: load {row[1]} came before an earlier one" for row in postgres.rows(
        """SELECT producer, sequence FROM (
             SELECT producer, sequence, first, max(last) OVER (PARTITION BY producer ORDER BY sequence ROWS UNBOUNDED PRECEDING EXCLUDE CURRENT ROW) AS before
             FROM (SELECT producer, sequence, min(arrival) AS first, max(arrival) AS last FROM loads GROUP BY 1, 2) AS each
           ) AS ordered WHERE before > first""")]


def drain(url: str, seconds: float = 120) -> list[str]:
    """Waits until nothing is in the outbox, and says what the database refused."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        try:
            with Raw(url) as client:
                if client.query("SHOW ENGINES").to_pylist()[0]["outbox_rows"] == 0:
                    refused = client.query("SELECT * FROM hyprstream_outbox_rejected").to_pylist()
                    return [f"refused: {row['statement'] or row['table_name']}: {row['error']}" for row in refused]
        except ERRORS:
            pass
        time.sleep(0.1)
    return [f"the outbox is not empty after {seconds} s"]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--program", required=True)
    parser.add_argument("--write", choices=["through", "behind"], default="through")
    parser.add_argument("--faults", type=int, default=200)
    parser.add_argument("--clients", type=int, default=1000)
    parser.add_argument("--writers", type=int, default=0, help="how many of the clients write; a tenth of them without this")
    parser.add_argument("--processes", type=int, default=4)
    parser.add_argument("--longest", type=float, default=1.0, help="the longest time between two faults, in seconds")
    parser.add_argument("--seed", type=int, default=random.randrange(1 << 30))
    options = parser.parse_args()
    options.writers = options.writers or max(1, options.clients // 10)
    print("seed", options.seed, flush=True)
    source = random.Random(options.seed)
    manager = multiprocessing.get_context("spawn")
    acknowledged = manager.Array("q", options.writers, lock=False)
    figures = manager.Array("q", 5, lock=False)
    ending, wrong = manager.Event(), manager.Queue()
    with tempfile.TemporaryDirectory() as folder, Postgres("max_connections=100") as postgres:
        postgres.execute(
            'CREATE TABLE loads (producer bigint, sequence bigint, "row" bigint, arrival bigserial)', "CREATE INDEX ON loads (producer)",
            "CREATE TABLE counters (writer bigint PRIMARY KEY, v bigint)",
            f"INSERT INTO counters SELECT i, 0 FROM generate_series(0, {options.writers - 1}) i",
        )
        front = Front(options.program, pathlib.Path(folder), postgres, options.write)
        front.start()
        url = f"grpc://127.0.0.1:{front.port}"
        processes = [
            manager.Process(target=work, args=(url, number, options, acknowledged, ending, figures, wrong), daemon=True)
            for number in range(options.processes)
        ]
        for process in processes:
            process.start()
        kills = restarts = 0
        for fault in range(1, options.faults + 1):
            time.sleep(source.uniform(0.05, options.longest))
            if source.random() < 0.75:
                front.kill()
                front.start()
                kills += 1
            else:
                postgres.stop()
                if options.write == "behind":
                    time.sleep(source.uniform(0, 1))
                postgres.start()
                restarts += 1
            if fault % 10 == 0:
                print(f"{fault} faults, {figures[0]} writes, {figures[2]} reads, {figures[1] + figures[3]} errors", flush=True)
        time.sleep(1)
        ending.set()
        for process in processes:
            process.join(60)
        alive = [process for process in processes if process.is_alive()]
        problems = [f"{len(alive)} processes do not end"] if alive else []
        while not wrong.empty():
            problems.append(wrong.get())
        stale = len(problems)
        if options.write == "behind":
            problems += drain(url) + check_order(postgres)
        problems += check(postgres, acknowledged, options.writers)
        for process in alive:
            process.kill()
        front.kill()
        print(
            f"{kills} kills of the server, {restarts} restarts of PostgreSQL; {options.clients} clients; {figures[0]} loads and counters written, "
            f"{figures[2]} reads, {figures[4]} of them marked as stale, {figures[1] + figures[3]} errors; {stale} old answers, {len(problems) - stale} writers with lost or doubled rows"
        )
        for problem in problems[:20]:
            print(problem)
        return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
