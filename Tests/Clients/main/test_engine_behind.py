"""A server in front of PostgreSQL: statements go through, transactions hold, errors say what to do."""

import os
import pathlib
import subprocess
import threading

import adbc_driver_flightsql.dbapi as dbapi
import pyarrow as pa
import pyarrow.flight as flight
import pytest
from support.postgres import PASSWORD, Postgres
from support.protocol import statement_query, table_reference
from support.raw import Raw
from support.server import ROOT, Server, program

DRIVER = ROOT / ".deps" / "lib" / "libadbc_driver_postgresql.so"


@pytest.fixture(scope="module")
def postgres():
    with Postgres() as running:
        yield running


def behind(postgres: Postgres, *options: str, **uri) -> list[str]:
    return ["--engine", "adbc", "--engine-connection", postgres.uri(**uri), "--engine-options", f"driver_path={DRIVER}", *options]


@pytest.fixture(scope="module")
def front(postgres, tmp_path_factory):
    with Server(tmp_path_factory.mktemp("front") / "log", *behind(postgres, options="pool_max=8&pool_min=1&connect_timeout=10")) as running:
        yield running


@pytest.fixture
def table(postgres, unique):
    postgres.execute(f"CREATE TABLE {unique} (id bigint PRIMARY KEY, amount double precision, who text)")
    yield unique
    postgres.execute(f"DROP TABLE IF EXISTS {unique} CASCADE")


def test_statements_run_in_the_dialect_of_the_database(front, postgres, table):
    with dbapi.connect(front.url, autocommit=True) as connection, connection.cursor() as cursor:
        cursor.execute(f"INSERT INTO {table} SELECT i, i * 1.5, 'w' || i % 3 FROM generate_series(1, 1000) i")
        assert cursor.rowcount == 1000
        cursor.execute(f"SELECT who, count(*) AS n, sum(amount) AS s FROM {table} GROUP BY who ORDER BY who")
        assert cursor.fetchall() == [("w0", 333, 250249.5), ("w1", 334, 250750.5), ("w2", 333, 249750.0)]
        cursor.execute(f"UPDATE {table} SET amount = 0 WHERE id <= 10 RETURNING id, amount")
        assert sorted(cursor.fetchall()) == [(i, 0.0) for i in range(1, 11)]
        cursor.execute(f"DELETE FROM {table} WHERE id > $1", (500,))
        assert cursor.rowcount == 500
        cursor.execute("SELECT current_setting('server_version_num')::int / 10000")
        assert cursor.fetchone()[0] >= 13
    assert postgres.rows(f"SELECT count(*) FROM {table}") == [(500,)]


def test_parameters_are_bound_by_number_or_place(front, table, postgres):
    postgres.execute(f"INSERT INTO {table} VALUES (1, 1, 'a'), (2, 2, 'b'), (3, 3, NULL)")
    with dbapi.connect(front.url, autocommit=True) as connection, connection.cursor() as cursor:
        cursor.execute(f"SELECT id FROM {table} WHERE who = ? AND amount < ?", ("b", 5.0))
        assert cursor.fetchall() == [(2,)]
        cursor.execute(f"SELECT id FROM {table} WHERE id > $1 ORDER BY id", (1,))
        assert cursor.fetchall() == [(2,), (3,)]
        cursor.executemany(f"INSERT INTO {table} VALUES (?, ?, ?)", [(i, float(i), f"n{i}") for i in range(10, 20)])
        # One of many rows is wrong: none is stored.
        with pytest.raises(dbapi.Error, match="duplicate key"):
            cursor.executemany(f"INSERT INTO {table} VALUES (?, ?, ?)", [(30, 1.0, "x"), (10, 1.0, "y")])
    assert postgres.rows(f"SELECT count(*), max(id) FROM {table}") == [(13, 19)]


def test_prepared_statements_are_described(front, table):
    with Raw(front.url) as raw:
        prepared = raw.prepare(f"SELECT id, who FROM {table} WHERE id = $1")
        assert prepared.dataset_schema.names == ["id", "who"]
        assert prepared.parameter_schema.types == [pa.int64()]
        prepared.bind(pa.table({"1": pa.array([5], pa.int64())}))
        assert prepared.query().num_rows == 0
        prepared.close()


def test_transactions_hold_over_statements_and_connections(front, postgres, table):
    with dbapi.connect(front.url) as connection, connection.cursor() as cursor:
        cursor.execute(f"INSERT INTO {table} VALUES (1, 1, 'a')")
        cursor.execute(f"SELECT count(*) FROM {table}")
        assert cursor.fetchone() == (1,)
        assert postgres.rows(f"SELECT count(*) FROM {table}") == [(0,)]
        connection.rollback()
        cursor.execute(f"SELECT count(*) FROM {table}")
        assert cursor.fetchone() == (0,)
        cursor.execute(f"INSERT INTO {table} VALUES (2, 1, 'a')")
        cursor.adbc_ingest(table, pa.table({"id": [3, 4], "amount": [1.0, 2.0], "who": ["x", None]}), mode="append")
        # A result that is still open does not disturb the next statement.
        cursor.execute(f"SELECT * FROM {table} ORDER BY id")
        with connection.cursor() as other:
            other.execute(f"UPDATE {table} SET amount = 9")
        assert [row[0] for row in cursor.fetchall()] == [2, 3, 4]
        connection.commit()
    assert postgres.rows(f"SELECT id, amount FROM {table} ORDER BY id") == [(2, 9.0), (3, 9.0), (4, 9.0)]
    # Who leaves in the middle leaves nothing.
    connection = dbapi.connect(front.url)
    cursor = connection.cursor()
    cursor.execute(f"DELETE FROM {table}")
    cursor.close()
    connection.close()
    assert postgres.rows(f"SELECT count(*) FROM {table}") == [(3,)]
    with Raw(front.url) as raw:
        raw.update("BEGIN")
        raw.update(f"DELETE FROM {table}")
        raw.update("ROLLBACK")
        assert raw.value(f"SELECT count(*) FROM {table}") == 3


def test_bulk_loads_are_all_or_nothing(front, postgres, table):
    rows = pa.table({"id": pa.array(range(100_000), pa.int64()), "amount": [0.5] * 100_000, "who": ["x"] * 100_000})
    with dbapi.connect(front.url, autocommit=True) as connection, connection.cursor() as cursor:
        assert cursor.adbc_ingest(table, rows, mode="append") == 100_000
        with pytest.raises(dbapi.Error, match="duplicate key"):
            cursor.adbc_ingest(table, pa.table({"id": [200_000, 5], "amount": [1.0, 1.0], "who": ["a", "b"]}), mode="append")
        assert cursor.adbc_ingest(f"{table}_new", rows.slice(0, 10), mode="create") == 10
        with pytest.raises(dbapi.Error, match="exist"):
            cursor.adbc_ingest(f"{table}_new", rows.slice(0, 10), mode="create")
        assert cursor.adbc_ingest(f"{table}_new", rows.slice(0, 5), mode="replace") == 5
        cursor.execute(f"DROP TABLE {table}_new")
    assert postgres.rows(f"SELECT count(*) FROM {table}") == [(100_000,)]


def test_temporary_tables_and_settings_stay_with_their_session(front):
    with dbapi.connect(front.url, autocommit=True) as one, dbapi.connect(front.url, autocommit=True) as two:
        with one.cursor() as cursor, two.cursor() as other:
            cursor.execute("CREATE TEMPORARY TABLE mine (a int)")
            cursor.execute("INSERT INTO mine VALUES (1), (2)")
            cursor.execute("SELECT count(*) FROM mine")
            assert cursor.fetchone() == (2,)
            with pytest.raises(dbapi.Error, match="does not exist"):
                other.execute("SELECT * FROM mine")
            cursor.execute("SET search_path TO pg_catalog")
            cursor.execute("SHOW search_path")
            assert cursor.fetchone() == ("pg_catalog",)
            other.execute("SHOW search_path")
            assert other.fetchone() != ("pg_catalog",)


def test_large_results_stream(front):
    with Raw(front.url) as raw:
        count = last = 0
        for chunk in raw.reader(statement_query("SELECT i::bigint AS i FROM generate_series(1, 2000000) i")):
            count += chunk.data.num_rows
            last = chunk.data.column(0)[-1].as_py()
    assert count == last == 2_000_000


def test_streams_stay_here(front, unique):
    with dbapi.connect(front.url, autocommit=True) as connection, connection.cursor() as cursor:
        cursor.execute(f"CREATE STREAM {unique} (a BIGINT)")
        cursor.execute(f"INSERT INTO {unique} VALUES (1), (2)")
        cursor.execute(f"SELECT sum(a) FROM {unique} WHERE a > 1")
        assert cursor.fetchone() == (2,)
        cursor.execute(f"DROP STREAM {unique}")


def test_a_statement_can_be_cancelled(front):
    with dbapi.connect(front.url, autocommit=True) as connection, connection.cursor() as cursor:
        timer = threading.Timer(0.5, cursor.adbc_cancel)
        timer.start()
        with pytest.raises(dbapi.Error):
            cursor.execute("SELECT pg_sleep(60)")
            cursor.fetchall()
        timer.join()
    with dbapi.connect(front.url, autocommit=True) as connection, connection.cursor() as cursor:
        for _ in range(50):
            cursor.execute("SELECT count(*) FROM pg_stat_activity WHERE query LIKE '%pg_sleep(60)%' AND query NOT LIKE '%activity%' AND state = 'active'")
            if cursor.fetchone() == (0,):
                break
            threading.Event().wait(0.1)
        else:
            pytest.fail("the statement goes on in the database")


def test_engines_are_shown_without_secrets(front):
    with Raw(front.url) as raw:
        table = raw.query("SHOW ENGINES").to_pylist()
    assert [row["kind"] for row in table] == ["adbc", "duckdb"]
    assert table[0]["state"] == "ready" and table[0]["pool_max"] == 8 and table[0]["version"].startswith("PostgreSQL")
    assert "s3cret" not in str(table) and "s3cret" not in front.log.read_text()


def test_a_restart_of_the_database_is_survived(tmp_path, unique):
    with Postgres() as own, Server(tmp_path / "log", *behind(own)) as front:
        own.execute(f"CREATE TABLE {unique} (a int)")
        with Raw(front.url) as raw:
            assert raw.value(f"SELECT count(*) FROM {unique}") == 0
            transaction = raw.begin()
            raw.update(f"INSERT INTO {unique} VALUES (1)", transaction)
            own.restart()
            with pytest.raises((flight.FlightError, pa.ArrowException), match="begin again|was lost|terminat|closed"):
                raw.update(f"INSERT INTO {unique} VALUES (2)", transaction)
            with pytest.raises((flight.FlightError, pa.ArrowException)):
                raw.commit(transaction)
            # Reads are sent again; nobody sees that their connection was dead.
            assert raw.value(f"SELECT count(*) FROM {unique}") == 0
            own.stop()
            with pytest.raises((flight.FlightError, pa.ArrowException), match="cannot be reached"):
                raw.value(f"SELECT count(*) FROM {unique}")
            assert "unreachable" in str(raw.query("SHOW ENGINES").to_pylist())
            own.start()
            for _ in range(100):
                try:
                    assert raw.value(f"SELECT count(*) FROM {unique}") == 0
                    break
                except (flight.FlightError, pa.ArrowException):
                    threading.Event().wait(0.1)
            else:
                pytest.fail("the engine is not reached again")


@pytest.mark.parametrize(
    "change, words",
    [
        (lambda options: [o.replace(str(DRIVER), "/nowhere/driver.so") for o in options], ["/nowhere/driver.so", "driver_path"]),
        (lambda options: [o.replace("postgres:", "nobody:") for o in options], ["password authentication failed"]),
        (lambda options: [*options[:3], options[3], "--engine-options", "pool_sise=3", *options[4:]], ["pool_sise", "pool_max"]),
        (lambda options: [o.replace("postgresql://", "oracle://") for o in options if "driver_path" not in o and o != "--engine-options"], ["driver_path"]),
        (lambda options: [o + "&frobnicate=1" if o.startswith("postgresql") else o for o in options], ["frobnicate"]),
    ],
)
def test_settings_that_cannot_work_end_the_start_with_a_sentence(postgres, tmp_path, change, words):
    options = change(behind(postgres, options="pool_max=2"))
    environment = {key: value for key, value in os.environ.items() if not key.startswith("HYPRSTREAM_")}
    done = subprocess.run(
        [str(program()), "--ephemeral", "--port", "0", "--http-port", "0", *options], capture_output=True, text=True, timeout=60,
        env={**environment, "HOME": str(tmp_path)}, cwd=tmp_path,
    )
    assert done.returncode != 0
    said = done.stderr + done.stdout
    for word in words:
        assert word in said, said
    assert PASSWORD not in said and "s3cret" not in said
    assert "Fatal error" not in said


def test_credentials_come_from_the_environment_first(postgres, tmp_path):
    environment = {key: value for key, value in os.environ.items() if not key.startswith("HYPRSTREAM_")}
    environment |= {"HYPRSTREAM_ENGINE_USERNAME": "postgres", "HYPRSTREAM_ENGINE_PASSWORD": PASSWORD, "HOME": str(tmp_path)}
    printed = subprocess.run(
        [str(program()), "--ephemeral", "--engine", "adbc", "--engine-connection", postgres.uri(user="a", password="b"), "--print-config"],
        capture_output=True, text=True, timeout=60, env=environment, cwd=tmp_path,
    )
    assert PASSWORD not in printed.stdout and "a:b@" not in printed.stdout
    configuration = tmp_path / "hyprstream.toml"
    configuration.write_text(
        f"""
[storage]
backend = "adbc"
connection = "postgresql://127.0.0.1:{postgres.port}/postgres"
options = {{ pool_max = "10", pool_min = "1", connect_timeout = "30" }}
"""
    )
    old = dict(os.environ)
    try:
        process = subprocess.Popen(
            [str(program()), "--ephemeral", "--port", "0", "--http-port", "0", "--config", str(configuration), "--engine-password", "wrong"],
            stdout=subprocess.PIPE, stderr=open(pathlib.Path(tmp_path) / "log", "w"), text=True, env=environment, cwd=tmp_path,
        )
        line = ""
        for line in process.stdout:
            if "listening on grpc://" in line:
                break
        with Raw(line.split("listening on ")[1].split()[0].rstrip(",;")) as raw:
            assert raw.value("SELECT current_user::text") == "postgres"
    finally:
        process.terminate()
        process.wait(30)
        os.environ.update(old)


def test_metadata_lists_what_the_database_has(front, postgres, table):
    postgres.execute(f"CREATE SCHEMA {table}_space", f"CREATE VIEW {table}_space.seen AS SELECT id FROM {table}")
    try:
        with dbapi.connect(front.url, autocommit=True) as connection:
            objects = connection.adbc_get_objects(depth="columns", table_name_filter=f"{table}%").read_all().to_pylist()
            found = {
                (entry["catalog_name"], schema["db_schema_name"], relation["table_name"], relation["table_type"])
                for entry in objects for schema in entry["catalog_db_schemas"] or [] for relation in schema["db_schema_tables"] or []
            }
            assert ("postgres", "public", table, "TABLE") in found
            columns = [
                column["column_name"] for entry in objects for schema in entry["catalog_db_schemas"] or []
                for relation in schema["db_schema_tables"] or [] for column in relation["table_columns"] or []
            ]
            assert columns == ["id", "amount", "who"]
            schema = connection.adbc_get_table_schema(table, db_schema_filter="public")
            assert schema.field("id").type == pa.int64()
            views = connection.adbc_get_objects(depth="tables", db_schema_filter=f"{table}_space").read_all().to_pylist()
            assert "'table_type': 'VIEW'" in str(views)
            assert "pg_catalog" not in str(connection.adbc_get_objects(depth="db_schemas").read_all().to_pylist())
    finally:
        postgres.execute(f"DROP SCHEMA {table}_space CASCADE")


def test_a_load_that_is_sent_again_is_stored_once(front, postgres, table):
    rows = pa.table({"id": pa.array(range(1000), pa.int64()), "amount": [1.0] * 1000, "who": ["x"] * 1000})
    with Raw(front.url) as raw:
        for _ in range(3):
            assert raw.ingest(table, rows, mode="append", options={"producer": "p", "sequence": "1"}) == 1000
        more = rows.set_column(0, "id", pa.array(range(1000, 2000), pa.int64()))
        assert raw.ingest(table, more, mode="append", options={"producer": "p", "sequence": "2"}) == 1000
        # One that fails leaves nothing, and may be sent again when it is mended.
        with pytest.raises((flight.FlightError, pa.ArrowException), match="duplicate key"):
            raw.ingest(table, rows, mode="append", options={"producer": "p", "sequence": "3"})
        with pytest.raises((flight.FlightError, pa.ArrowException), match="sequence"):
            raw.ingest(table, rows, mode="append", options={"producer": "p", "sequence": "first"})
        assert raw.ingest(table, rows.set_column(0, "id", pa.array(range(2000, 3000), pa.int64())), mode="append", options={"producer": "p", "sequence": "3"}) == 1000
    assert postgres.rows(f"SELECT count(*) FROM {table}") == [(3000,)]

    # Many at once with the same key: one of them stores.
    def load():
        with Raw(front.url) as own:
            own.ingest(table, rows.set_column(0, "id", pa.array(range(5000, 6000), pa.int64())), mode="append", options={"producer": "q", "sequence": "1"})

    threads = [threading.Thread(target=load) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert postgres.rows(f"SELECT count(*) FROM {table}") == [(4000,)]


def test_keys_of_the_database_are_listed(front, postgres, unique):
    postgres.execute(
        f"CREATE TABLE {unique}_a (x int, y int, PRIMARY KEY (y, x))",
        f"CREATE TABLE {unique}_b (i int PRIMARY KEY, p int, q int, "
        f"CONSTRAINT to_a FOREIGN KEY (p, q) REFERENCES {unique}_a (y, x) ON DELETE CASCADE ON UPDATE SET NULL)",
    )
    with Raw(front.url) as raw:
        keys = raw.table(table_reference("CommandGetPrimaryKeys", f"{unique}_a", schema="public")).to_pylist()
        assert [(key["column_name"], key["key_sequence"]) for key in keys] == [("y", 1), ("x", 2)]
        for command, table in [("CommandGetImportedKeys", f"{unique}_b"), ("CommandGetExportedKeys", f"{unique}_a")]:
            keys = raw.table(table_reference(command, table)).to_pylist()
            assert [(key["fk_column_name"], key["pk_column_name"]) for key in keys] == [("p", "y"), ("q", "x")]
            assert {(key["fk_key_name"], key["pk_key_name"]) for key in keys} == {("to_a", f"{unique}_a_pkey")}
            assert {(key["delete_rule"], key["update_rule"]) for key in keys} == {(0, 2)}
