"""Several engines beside each other: their tables by name, joins here, changes there, what is fetched of them."""

import datetime
import decimal
import random
import threading

import adbc_driver_flightsql.dbapi as dbapi
import pyarrow as pa
import pytest
from support.postgres import PASSWORD, Postgres
from support.server import ROOT, Server

POSTGRESQL = ROOT / ".deps" / "lib" / "libadbc_driver_postgresql.so"


@pytest.fixture(scope="module")
def postgres():
    # Everything that arrives there is in its log.
    with Postgres("log_statement=all") as running:
        running.execute(
            "CREATE TYPE mood AS ENUM ('sad', 'ok')",
            "CREATE TABLE orders (id bigint PRIMARY KEY, who text, amount numeric(12, 2), any_number numeric, moment timestamptz, "
            "local timestamp, day date, mood mood, mark uuid, ratio double precision)",
            "INSERT INTO orders SELECT i, CASE WHEN i % 7 = 0 THEN NULL ELSE 'w' || i % 10 END, i * 1.25, i, "
            "timestamptz '2024-01-01 00:00+00' + i * interval '1 minute', timestamp '2024-01-01' + i * interval '1 hour', "
            "date '2024-01-01' + i / 100, CASE WHEN i % 2 = 0 THEN 'ok' ELSE 'sad' END::mood, md5(i::text)::uuid, i / 3.0 "
            "FROM generate_series(1, 2000) i",
            "CREATE TABLE customers (who text PRIMARY KEY, city text)",
            "INSERT INTO customers SELECT 'w' || i, 'c' || i % 3 FROM generate_series(0, 9) i",
            'CREATE TABLE "Mixed" ("A" int)',
            "CREATE SCHEMA other",
            "CREATE TABLE other.small AS SELECT 1 AS x",
        )
        yield running


def engine(postgres: Postgres, name: str = "pg", more: str = "") -> str:
    return f"CREATE ENGINE {name} WITH (connection = '{postgres.uri()}', driver_path = '{POSTGRESQL}'{more})"


@pytest.fixture(scope="module")
def server(postgres, tmp_path_factory):
    folder = tmp_path_factory.mktemp("engines")
    with Server(folder / "log") as running:
        with dbapi.connect(running.url, autocommit=True) as connection, connection.cursor() as cursor:
            cursor.execute(engine(postgres))
            cursor.execute(f"CREATE ENGINE lite WITH (driver = 'sqlite', connection = 'sqlite:///{folder}/lite.db')")
        yield running


@pytest.fixture
def cursor(server):
    with dbapi.connect(server.url, autocommit=True) as connection, connection.cursor() as cursor:
        yield cursor


def rows(cursor, sql, parameters=None):
    cursor.execute(sql, parameters)
    return cursor.fetchall()


def sent(postgres: Postgres, before: int) -> str:
    return (postgres.folder / "log").read_text()[before:]


def log_size(postgres: Postgres) -> int:
    return len((postgres.folder / "log").read_text())


def test_tables_of_an_engine_are_relations(cursor):
    listed = rows(cursor, "SELECT table_schema, table_name FROM information_schema.tables WHERE table_catalog = 'pg' ORDER BY ALL")
    assert {("other", "small"), ("public", "Mixed"), ("public", "customers"), ("public", "orders")} <= set(listed)
    types = dict(row[:2] for row in rows(cursor, "DESCRIBE pg.public.orders"))
    assert types == {
        "id": "BIGINT", "who": "VARCHAR", "amount": "DECIMAL(12,2)", "any_number": "DOUBLE", "moment": "TIMESTAMP WITH TIME ZONE",
        "local": "TIMESTAMP", "day": "DATE", "mood": "VARCHAR", "mark": "UUID", "ratio": "DOUBLE",
    }
    found = rows(cursor, "SELECT id, who, amount, moment, day, mood FROM pg.orders WHERE id = 5")
    moment = datetime.datetime(2024, 1, 1, 0, 5, tzinfo=datetime.timezone.utc)
    assert found == [(5, "w5", decimal.Decimal("6.25"), moment, datetime.date(2024, 1, 1), "sad")]
    assert rows(cursor, "SELECT count(*) FROM pg.mixed") == [(0,)]
    assert rows(cursor, "SELECT x FROM pg.other.small") == [(1,)]


def test_only_wanted_columns_and_rows_are_fetched(cursor, postgres):
    before = log_size(postgres)
    assert rows(cursor, "SELECT who FROM pg.public.orders o WHERE o.id BETWEEN 4 AND 6 ORDER BY id") == [("w4",), ("w5",), ("w6",)]
    assert 'SELECT "id", "who" FROM "public"."orders" WHERE "id" >= 4 AND "id" <= 6' in sent(postgres, before)
    before = log_size(postgres)
    assert rows(cursor, "SELECT id FROM pg.orders WHERE id = ? AND who = ?", (8, "w8")) == [(8,)]
    assert """WHERE "id" = 8 AND "who" = 'w8'""" in sent(postgres, before)
    before = log_size(postgres)
    assert rows(cursor, "SELECT count(*) FROM pg.orders WHERE id IN (3, 5, 4000)") == [(2,)]
    assert 'WHERE "id" IN (3, 4000, 5)' in sent(postgres, before) or 'WHERE "id" IN (3, 5, 4000)' in sent(postgres, before)


def test_conditions_mean_the_same_here_and_there(cursor, postgres):
    """Whatever is left out by the engine, DuckDB would have left out as well."""
    seed = random.randrange(1 << 30)
    print("seed", seed)
    chance = random.Random(seed)
    cursor.execute("CREATE TABLE local AS SELECT * FROM pg.public.orders")
    constants = {
        "id": lambda: str(chance.choice([0, 7, -1, chance.randrange(2100), 10**25])),
        "who": lambda: chance.choice(["'w3'", "''", "'it''s'", "'W3'", "'a\\b'"]),
        "amount": lambda: chance.choice(["100", "12.5", "12.505", "1e2", "-3.0"]),
        "any_number": lambda: chance.choice(["100", "12.5"]),
        "ratio": lambda: chance.choice(["1", "0.333333", "33.5", "'nan'::DOUBLE"]),
        "day": lambda: chance.choice(["'2024-01-03'", "DATE '2024-01-05'", "TIMESTAMP '2024-01-04 12:00:00'", "'2024-01-02 05:00:00'::TIMESTAMP"]),
        "moment": lambda: chance.choice(["'2024-01-01 03:00:00+02'", "TIMESTAMPTZ '2024-01-02 00:00:00+00'", "now()", "'2024-01-01 07:00:00'"]),
        "local": lambda: chance.choice(["'2024-02-01'", "TIMESTAMP '2024-01-20 10:00:00.5'", "TIMESTAMPTZ '2024-02-01 00:00:00+01'"]),
        "mood": lambda: chance.choice(["'ok'", "'never'"]),
    }
    try:
        for _ in range(150):
            parts = []
            for _ in range(chance.randrange(1, 4)):
                column = chance.choice(list(constants))
                value = constants[column]
                text = column in ("who", "mood")
                shape = chance.randrange(5)
                if shape == 0:
                    parts.append(f"{column} IN ({value()}, {value()})" if column not in ("moment", "local", "day") else f"{column} = {value()}")
                elif shape == 1 and not text:
                    parts.append(f"{column} BETWEEN {value()} AND {value()}")
                elif shape == 2:
                    parts.append(f"({column} = {value()} OR {column} IS NULL)")
                else:
                    parts.append(f"{column} {'=' if text else chance.choice(['=', '<', '<=', '>', '>='])} {value()}")
            condition = " AND ".join(parts)
            query = "SELECT id FROM {} t WHERE " + condition + " ORDER BY id"
            try:
                here = rows(cursor, query.format("local"))
            except dbapi.Error:
                continue
            assert rows(cursor, query.format("pg.public.orders")) == here, condition
    finally:
        cursor.execute("DROP TABLE local")


def test_streams_tables_and_engines_are_joined_here(cursor, unique):
    cursor.execute(f"CREATE STREAM {unique} (who VARCHAR, n BIGINT)")
    cursor.execute(f"INSERT INTO {unique} VALUES ('w1', 1), ('w2', 7), ('nobody', 3)")
    cursor.execute(f"CREATE TABLE lite.main.{unique}_cities AS SELECT DISTINCT city, length(city) AS l, 1.5::DECIMAL(5, 2) AS d FROM pg.customers")
    joined = rows(
        cursor,
        f"SELECT s.who, c.city, l.d FROM {unique} s JOIN pg.public.customers c USING (who) JOIN lite.{unique}_cities l ON l.city = c.city ORDER BY 1",
    )
    assert joined == [("w1", "c1", 1.5), ("w2", "c2", 1.5)]
    cursor.execute(f"CREATE VIEW {unique}_v AS SELECT c.city, count(*) AS n FROM pg.customers c GROUP BY ALL")
    assert rows(cursor, f"SELECT * FROM {unique}_v ORDER BY 1") == [("c0", 4), ("c1", 3), ("c2", 3)]


def test_changes_go_to_the_engine(cursor, postgres, unique):
    cursor.execute(f"CREATE TABLE pg.public.{unique} (a int, b numeric(10, 2), c text DEFAULT 'd')")
    cursor.execute(f"INSERT INTO pg.{unique} VALUES (1, 2.5, 'x'), (2, 3.5, 'y') ON CONFLICT DO NOTHING")
    assert cursor.rowcount == 2
    cursor.execute(f"UPDATE pg.public.{unique} SET c = 'z' WHERE pg.public.{unique}.a = 2")
    assert rows(cursor, f"SELECT * FROM pg.{unique} ORDER BY a") == [(1, decimal.Decimal("2.50"), "x"), (2, decimal.Decimal("3.50"), "z")]
    # Rows of ours: by place, with another order of columns, and columns that are left out.
    cursor.execute(f"INSERT INTO pg.{unique} (b, a) SELECT range * 1.5, range FROM (SELECT unnest([10, 11]) AS range), lite.sqlite_master WHERE false")
    assert cursor.rowcount == 0
    cursor.execute(f"CREATE TABLE {unique}_here AS SELECT 10 AS a UNION ALL SELECT 11")
    cursor.execute(f"INSERT INTO pg.{unique} (b, a) SELECT a * 1.5, a FROM {unique}_here")
    assert cursor.rowcount == 2
    assert postgres.rows(f"SELECT a, b::text FROM {unique} WHERE a >= 10 ORDER BY a") == [(10, "15.00"), (11, "16.50")]
    with pytest.raises(dbapi.Error, match="has 1 columns, and 3 of"):
        cursor.execute(f"INSERT INTO pg.{unique} SELECT a FROM {unique}_here")
    with pytest.raises(dbapi.Error, match="only INSERT … SELECT"):
        cursor.execute(f"UPDATE pg.{unique} SET c = 'q' FROM {unique}_here h WHERE h.a = 1")
    cursor.execute(f"DELETE FROM pg.{unique} WHERE a < 5")
    assert cursor.rowcount == 2
    cursor.execute(f"DROP TABLE pg.{unique}")
    with pytest.raises(dbapi.Error, match=f"no table public.{unique}"):
        cursor.execute(f"SELECT * FROM pg.{unique}")


def test_loads_name_their_engine(server, postgres, unique):
    with dbapi.connect(server.url, autocommit=True) as connection, connection.cursor() as cursor:
        data = pa.table({"a": pa.array([1, 2, 3], pa.int64()), "b": ["x", None, "z"]})
        assert cursor.adbc_ingest(unique, data, mode="create", catalog_name="pg", db_schema_name="other") == 3
        assert postgres.rows(f"SELECT count(*), sum(a)::bigint FROM other.{unique}") == [(3, 6)]
        assert rows(cursor, f"SELECT b FROM pg.other.{unique} WHERE a = 3") == [("z",)]


def test_columns_that_come_later_are_seen(cursor, postgres, unique):
    postgres.execute(f"CREATE TABLE {unique} (a int)", f"INSERT INTO {unique} VALUES (1)")
    assert rows(cursor, f"SELECT * FROM pg.{unique}") == [(1,)]
    postgres.execute(f"ALTER TABLE {unique} ADD COLUMN b text DEFAULT 'new'")
    cursor.execute("REFRESH ENGINE pg")
    assert rows(cursor, f"SELECT * FROM pg.{unique}") == [(1, "new")]
    # One that is gone makes the statement fail, and the next one knows.
    postgres.execute(f"ALTER TABLE {unique} DROP COLUMN a")
    with pytest.raises(dbapi.Error):
        rows(cursor, f"SELECT * FROM pg.{unique}")
    assert rows(cursor, f"SELECT * FROM pg.{unique}") == [("new",)]


def test_a_session_may_choose_the_engine_for_its_statements(server, cursor):
    assert rows(cursor, "SELECT version()")[0][0].startswith("v1.")
    cursor.execute("USE ENGINE pg")
    assert rows(cursor, "SELECT version()")[0][0].startswith("PostgreSQL")
    assert rows(cursor, "SELECT count(*) FROM orders WHERE amount::text LIKE '%.25'")[0][0] > 0
    with dbapi.connect(server.url, autocommit=True) as other, other.cursor() as second:
        assert rows(second, "SELECT version()")[0][0].startswith("v1.")
    cursor.execute("USE ENGINE DEFAULT")
    assert rows(cursor, "SELECT version()")[0][0].startswith("v1.")


def test_a_transaction_is_of_one_engine(server, postgres, unique):
    postgres.execute(f"CREATE TABLE {unique} (a int)")
    with dbapi.connect(server.url, autocommit=True) as connection, connection.cursor() as cursor:
        cursor.execute(f"CREATE VIEW {unique}_v AS SELECT * FROM pg.public.{unique}")
    with dbapi.connect(server.url) as connection, connection.cursor() as cursor:
        cursor.execute(f"INSERT INTO pg.{unique} VALUES (1)")
        for relation in (f"pg.{unique}", f"{unique}_v"):
            with pytest.raises(dbapi.Error, match="has changed the engine pg"):
                cursor.execute(f"SELECT * FROM {relation}")
        with pytest.raises(dbapi.Error, match="use a transaction for each"):
            cursor.execute(f"CREATE TABLE lite.{unique} (a int)")
        connection.rollback()
        assert postgres.rows(f"SELECT count(*) FROM {unique}") == [(0,)]
        cursor.execute(f"INSERT INTO pg.{unique} VALUES (2)")
        connection.commit()
    assert postgres.rows(f"SELECT a FROM {unique}") == [(2,)]


def test_a_scan_can_be_cancelled(server, postgres, unique):
    postgres.execute(f"CREATE VIEW {unique} AS SELECT pg_sleep(60)::text AS s")
    with dbapi.connect(server.url, autocommit=True) as connection, connection.cursor() as cursor:
        cursor.execute("REFRESH ENGINE pg")
        stopper = threading.Timer(1.0, cursor.adbc_cancel)
        stopper.start()
        with pytest.raises(dbapi.Error):
            rows(cursor, f"SELECT count(s) FROM pg.{unique}")
    waiting = True
    while waiting:
        waiting = postgres.rows(f"SELECT count(*)::int FROM pg_stat_activity WHERE query LIKE '%{unique}%' AND state = 'active' AND pid <> pg_backend_pid()")[0][0] > 0


def test_engines_stay_and_passwords_are_told_to_nobody(postgres, tmp_path, unique):
    from urllib.parse import quote

    secret = quote(PASSWORD, safe="")
    postgres.execute(f"CREATE TABLE {unique} AS SELECT 42 AS answer")
    log = tmp_path / "log"
    options = ["--slow-statement-threshold", "1us", "--log-level", "debug"]
    with Server(log, *options, data_dir=tmp_path / "data") as server, dbapi.connect(server.url, autocommit=True) as connection, connection.cursor() as cursor:
        cursor.execute(engine(postgres, "kept", ", pool_max = 3"))
        cursor.execute(f"CREATE VIEW v AS SELECT * FROM kept.public.{unique}")
        assert rows(cursor, "SELECT answer FROM v") == [(42,)]
        with pytest.raises(dbapi.Error, match="already"):
            cursor.execute(engine(postgres, "kept"))
        shown = rows(cursor, "SHOW ENGINES")
        assert secret not in str(shown) and PASSWORD not in str(shown)
    with Server(log, *options, data_dir=tmp_path / "data") as server, dbapi.connect(server.url, autocommit=True) as connection, connection.cursor() as cursor:
        assert rows(cursor, f"SELECT answer FROM kept.{unique}") == [(42,)]
        assert rows(cursor, "SELECT answer FROM v") == [(42,)]
        cursor.execute("DROP ENGINE kept")
        with pytest.raises(dbapi.Error, match="does not exist"):
            cursor.execute(f"SELECT answer FROM kept.{unique}")
        with pytest.raises(dbapi.Error, match="no engine kept"):
            cursor.execute("DROP ENGINE kept")
        cursor.execute("DROP ENGINE IF EXISTS kept")
    with Server(log, *options, data_dir=tmp_path / "data") as server, dbapi.connect(server.url, autocommit=True) as connection, connection.cursor() as cursor:
        assert [row[0] for row in rows(cursor, "SHOW ENGINES")] != ["kept"]
    written = log.read_text()
    assert secret not in written and PASSWORD not in written


@pytest.mark.parametrize(
    "statement, sentence",
    [
        ("CREATE ENGINE x WITH (driver_path = '/nowhere/driver.so', connection = 'postgresql://h/d')", "/nowhere/driver.so"),
        ("CREATE ENGINE x WITH (pool_max = 3)", "needs the option connection"),
        ("CREATE ENGINE x WITH (connection = 'what')", "does not say which ADBC driver"),
        ("CREATE ENGINE main WITH (connection = 'sqlite:///tmp/x')", "choose another name"),
        ("CREATE ENGINE x", "expected WITH"),
        ("CREATE ENGINE x WITH (connection = 'sqlite:///tmp/x', pool_size = 4)", "pool_size"),
        ("USE ENGINE nobody", "no engine nobody"),
        ("REFRESH ENGINE nobody", "no engine nobody"),
    ],
)
def test_mistakes_are_told(cursor, statement, sentence):
    with pytest.raises(dbapi.Error, match=sentence):
        cursor.execute(statement)


def test_a_wrong_password_names_the_option(cursor, postgres):
    with pytest.raises(dbapi.Error, match="password authentication failed.*password"):
        cursor.execute(f"CREATE ENGINE x WITH (connection = '{postgres.uri(password='wrong')}', driver_path = '{POSTGRESQL}')")


def test_the_standard_engine_has_a_name_too(postgres, tmp_path, unique):
    options = ["--engine", "adbc", "--engine-connection", postgres.uri(), "--engine-options", f"driver_path={POSTGRESQL}", "--engine-name", "shop"]
    with Server(tmp_path / "log", *options) as server, dbapi.connect(server.url, autocommit=True) as connection, connection.cursor() as cursor:
        cursor.execute(f"CREATE STREAM {unique} (who VARCHAR)")
        cursor.execute(f"INSERT INTO {unique} VALUES ('w1'), ('w1')")
        assert rows(cursor, f"SELECT c.city, count(*) FROM {unique} s JOIN shop.customers c USING (who) GROUP BY ALL") == [("c1", 2)]
        cursor.execute(f"CREATE TABLE shop.public.{unique} AS SELECT who, count(*) AS n FROM {unique} GROUP BY who")
        assert rows(cursor, f"SELECT who, n FROM public.{unique}") == [("w1", 2)]
    assert postgres.rows(f"SELECT who, n FROM {unique}") == [("w1", 2)]


def test_databases_elsewhere_are_reached_by_their_drivers(cursor):
    """As far as a machine without their accounts can tell: what their own drivers say of the connection."""
    snowflake = "snowflake://user:tell-nobody@localhost:1/db/schema?account=acct&protocol=http&loginTimeout=1"
    with pytest.raises(dbapi.Error, match="engine snow cannot be reached") as failure:
        cursor.execute(f"CREATE ENGINE snow WITH (connection = '{snowflake}')")
    assert "tell-nobody" not in str(failure.value)
    with pytest.raises(dbapi.Error, match="BigQuery.*credentials"):
        cursor.execute("CREATE ENGINE bq WITH (driver = 'bigquery', \"adbc.bigquery.sql.project_id\" = 'p', \"adbc.bigquery.sql.dataset_id\" = 'd')")
    with pytest.raises(dbapi.Error, match="motherduck"):
        cursor.execute("CREATE ENGINE md WITH (driver = 'duckdb', connection = 'md:my_db')")
    assert {row[0] for row in rows(cursor, "SHOW ENGINES")}.isdisjoint({"snow", "bq", "md"})


def test_copies_stand_in_for_tables(postgres, tmp_path, unique):
    postgres.execute(
        f"CREATE TABLE {unique} (id bigint PRIMARY KEY, price numeric(10, 2), mark uuid)",
        f"INSERT INTO {unique} SELECT i, i * 0.25, NULL FROM generate_series(1, 1000) i",
        f"CREATE TABLE {unique}_plain AS SELECT id, price FROM {unique}",
    )
    with Server(tmp_path / "log", "--enable-cache") as server, dbapi.connect(server.url, autocommit=True) as connection, connection.cursor() as cursor:
        cursor.execute(engine(postgres))
        cursor.execute(f"CACHE TABLE pg.public.{unique}_plain WHERE id <= 500")
        covered = f"SELECT count(*), sum(price) FROM pg.public.{unique}_plain WHERE id BETWEEN 11 AND 20"
        before = log_size(postgres)
        assert rows(cursor, covered) == [(10, decimal.Decimal("38.75"))]
        assert f"{unique}_plain" not in sent(postgres, before)
        # Other rows are wanted, or the table has changed: the engine is asked.
        before = log_size(postgres)
        assert rows(cursor, f"SELECT count(*) FROM pg.public.{unique}_plain WHERE id > 400") == [(600,)]
        assert f'"{unique}_plain" WHERE "id" >= 400' in sent(postgres, before)
        cursor.execute(f"UPDATE pg.public.{unique}_plain SET price = 100 WHERE id = 11")
        assert rows(cursor, covered) == [(10, decimal.Decimal("136.00"))]
        cursor.execute(f"DROP TABLE pg.public.{unique}_plain")
        with pytest.raises(dbapi.Error, match="no table"):
            cursor.execute(covered)


def test_views_wait_for_what_was_acknowledged(postgres, tmp_path, unique):
    postgres.execute(f"CREATE TABLE {unique} (a int)")
    with Server(tmp_path / "log", data_dir=tmp_path / "data") as server, dbapi.connect(server.url, autocommit=True) as connection, connection.cursor() as cursor:
        cursor.execute(engine(postgres, more=", write = 'behind'"))
        cursor.execute(f"CREATE VIEW inner_view AS SELECT * FROM pg.public.{unique}")
        cursor.execute("CREATE VIEW outer_view AS SELECT count(*) AS n FROM inner_view")
        with postgres.connect() as other, other.cursor() as holder:
            holder.execute("BEGIN")
            holder.execute(f"LOCK TABLE {unique} IN EXCLUSIVE MODE")
            assert cursor.adbc_ingest(unique, pa.table({"a": pa.array([1], pa.int32())}), mode="append", catalog_name="pg") == 1
            # It cannot be there before the lock is let go; readers are not held up by it.
            timer = threading.Timer(0.5, holder.execute, ["ROLLBACK"])
            timer.start()
            assert rows(cursor, "SELECT n FROM outer_view") == [(1,)]
            timer.join()
