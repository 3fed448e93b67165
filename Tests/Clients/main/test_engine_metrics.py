"""`metrics` with an engine behind: the same relation here, and a table of it there."""

import datetime

import adbc_driver_flightsql.dbapi as dbapi
import pyarrow as pa
import pytest
from support.postgres import Postgres
from support.server import Server
from test_engine_behind import behind

START = datetime.datetime(2024, 1, 1, tzinfo=datetime.timezone.utc)


@pytest.fixture(scope="module")
def postgres():
    with Postgres() as running:
        yield running


@pytest.fixture
def database(postgres, unique):
    postgres.execute(f"CREATE DATABASE {unique}")
    return unique


def in_engine(postgres, database, sql="SELECT metric_id, value, value_running_window_sum, value_running_window_count FROM metrics ORDER BY timestamp"):
    with postgres.connect(database) as connection, connection.cursor() as cursor:
        cursor.execute(sql)
        return cursor.fetchall()


def put(cursor, first: int, count: int, name: str = "m") -> None:
    rows = pa.table({
        "metric_id": [name] * count,
        "timestamp": pa.array([START + datetime.timedelta(seconds=i) for i in range(first, first + count)], pa.timestamp("us", "UTC")),
        "value": [float(i) for i in range(first, first + count)],
    })
    assert cursor.adbc_ingest("metrics", rows, mode="append") == count


def test_rows_and_running_columns_are_in_both(postgres, database, tmp_path):
    with Server(tmp_path / "log", *behind(postgres, database=database)) as server, dbapi.connect(server.url, autocommit=True) as connection, connection.cursor() as cursor:
        put(cursor, 0, 3)
        # Acknowledged: so it is there.
        assert in_engine(postgres, database) == [("m", 0.0, 0.0, 1), ("m", 1.0, 1.0, 2), ("m", 2.0, 3.0, 3)]
        cursor.execute("INSERT INTO metrics (metric_id, timestamp, value) VALUES ('m', '2024-01-01 00:00:10+00', 7)")
        cursor.execute("SELECT value, value_running_window_sum, value_running_window_count FROM metrics ORDER BY timestamp DESC LIMIT 1")
        assert cursor.fetchall() == [(7.0, 10.0, 4)]
        assert in_engine(postgres, database)[-1] == ("m", 7.0, 10.0, 4)
        cursor.execute("SELECT count(*), sum(value)::float8 FROM public.metrics")
        assert cursor.fetchall() == [(4, 10.0)]
    with Server(tmp_path / "log", *behind(postgres, database=database)) as server:
        # A server that keeps nothing begins with what the engine has, and goes on from there.
        with dbapi.connect(server.url, autocommit=True) as connection, connection.cursor() as cursor:
            cursor.execute("SELECT count(*), max(value_running_window_count) FROM metrics")
            assert cursor.fetchall() == [(4, 4)]
            put(cursor, 11, 1)
            cursor.execute("SELECT value, value_running_window_count FROM metrics ORDER BY timestamp DESC LIMIT 1")
            assert cursor.fetchall() == [(11.0, 5)]
    assert len(in_engine(postgres, database)) == 5


def test_transactions_get_there_at_their_end(postgres, database, tmp_path):
    with Server(tmp_path / "log", *behind(postgres, database=database)) as server, dbapi.connect(server.url) as connection, connection.cursor() as cursor:
        cursor.execute("INSERT INTO metrics (metric_id, timestamp, value) VALUES ('t', '2024-01-01 00:00:00+00', 1)")
        assert in_engine(postgres, database) == []
        connection.rollback()
        cursor.execute("INSERT INTO metrics (metric_id, timestamp, value) VALUES ('t', '2024-01-01 00:00:00+00', 2)")
        connection.commit()
        assert in_engine(postgres, database) == [("t", 2.0, 2.0, 1)]


def test_nothing_is_lost_or_doubled_by_kills(postgres, database, tmp_path):
    data = tmp_path / "data"
    options = behind(postgres, "--engine-write", "behind", database=database)
    for round in range(6):
        server = Server(tmp_path / "log", *options, data_dir=data)
        with dbapi.connect(server.url, autocommit=True) as connection, connection.cursor() as cursor:
            for part in range(5):
                put(cursor, round * 1000 + part * 100, 100, f"r{round}")
        server.kill()
    with Server(tmp_path / "log", *options, data_dir=data) as server:
        with dbapi.connect(server.url, autocommit=True) as connection, connection.cursor() as cursor:
            cursor.execute("SET write = 'through'")
            put(cursor, 999_000, 1, "end")
    counts = in_engine(postgres, database, "SELECT count(*)::int, count(DISTINCT timestamp)::int FROM metrics")
    assert counts == [(3001, 3001)]


def test_through_is_refused_while_the_engine_is_down(postgres, database, tmp_path):
    with Postgres() as own:
        with Server(tmp_path / "log", *behind(own), data_dir=tmp_path / "data") as server, dbapi.connect(server.url, autocommit=True) as connection, connection.cursor() as cursor:
            put(cursor, 0, 1)
            own.stop()
            # The first learns it after its rows were stored, and says so.
            with pytest.raises(dbapi.Error, match="by themselves, so do not send them again"):
                put(cursor, 1, 1)
            with pytest.raises(dbapi.Error, match="nothing was stored"):
                put(cursor, 2, 1)
            cursor.execute("SELECT count(*) FROM metrics")
            assert cursor.fetchone() == (2,)
            cursor.execute("SET write = 'behind'")
            put(cursor, 3, 1)
            own.start()
            cursor.execute("SET write = 'through'")
            done = False
            while not done:
                try:
                    put(cursor, 4, 1)
                    done = True
                except dbapi.Error as error:
                    assert "nothing was stored" in str(error)
        assert [row[1] for row in in_engine(own, "postgres")] == [0.0, 1.0, 3.0, 4.0]


def test_another_table_of_the_name_is_left_alone(postgres, database, tmp_path):
    with postgres.connect(database) as connection, connection.cursor() as cursor:
        cursor.execute("CREATE TABLE metrics (something int)")
    with Server(tmp_path / "log", *behind(postgres, database=database)) as server, dbapi.connect(server.url, autocommit=True) as connection, connection.cursor() as cursor:
        put(cursor, 0, 2)
        cursor.execute("SELECT count(*) FROM metrics")
        assert cursor.fetchone() == (2,)
        cursor.execute("SELECT count(*) FROM public.metrics")
        assert cursor.fetchone() == (0,)
    assert "metrics stay here" in (tmp_path / "log").read_text()


def test_sqlite_has_the_table_too(tmp_path):
    options = ["--engine", "adbc", "--engine-connection", f"sqlite://{tmp_path}/m.db"]
    with Server(tmp_path / "log", *options) as server, dbapi.connect(server.url, autocommit=True) as connection, connection.cursor() as cursor:
        put(cursor, 0, 3)
        cursor.execute('SELECT count(*), sum("value") FROM engine.main.metrics')
        assert cursor.fetchall() == [(3, 3.0)]


def test_a_user_without_rights_is_told_and_has_metrics_here(postgres, database, tmp_path):
    with postgres.connect(database) as connection, connection.cursor() as cursor:
        for statement in (
            f"CREATE ROLE {database}_reader LOGIN PASSWORD 'reader'",
            "CREATE TABLE secret (a int)", "CREATE TABLE shown AS SELECT 7 AS a", f"GRANT SELECT ON shown TO {database}_reader",
        ):
            cursor.execute(statement)
    options = behind(postgres, database=database, user=f"{database}_reader", password="reader")
    with Server(tmp_path / "log", *options) as server, dbapi.connect(server.url, autocommit=True) as connection, connection.cursor() as cursor:
        cursor.execute("SELECT a FROM shown")
        assert cursor.fetchall() == [(7,)]
        for refused in ("SELECT * FROM secret", "INSERT INTO shown VALUES (1)", "CREATE TABLE mine (a int)", "SELECT * FROM engine.secret"):
            with pytest.raises(dbapi.Error, match="permission denied"):
                cursor.execute(refused)
                cursor.fetchall()
        put(cursor, 0, 2)
        cursor.execute("SELECT count(*) FROM metrics")
        assert cursor.fetchone() == (2,)
    assert "grant the engine's user CREATE" in (tmp_path / "log").read_text()
