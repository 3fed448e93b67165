"""The cache in front of PostgreSQL: what it keeps, and that nothing old is served."""

import json
import random
import threading
import time

import pyarrow as pa
import pyarrow.flight as flight
import pytest
from support.postgres import Postgres
from support.protocol import statement_query
from support.raw import Raw
from support.server import Server
from test_engine_behind import behind


@pytest.fixture(scope="module")
def postgres():
    with Postgres("max_connections=60") as running:
        yield running


@pytest.fixture(scope="module")
def front(postgres, tmp_path_factory):
    options = behind(postgres, "--enable-cache", "--cache-policy", "lfu", options="pool_max=20")
    with Server(tmp_path_factory.mktemp("front") / "log", *options) as running:
        yield running


@pytest.fixture
def raw(front):
    with Raw(front.url) as client:
        yield client


@pytest.fixture
def table(postgres, unique):
    postgres.execute(f"CREATE TABLE {unique} (id bigint PRIMARY KEY, v bigint)", f"INSERT INTO {unique} SELECT i, i FROM generate_series(1, 100) i")
    yield unique
    postgres.execute(f"DROP TABLE IF EXISTS {unique} CASCADE")


def outcome(raw: Raw, sql: str) -> str:
    """What the cache did for a statement, which is read to its end."""
    info = raw.info(statement_query(sql))
    raw.client.do_get(info.endpoints[0].ticket, raw.options).read_all()
    return json.loads(info.app_metadata)["cache"]


def test_equal_statements_are_answered_from_the_cache(raw, table, postgres):
    sql = f"SELECT count(*) AS n, sum(v) AS s FROM {table} WHERE v > 10"
    assert outcome(raw, sql) == "miss"
    assert outcome(raw, sql) == "hit"
    # Spaces, comments and the case of words make no difference; values do.
    assert outcome(raw, f"select count(*) AS n, sum(v) AS s  from {table} /* again */ where v > 10") == "hit"
    assert outcome(raw, f"SELECT count(*) AS n, sum(v) AS s FROM {table} WHERE v > 11") == "miss"
    # Behind our back nothing is noticed, until the result is too old.
    before = raw.rows(sql)
    postgres.execute(f"INSERT INTO {table} VALUES (1000, 1000)")
    assert raw.rows(sql) == before
    assert raw.rows(sql.replace("SELECT", "SELECT /*+ no_cache */", 1)) != before
    assert raw.update(f"FLUSH CACHE {table}") >= 1
    assert raw.rows(sql) != before


def test_parameters_are_part_of_the_key(raw, table):
    with_parameter = raw.prepare(f"SELECT v FROM {table} WHERE id = $1")
    for value in (1, 2, 1, 2):
        with_parameter.bind(pa.table({"1": pa.array([value], pa.int64())}))
        assert with_parameter.query().to_pylist() == [{"v": value}]
    shown = [row for row in raw.query("SHOW CACHE").to_pylist() if table in row["statement"]]
    assert sorted(row["hits"] for row in shown) == [1, 1]


@pytest.mark.parametrize(
    "change",
    [
        "INSERT INTO {t} VALUES (500, 1)",
        "UPDATE {t} SET v = v + 1 WHERE id = 1",
        "DELETE FROM {t} WHERE id = 2",
        "WITH gone AS (DELETE FROM {t} WHERE id = 3 RETURNING *) SELECT count(*) FROM gone",
        "TRUNCATE {t}",
        "ALTER TABLE {t} ADD COLUMN w int DEFAULT 7",
        "DO $$ BEGIN UPDATE {t} SET v = 0; END $$",
    ],
)
def test_every_change_makes_results_stale(raw, table, change):
    sql = f"SELECT * FROM {table} ORDER BY id"
    before = raw.query(sql)
    assert outcome(raw, sql) == "hit"
    statement = change.format(t=table)
    raw.query(statement) if statement.startswith("WITH") else raw.update(statement)
    assert outcome(raw, sql) == "miss"
    assert not raw.query(sql).equals(before)


def test_a_change_of_one_table_leaves_the_others_alone(raw, table, postgres):
    postgres.execute(f"CREATE TABLE {table}_other AS SELECT 1 AS a")
    try:
        assert outcome(raw, f"SELECT * FROM {table}_other") == "miss"
        raw.update(f"UPDATE {table} SET v = 3")
        assert outcome(raw, f"SELECT * FROM {table}_other") == "hit"
        raw.ingest(table, pa.table({"id": [7777], "v": [1]}), mode="append")
        assert outcome(raw, f"SELECT * FROM {table}_other") == "hit"
    finally:
        postgres.execute(f"DROP TABLE {table}_other")


def test_views_triggers_and_cascades_are_seen_through(raw, table, postgres):
    postgres.execute(
        f"CREATE VIEW {table}_view AS SELECT sum(v)::bigint AS s FROM {table}",
        f"CREATE TABLE {table}_child (id bigint REFERENCES {table} ON DELETE CASCADE)",
        f"INSERT INTO {table}_child VALUES (1), (2)",
        f"CREATE TABLE {table}_log (id bigint)",
        f"CREATE FUNCTION {table}_note() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN INSERT INTO {table}_log VALUES (NEW.id); RETURN NEW; END $$",
    )
    view, child, log = (f"SELECT * FROM {table}_{name}" for name in ("view", "child", "log"))
    for sql in (view, child, log):
        raw.rows(sql)
    raw.update(f"UPDATE {table} SET v = 0 WHERE id = 50")
    assert raw.rows(view) == [(5000,)]
    raw.update(f"DELETE FROM {table} WHERE id = 1")
    assert raw.rows(child) == [(2,)]
    raw.rows(log)
    raw.update(f"CREATE TRIGGER note AFTER INSERT ON {table} FOR EACH ROW EXECUTE FUNCTION {table}_note()")
    raw.update(f"INSERT INTO {table} VALUES (900, 1)")
    assert raw.rows(log) == [(900,)]
    postgres.execute(f"DROP TABLE {table}_log, {table}_child CASCADE")


def test_transactions_see_their_own_changes_and_others_only_what_is_committed(front, raw, table):
    sql = f"SELECT sum(v)::bigint FROM {table}"
    assert raw.value(sql) == 5050
    with Raw(front.url) as other:
        transaction = other.begin()
        assert other.value(sql, transaction) == 5050
        other.update(f"UPDATE {table} SET v = 0", transaction)
        assert other.value(sql, transaction) == 0
        assert raw.value(sql) == 5050
        other.commit(transaction)
    assert raw.value(sql) == 0


def test_what_may_change_by_itself_is_not_kept(raw, table):
    for sql in ("SELECT now()", "SELECT random()", f"SELECT v, clock_timestamp() FROM {table}", "SELECT count(*) FROM pg_class"):
        assert outcome(raw, sql) == "bypass"
        assert outcome(raw, sql) == "bypass"


def test_hints_shorten_the_life_of_a_result(raw, table, postgres):
    sql = f"SELECT /*+ cache(ttl='300ms') */ count(*) FROM {table}"
    assert raw.value(sql) == 100
    postgres.execute(f"DELETE FROM {table} WHERE id = 1")
    deadline = time.monotonic() + 20
    while raw.value(sql) == 100:
        assert time.monotonic() < deadline
    with pytest.raises((flight.FlightError, pa.ArrowException), match="ttl"):
        raw.value(f"SELECT /*+ cache(ttl='soon') */ count(*) FROM {table}")


def test_equal_misses_run_once(front, raw, postgres, table):
    postgres.execute("CREATE SEQUENCE IF NOT EXISTS runs")
    before = postgres.rows("SELECT nextval('runs')")[0][0]
    postgres.execute(
        "CREATE OR REPLACE FUNCTION slow_count(a bigint) RETURNS bigint LANGUAGE plpgsql VOLATILE AS "
        "$$ BEGIN PERFORM nextval('runs'); PERFORM pg_sleep(1); RETURN a; END $$"
    )
    answers = []

    def ask():
        with Raw(front.url) as own:
            answers.append(own.value("SELECT /*+ cache */ slow_count(42)"))

    threads = [threading.Thread(target=ask) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert answers == [42] * 8
    assert postgres.rows("SELECT nextval('runs')")[0][0] == before + 2


def test_the_server_stays_below_the_size_of_the_cache(postgres, tmp_path, table):
    options = behind(postgres, "--enable-cache", "--cache-max-bytes", "32MiB", "--cache-policy", "lru")
    with Server(tmp_path / "log", *options) as front, Raw(front.url) as raw:
        for index in range(60):
            raw.query(f"SELECT repeat('x', 1000) || i AS t FROM generate_series({index}, {index + 2000}) i")
        held = sum(row["bytes"] for row in raw.query("SHOW CACHE").to_pylist())
        assert 8 << 20 < held <= 32 << 20
        raw.update("FLUSH CACHE")
        assert raw.query("SHOW CACHE").num_rows == 0


def test_without_a_cache_it_is_a_plain_proxy(postgres, tmp_path, table):
    with Server(tmp_path / "log", *behind(postgres, "--no-enable-cache")) as front, Raw(front.url) as raw:
        sql = f"SELECT count(*) FROM {table}"
        assert raw.value(sql) == 100
        assert raw.info(statement_query(sql)).app_metadata == b""
        postgres.execute(f"DELETE FROM {table}")
        assert raw.value(sql) == 0


def test_no_reader_gets_less_than_a_writer_was_told(front, postgres, unique):
    """Counters that only grow: a reader that begins after a write has ended must see at least that write."""
    seed = random.randrange(1 << 32)
    print("seed:", seed)
    names = [f"{unique}_{index}" for index in range(3)]
    postgres.execute(*(f"CREATE TABLE {name} (v bigint)" for name in names), *(f"INSERT INTO {name} VALUES (0)" for name in names))
    acknowledged = {name: 0 for name in names}
    wrong, reads, ending = [], [0], threading.Event()

    def write(name: str, source: random.Random) -> None:
        with Raw(front.url) as raw:
            for value in range(1, 120):
                if source.random() < 0.3:
                    transaction = raw.begin()
                    raw.update(f"UPDATE {name} SET v = {value}", transaction)
                    raw.commit(transaction)
                else:
                    raw.update(f"UPDATE {name} SET v = {value}")
                acknowledged[name] = value

    def read(source: random.Random) -> None:
        with Raw(front.url) as raw:
            while not ending.is_set():
                name = source.choice(names)
                least = acknowledged[name]
                found = raw.value(f"SELECT max(v) FROM {name} WHERE v > -{source.randrange(4)}1")
                reads[0] += 1
                if found < least:
                    wrong.append((name, least, found))

    writers = [threading.Thread(target=write, args=(name, random.Random(seed + index))) for index, name in enumerate(names)]
    readers = [threading.Thread(target=read, args=(random.Random(seed + 10 + index),)) for index in range(6)]
    for thread in writers + readers:
        thread.start()
    for thread in writers:
        thread.join()
    ending.set()
    for thread in readers:
        thread.join()
    assert not wrong, wrong[:5]
    assert reads[0] > 100
    assert [postgres.rows(f"SELECT v FROM {name}") for name in names] == [[(119,)]] * 3
    postgres.execute(*(f"DROP TABLE {name}" for name in names))


def shown(raw: Raw, sql: str) -> dict | None:
    return next((row for row in raw.query("SHOW CACHE").to_pylist() if row["statement"] == sql), None)


def until(condition):
    deadline = time.monotonic() + 20
    while not (found := condition()):
        assert time.monotonic() < deadline, "it did not happen"
    return found


def test_a_result_is_kept_and_computed_again_by_itself(raw, table, postgres):
    sql = f"SELECT count(*) AS n FROM {table}"
    assert raw.update(f"CACHE {sql}") == 1
    assert outcome(raw, sql) == "hit"
    raw.update(f"DELETE FROM {table} WHERE id = 1")
    # Nobody asks: it is there again all the same, and never old.
    until(lambda: outcome(raw, f"{sql} /* {random.random()} */") == "hit")
    assert raw.value(sql) == 99
    raw.update(f"CACHE REFRESH EVERY '100ms' {sql}")
    postgres.execute(f"DELETE FROM {table} WHERE id = 2")
    until(lambda: raw.value(sql) == 98)
    raw.update(f"UNCACHE {sql}")
    with pytest.raises((flight.FlightError, pa.ArrowException), match="not kept"):
        raw.update(f"UNCACHE {sql}")
    with pytest.raises((flight.FlightError, pa.ArrowException), match="now"):
        raw.update(f"CACHE SELECT now(), v FROM {table}")


def test_pinned_results_stay_when_there_is_no_room(postgres, tmp_path, table):
    options = behind(postgres, "--enable-cache", "--cache-max-entries", "3")
    with Server(tmp_path / "log", *options) as front, Raw(front.url) as raw:
        raw.update(f"CACHE SELECT max(v) AS m FROM {table}")
        for value in range(20):
            raw.query(f"SELECT count(*) FROM {table} WHERE v > {value}")
        assert raw.query("SHOW CACHE").num_rows == 4
        assert outcome(raw, f"SELECT max(v) AS m FROM {table}") == "hit"


def test_a_stale_result_is_served_only_when_asked_for(raw, table, postgres):
    sql = f"SELECT count(*) AS n FROM {table}"
    asking = sql.replace("SELECT", "SELECT /*+ cache(stale_while_revalidate='1h') */")
    assert outcome(raw, asking) == "miss"
    raw.update(f"DELETE FROM {table} WHERE id = 1")
    info = raw.info(statement_query(asking))
    metadata = json.loads(info.app_metadata)
    assert metadata["cache"] == "hit" and metadata["stale"] is True and metadata["age_ms"] > 0
    assert raw.client.do_get(info.endpoints[0].ticket, raw.options).read_all().to_pylist() == [{"n": 100}]
    # It was computed anew in the background, once.
    until(lambda: "stale" not in json.loads(raw.info(statement_query(asking)).app_metadata))
    assert raw.value(asking) == 99
    # Others never get it.
    raw.update(f"DELETE FROM {table} WHERE id = 2")
    assert raw.value(sql) == 98
    # It was stale for longer than this one allows.
    short = sql.replace("SELECT", "SELECT /*+ cache(stale_while_revalidate='1us') */")
    raw.update(f"DELETE FROM {table} WHERE id = 3")
    assert raw.value(short) == 97
