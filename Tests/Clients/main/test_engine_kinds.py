"""The server in front of other databases than PostgreSQL, by the same code."""

import json
import os
import subprocess

import adbc_driver_flightsql.dbapi as dbapi
import pyarrow as pa
import pyarrow.flight as flight
import pytest
from support.protocol import statement_query
from support.raw import Raw
from support.server import Server, program



@pytest.fixture(scope="module", params=["sqlite", "duckdb", "hyprstream"])
def front(request, tmp_path_factory):
    folder = tmp_path_factory.mktemp(request.param)
    cache = ["--enable-cache", "--engine", "adbc"]
    if request.param == "sqlite":
        connection = f"sqlite:///{folder}/data.sqlite"
    elif request.param == "duckdb":
        connection = f"duckdb:///{folder}/data.duckdb"
    else:
        behind = Server(folder / "behind")
        request.addfinalizer(behind.stop)
        connection = behind.url
    with Server(folder / "log", *cache, "--engine-connection", connection) as running:
        running.kind = request.param
        yield running


def test_it_runs_statements_and_keeps_results(front):
    with Raw(front.url) as raw:
        raw.update("CREATE TABLE t (id BIGINT PRIMARY KEY, v DOUBLE PRECISION, s VARCHAR(20))")
        raw.update("INSERT INTO t VALUES (1, 1.5, 'a'), (2, 2.5, NULL)")
        assert raw.rows("SELECT id, v, s FROM t ORDER BY id") == [(1, 1.5, "a"), (2, 2.5, None)]
        assert json.loads(raw.info(statement_query("SELECT id, v, s FROM t ORDER BY id")).app_metadata)["cache"] == "hit"
        raw.update("UPDATE t SET v = 9 WHERE id = 1")
        assert raw.rows("SELECT id, v, s FROM t ORDER BY id") == [(1, 9.0, "a"), (2, 2.5, None)]
        row = raw.query("SHOW ENGINES").to_pylist()[0]
        assert row["state"] == "ready" and row["kind"] == "adbc"
        with pytest.raises((flight.FlightError, pa.ArrowException)):
            raw.query("SELECT * FROM nowhere")
        assert raw.value("SELECT count(*) FROM t") == 2
        raw.update("DROP TABLE t")


def test_parameters_loads_and_metadata(front):
    with dbapi.connect(front.url, autocommit=True) as connection, connection.cursor() as cursor:
        rows = pa.table({"id": pa.array(range(1000), pa.int64()), "s": [f"r{i}" for i in range(1000)]})
        assert cursor.adbc_ingest("loaded", rows, mode="create") == 1000
        assert cursor.adbc_ingest("loaded", rows.slice(0, 10), mode="append") == 10
        cursor.execute("SELECT count(*), max(s) FROM loaded WHERE id < ?", (5,))
        assert cursor.fetchone() == (10, "r4")
        cursor.execute("DELETE FROM loaded WHERE id >= ?", (500,))
        cursor.execute("SELECT count(*) FROM loaded")
        assert cursor.fetchone() == (510,)
        objects = connection.adbc_get_objects(depth="tables", table_name_filter="loaded").read_all().to_pylist()
        assert "'loaded'" in str(objects)
        cursor.execute("DROP TABLE loaded")


def test_transactions(front):
    with dbapi.connect(front.url) as connection, connection.cursor() as cursor:
        cursor.execute("CREATE TABLE kept (a BIGINT)")
        connection.commit()
        cursor.execute("INSERT INTO kept VALUES (1)")
        cursor.execute("SELECT count(*) FROM kept")
        assert cursor.fetchone() == (1,)
        connection.rollback()
        cursor.execute("SELECT count(*) FROM kept")
        assert cursor.fetchone() == (0,)
        cursor.execute("DROP TABLE kept")
        connection.commit()


def test_drivers_that_are_not_there_are_named(tmp_path):
    """The sentence says where one was looked for."""
    environment = {key: value for key, value in os.environ.items() if not key.startswith("HYPRSTREAM_")}
    done = subprocess.run(
        [str(program()), "--ephemeral", "--port", "0", "--http-port", "0", "--engine", "adbc", "--engine-connection", "x", "--engine-options", "driver=exasol"],
        capture_output=True, text=True, timeout=60, env={**environment, "HOME": str(tmp_path)}, cwd=tmp_path,
    )
    assert done.returncode != 0
    assert "libadbc_driver_exasol" in done.stderr + done.stdout
    assert "driver_path" in done.stderr + done.stdout
