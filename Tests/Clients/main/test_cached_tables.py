"""Copies of PostgreSQL's tables in DuckDB: what they answer, and that nothing old is served."""

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
    with Server(tmp_path_factory.mktemp("front") / "log", *behind(postgres, "--enable-cache", options="pool_max=20")) as running:
        yield running


@pytest.fixture
def raw(front):
    with Raw(front.url) as client:
        yield client


@pytest.fixture
def table(postgres, unique, raw):
    postgres.execute(
        f"CREATE TABLE {unique} (id bigint PRIMARY KEY, v bigint, who text, day date)",
        f"INSERT INTO {unique} SELECT i, i % 10, 'w' || i % 3, date '2026-01-01' + i % 100 FROM generate_series(1, 1000) i",
    )
    yield unique
    raw.update(f"UNCACHE TABLE IF EXISTS {unique}")
    postgres.execute(f"DROP TABLE IF EXISTS {unique} CASCADE")


def ask(raw: Raw, sql: str) -> tuple[dict, pa.Table]:
    """What the cache did for a statement, and its answer."""
    info = raw.info(statement_query(sql))
    answer = raw.client.do_get(info.endpoints[0].ticket, raw.options).read_all()
    return json.loads(info.app_metadata), answer


def served(raw: Raw, sql: str) -> str:
    return ask(raw, sql)[0]["cache"]


def state(raw: Raw, table: str) -> dict:
    return next(row for row in raw.query("SHOW CACHE").to_pylist() if row["kind"] == "table" and table in row["statement"])


def until(condition, seconds=20):
    deadline = time.monotonic() + seconds
    while not (found := condition()):
        assert time.monotonic() < deadline, "it did not happen"
    return found


def direct(postgres: Postgres, sql: str) -> pa.Table:
    with postgres.connect() as connection, connection.cursor() as cursor:
        cursor.execute(sql)
        return cursor.fetch_arrow_table()


def test_a_copy_answers_what_it_covers(raw, table):
    assert raw.update(f"CACHE TABLE {table}") == 1000
    metadata, answer = ask(raw, f"SELECT who, count(*) AS n FROM {table} WHERE v > 3 GROUP BY who ORDER BY n DESC")
    assert metadata["cache"] == "table" and metadata["table"] == f"public.{table}" and metadata["age_ms"] >= 0
    assert answer.column("n").to_pylist() == [201, 200, 199] or sum(answer.column("n").to_pylist()) == 600
    shown = state(raw, table)
    assert (shown["rows"], shown["state"], shown["hits"], shown["version"]) == (1000, "fresh", 1, 1)
    assert shown["bytes"] > 1000 and shown["error"] is None
    # What is not certain to be the same goes to the database, as does all that other tables are in.
    for sql in (
        f"SELECT avg(v) FROM {table}", f"SELECT * FROM {table} ORDER BY who", f"SELECT upper(who) FROM {table}",
        f"SELECT v / 2 FROM {table}", f"SELECT who || 'x' AS x FROM {table}", f"SELECT * FROM {table} WHERE who < 'w1'",
        f"SELECT * FROM {table} WHERE who LIKE 'w%'", f"SELECT sum(v) FROM {table}",
        f"SELECT * FROM {table}, (SELECT 1 AS a) b", f"WITH x AS (SELECT * FROM {table}) SELECT * FROM x",
        f"SELECT row_number() OVER () FROM {table}",
    ):
        assert served(raw, sql) == "miss", sql
    assert served(raw, f"SELECT /*+ no_cache */ * FROM {table}") == "bypass"
    assert served(raw, f"SELECT * FROM public.{table}") == "table"
    raw.update(f"UNCACHE TABLE {table}")
    assert served(raw, f"SELECT v FROM public.{table}") == "miss"
    with pytest.raises((flight.FlightError, pa.ArrowException), match="no cached table"):
        raw.update(f"UNCACHE TABLE {table}")


def test_a_write_makes_a_copy_stale_at_once_and_it_comes_back(raw, table):
    sql = f"SELECT count(*) AS n, max(v) AS m FROM {table}"
    raw.update(f"CACHE TABLE public.{table}")
    assert served(raw, sql) == "table"
    for step in range(20):
        raw.update(f"UPDATE {table} SET v = {1000 + step} WHERE id = {step + 1}")
        assert raw.rows(sql) == [(1000, 1000 + step)]
    until(lambda: served(raw, sql) == "table")
    assert raw.rows(sql) == [(1000, 1019)]
    assert state(raw, table)["version"] >= 2


def test_a_slice_answers_what_lies_in_it(raw, table):
    assert raw.update(f"CACHE TABLE engine.public.{table} WHERE day >= '2026-03-01' AND v < 8 REFRESH EVERY '1h'") < 1000
    for condition, found in {
        "day >= '2026-03-01' AND v < 8": "table",
        "day > '2026-03-05' AND v = 3": "table",
        "v IN (1, 2) AND day BETWEEN '2026-03-01' AND '2026-03-04'": "table",
        "(day = '2026-03-02' OR day = '2026-04-01') AND v <= 7": "table",
        "day = DATE '2026-03-02' AND NOT v > 100 AND v < 2": "table",
        "day >= '2026-02-28' AND v < 8": "miss",
        "day >= '2026-03-01'": "miss",
        "day >= '2026-03-01' AND NOT v < 8": "miss",
        "day >= '2026-03-01' OR v < 8": "miss",
    }.items():
        metadata, answer = ask(raw, f"SELECT id, v, day FROM {table} WHERE {condition} ORDER BY id")
        assert metadata["cache"] == found, condition
        again = ask(raw, f"SELECT /*+ no_cache */ id, v, day FROM {table} WHERE {condition} ORDER BY id")[1]
        assert answer.equals(again, check_metadata=True)
    with pytest.raises((flight.FlightError, pa.ArrowException), match="comparisons of columns with constants"):
        raw.update(f"CACHE TABLE {table} WHERE v <> 3")


def test_statements_of_a_transaction_and_of_sessions_with_settings_go_to_the_database(front, raw, table):
    raw.update(f"CACHE TABLE {table}")
    sql = f"SELECT max(v) AS m FROM {table}"
    with Raw(front.url) as other:
        transaction = other.begin()
        other.update(f"UPDATE {table} SET v = 77", transaction)
        assert other.value(sql, transaction) == 77
        assert raw.value(sql) == 9
        other.commit(transaction)
    assert raw.value(sql) == 77
    until(lambda: served(raw, sql) == "table")
    with Raw(front.url) as other:
        other.update("SET search_path TO pg_catalog")
        with pytest.raises((flight.FlightError, pa.ArrowException), match="does not exist"):
            other.value(sql)


def test_wrong_tables_and_full_caches_are_told(postgres, raw, tmp_path, table):
    with pytest.raises((flight.FlightError, pa.ArrowException), match="no table"):
        raw.update("CACHE TABLE nowhere_at_all")
    with pytest.raises((flight.FlightError, pa.ArrowException), match="no engine other"):
        raw.update(f"CACHE TABLE other.public.{table}")
    with pytest.raises((flight.FlightError, pa.ArrowException), match="EVERY"):
        raw.update(f"CACHE TABLE {table} REFRESH EVERY 'soon'")
    postgres.execute(f"CREATE TABLE {table}_wide AS SELECT i, repeat('x', 1000) AS t FROM generate_series(1, 20000) i")
    options = behind(postgres, "--enable-cache", "--cache-max-bytes", "8MiB")
    with Server(tmp_path / "log", *options) as small, Raw(small.url) as client:
        with pytest.raises((flight.FlightError, pa.ArrowException), match="cache_max_bytes"):
            client.update(f"CACHE TABLE {table}_wide")
        assert client.query("SHOW CACHE").num_rows == 0
        client.update(f"CACHE TABLE {table}_wide WHERE i < 1000")
        assert served(client, f"SELECT i FROM {table}_wide WHERE i = 5") == "table"
    postgres.execute(f"DROP TABLE {table}_wide")


def test_definitions_survive_a_restart(postgres, tmp_path, table):
    options = behind(postgres, "--enable-cache")
    data = tmp_path / "data"
    sql = f"SELECT count(*) AS n FROM {table} WHERE v < 5"
    with Server(tmp_path / "log", *options, data_dir=data) as front, Raw(front.url) as raw:
        raw.update(f"CACHE TABLE {table} WHERE v < 5 REFRESH EVERY '1m'")
        assert served(raw, sql) == "table"
    with Server(tmp_path / "log2", *options, data_dir=data) as front, Raw(front.url) as raw:
        until(lambda: served(raw, sql) == "table")
        raw.update(f"UNCACHE TABLE public.{table}")
    with Server(tmp_path / "log3", *options, data_dir=data) as front, Raw(front.url) as raw:
        assert raw.query("SHOW CACHE").num_rows == 0


def test_changes_behind_our_back_are_seen_by_time_or_by_a_column(raw, postgres, table):
    sql = f"SELECT count(*) AS n FROM {table}"
    raw.update(f"CACHE TABLE {table} REFRESH EVERY '200ms'")
    postgres.execute(f"DELETE FROM {table} WHERE id = 1")
    until(lambda: ask(raw, sql)[1].to_pylist() == [{"n": 999}])
    raw.update(f"CACHE TABLE {table} CHANGE COLUMN v POLL EVERY '100ms'")
    other = f"SELECT count(*) AS n, sum(v) AS s FROM {table}"
    assert ask(raw, other)[1].column("n").to_pylist() == [999]
    assert served(raw, other) == "hit"
    postgres.execute(f"INSERT INTO {table} VALUES (5000, 5000)")
    until(lambda: ask(raw, sql)[1].to_pylist() == [{"n": 1000}])
    until(lambda: served(raw, sql) == "table")
    # Results that read the table are stale as well.
    assert ask(raw, other)[1].column("n").to_pylist() == [1000]


def test_no_reader_of_a_copy_gets_less_than_a_writer_was_told(front, postgres, unique):
    """Counters that only grow, in two tables that are cached: whoever asks after a write has ended sees at least that write."""
    seed = random.randrange(1 << 32)
    print("seed:", seed)
    names = [f"{unique}_{index}" for index in range(2)]
    postgres.execute(*(f"CREATE TABLE {name} (id int, v bigint)" for name in names), *(f"INSERT INTO {name} VALUES (1, 0)" for name in names))
    with Raw(front.url) as raw:
        raw.update(f"CACHE TABLE {names[0]}")
        raw.update(f"CACHE TABLE {names[1]} WHERE v >= 0 REFRESH EVERY '50ms'")
    acknowledged = {name: 0 for name in names}
    wrong, kinds, ending = [], {}, threading.Event()

    def write(name: str, source: random.Random) -> None:
        with Raw(front.url) as raw:
            for value in range(1, 150):
                if source.random() < 0.3:
                    transaction = raw.begin()
                    raw.update(f"UPDATE {name} SET v = {value}", transaction)
                    raw.commit(transaction)
                else:
                    raw.update(f"UPDATE {name} SET v = {value}")
                acknowledged[name] = value
                time.sleep(source.random() * 0.1)

    def read(source: random.Random) -> None:
        with Raw(front.url) as raw:
            while not ending.is_set():
                name = source.choice(names)
                least = acknowledged[name]
                metadata, answer = ask(raw, f"SELECT max(v) AS m FROM {name} WHERE v >= 0 AND id = {source.choice(('1', '1 OR id = 2'))}")
                kinds[metadata["cache"]] = kinds.get(metadata["cache"], 0) + 1
                found = answer.column("m")[0].as_py()
                if found < least:
                    wrong.append((name, least, found, metadata))

    writers = [threading.Thread(target=write, args=(name, random.Random(seed + index))) for index, name in enumerate(names)]
    readers = [threading.Thread(target=read, args=(random.Random(seed + 10 + index),)) for index in range(4)]
    for thread in writers + readers:
        thread.start()
    for thread in writers:
        thread.join()
    ending.set()
    for thread in readers:
        thread.join()
    assert not wrong, wrong[:5]
    assert kinds.get("table", 0) > 50, kinds
    with Raw(front.url) as raw:
        for name in names:
            raw.update(f"UNCACHE TABLE {name}")
    postgres.execute(*(f"DROP TABLE {name}" for name in names))


def test_parameters_of_prepared_statements_are_part_of_what_is_covered(raw, table):
    raw.update(f"CACHE TABLE {table} WHERE id <= 500")
    prepared = raw.prepare(f"SELECT v FROM {table} WHERE id = $1")
    for number in (7, 500, 501, 999):
        prepared.bind(pa.table({"1": pa.array([number], pa.int64())}))
        assert prepared.query().to_pylist() == [{"v": number % 10}]
    assert state(raw, table)["hits"] == 2
