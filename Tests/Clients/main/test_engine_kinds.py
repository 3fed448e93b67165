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


def test_copies_of_tables_answer_alike_or_not_at_all(front):
    statements = [
        "SELECT * FROM held", "SELECT id, s AS name FROM held WHERE v > 2.5 AND s <> 'b'", "SELECT count(*) AS n, max(v) AS m FROM held",
        "SELECT b, count(s) AS n, min(d) AS d FROM held GROUP BY b", "SELECT id FROM held WHERE d >= '2026-01-05' ORDER BY d DESC, id LIMIT 3",
        "SELECT a.id, c.v FROM held a LEFT JOIN held c ON a.id = c.id AND c.v < 3 WHERE a.id IN (1, 2, 3)", "SELECT sum(v) AS s FROM held WHERE b",
        "SELECT id + 1 AS x FROM held", "SELECT sum(id) AS s FROM held", "SELECT ID FROM Held WHERE S = 'A'",
    ]
    with Raw(front.url) as raw:
        raw.update("CREATE TABLE held (id BIGINT, v DOUBLE PRECISION, s VARCHAR(20), b BOOLEAN, d DATE)")
        raw.update("INSERT INTO held VALUES " + ", ".join(f"({i}, {i} * 0.5, '{'abAB'[i % 4]}', {'true' if i % 2 else 'NULL'}, '2026-01-{i:02}')" for i in range(1, 20)))
        assert raw.update("CACHE TABLE held WHERE id < 100" if front.kind != "sqlite" else "CACHE TABLE held") == 19
        kinds = []
        for sql in statements:
            expected = raw.query(sql.replace("SELECT", "SELECT /*+ no_cache */", 1))
            # Without the slice's condition nothing is certain.
            for text in (sql, sql.replace("WHERE", "WHERE id < 100 AND", 1) if "WHERE" in sql and "JOIN" not in sql else sql):
                info = raw.info(statement_query(text))
                found = raw.client.do_get(info.endpoints[0].ticket, raw.options).read_all()
                assert found.schema.equals(expected.schema, check_metadata=True), text
                assert sorted(map(repr, found.to_pylist())) == sorted(map(repr, expected.to_pylist())), text
                kinds.append(json.loads(info.app_metadata)["cache"])
        assert ("table" in kinds) == (front.kind != "sqlite"), kinds
        raw.update("INSERT INTO held VALUES (20, 1, 'z', true, '2026-02-01')")
        assert raw.value("SELECT count(*) AS n FROM held WHERE id < 100") == 20
        raw.update("UNCACHE TABLE held")
        raw.update("DROP TABLE held")
