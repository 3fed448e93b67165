"""Transactions that write tables and streams, and a server that is killed in the middle of them, again and again: a
transaction is in all of its relations or in none, and one that was acknowledged is there."""

import random
import threading

import pyarrow as pa

from support.raw import Raw

KILLS = 8
WRITERS = 4


class Journal:
    """What clients were told."""

    def __init__(self):
        self.lock = threading.Lock()
        self.acknowledged = set()
        self.rolled_back = set()
        self.begun = 0
        self.enough = threading.Event()
        self.limit = 0

    def begin(self):
        with self.lock:
            self.begun += 1
            return self.begun

    def note(self, number, commits):
        with self.lock:
            (self.acknowledged if commits else self.rolled_back).add(number)
            if len(self.acknowledged) >= self.limit:
                self.enough.set()


def write(url, journal, dice):
    """Transactions until the server is gone."""
    try:
        with Raw(url) as raw:
            while True:
                number = journal.begin()
                transaction = raw.begin()
                statements = [
                    f"INSERT INTO t VALUES ({number})",
                    f"INSERT INTO s VALUES ({number})",
                    f"INSERT INTO s2 SELECT {number} FROM range(3)",
                ]
                dice.shuffle(statements)
                for sql in statements:
                    raw.update(sql, transaction)
                commits = dice.random() < 0.9
                (raw.commit if commits else raw.rollback)(transaction)
                journal.note(number, commits)
    except (pa.ArrowException, OSError):
        pass


def test_a_transaction_is_there_whole_or_not_at_all(start_server, tmp_path):
    seed = random.randrange(1 << 32)
    print("seed", seed)
    dice = random.Random(seed)
    journal = Journal()
    folder = tmp_path / "data"
    server = start_server(data_dir=folder)
    with Raw(server.url) as raw:
        raw.update("CREATE TABLE t (i BIGINT)")
        raw.update("CREATE STREAM s (i BIGINT)")
        raw.update("CREATE STREAM s2 (i BIGINT)")
    for _ in range(KILLS):
        journal.enough.clear()
        journal.limit = len(journal.acknowledged) + dice.randrange(1, 40)
        writers = [
            threading.Thread(target=write, args=(server.url, journal, random.Random(dice.random())))
            for _ in range(WRITERS)
        ]
        for writer in writers:
            writer.start()
        assert journal.enough.wait(60)
        server.kill()
        for writer in writers:
            writer.join()
        server = start_server(data_dir=folder)
        check(server, journal)
    # A second start finds nothing left to mend.
    assert server.stop() == 0
    check(start_server(data_dir=folder), journal)


def check(server, journal):
    with Raw(server.url) as raw:
        table = raw.query("SELECT i FROM t").column(0).to_pylist()
        stream = raw.query("SELECT * FROM s").column(0).to_pylist()
        threes = raw.query("SELECT i, count(*) AS n FROM s2 GROUP BY i")
        assert len(table) == len(set(table)) and len(stream) == len(set(stream))
        assert set(table) == set(stream) == set(threes.column("i").to_pylist())
        assert set(threes.column("n").to_pylist()) <= {3}
        assert journal.acknowledged <= set(table)
        assert not journal.rolled_back & set(table)
