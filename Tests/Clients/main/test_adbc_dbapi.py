"""adbc-driver-flightsql through its DB-API: the path that most Python programs take."""

import datetime
import decimal

import adbc_driver_flightsql.dbapi as dbapi
import adbc_driver_manager
import pyarrow as pa
import pytest

AUTOCOMMIT = {"autocommit": True}


@pytest.fixture
def connection(server):
    with dbapi.connect(server.url, **AUTOCOMMIT) as connection:
        yield connection


@pytest.fixture
def cursor(connection):
    with connection.cursor() as cursor:
        yield cursor


def test_select_one(cursor):
    cursor.execute("SELECT 1 AS one, 'x' AS letter")
    assert cursor.fetchall() == [(1, "x")]
    assert [column[0] for column in cursor.description] == ["one", "letter"]


def test_rows_come_one_by_one_and_in_parts(cursor):
    cursor.execute("SELECT i FROM range(10) t(i) ORDER BY i")
    assert cursor.fetchone() == (0,)
    assert cursor.fetchmany(3) == [(1,), (2,), (3,)]
    assert len(cursor.fetchall()) == 6
    assert cursor.fetchone() is None


def test_ddl_and_dml_take_effect_through_the_ordinary_cursor(cursor, unique):
    cursor.execute(f"CREATE TABLE {unique}(id BIGINT, name VARCHAR)")
    cursor.execute(f"INSERT INTO {unique} VALUES (1, 'a'), (2, 'b')")
    assert cursor.rowcount in (2, -1)
    cursor.execute(f"UPDATE {unique} SET name = 'c' WHERE id = 2")
    cursor.execute(f"DELETE FROM {unique} WHERE id = 1")
    cursor.execute(f"SELECT * FROM {unique}")
    assert cursor.fetchall() == [(2, "c")]
    cursor.execute(f"DROP TABLE {unique}")
    with pytest.raises(dbapi.Error, match=unique):
        cursor.execute(f"SELECT * FROM {unique}")


def test_a_statement_runs_once(cursor, unique):
    cursor.execute(f"CREATE TABLE {unique}(n INTEGER)")
    cursor.execute(f"INSERT INTO {unique} VALUES (1)")
    cursor.execute(f"SELECT count(*) FROM {unique}")
    assert cursor.fetchone() == (1,)


def test_returning_gives_the_rows_and_writes_once(cursor, unique):
    cursor.execute(f"CREATE TABLE {unique}(n INTEGER)")
    cursor.execute(f"INSERT INTO {unique} VALUES (1), (2) RETURNING n * 10 AS tens")
    assert sorted(cursor.fetchall()) == [(10,), (20,)]
    cursor.execute(f"SELECT count(*) FROM {unique}")
    assert cursor.fetchone() == (2,)


def test_parameters_keep_their_types(cursor):
    values = [7, 1.5, "text", b"\x00\xff", True, datetime.date(2026, 1, 2), datetime.datetime(2026, 1, 2, 3, 4, 5, 6)]
    cursor.execute("SELECT ?, ?, ?, ?, ?, ?, ?", values)
    assert list(cursor.fetchone()) == values


def test_a_null_parameter(cursor):
    cursor.execute("SELECT ?::INTEGER IS NULL", [None])
    assert cursor.fetchone() == (True,)


def test_numbered_parameters(cursor):
    cursor.execute("SELECT $2::INTEGER - $1::INTEGER", [3, 10])
    assert cursor.fetchone() == (7,)


def test_executemany_inserts_every_row(cursor, unique):
    cursor.execute(f"CREATE TABLE {unique}(id BIGINT, name VARCHAR)")
    cursor.executemany(f"INSERT INTO {unique} VALUES (?, ?)", [(n, f"n{n}") for n in range(1000)])
    cursor.execute(f"SELECT count(*), sum(id), max(name) FROM {unique}")
    assert cursor.fetchone() == (1000, 499500, "n999")


def test_executemany_is_all_or_nothing(cursor, unique):
    cursor.execute(f"CREATE TABLE {unique}(id BIGINT PRIMARY KEY)")
    with pytest.raises(dbapi.Error):
        cursor.executemany(f"INSERT INTO {unique} VALUES (?)", [(1,), (2,), (1,)])
    cursor.execute(f"SELECT count(*) FROM {unique}")
    assert cursor.fetchone() == (0,)


def test_values_of_many_types(cursor):
    cursor.execute(
        "SELECT 170141183460469231731687303715884105727::HUGEINT, 1.25::DECIMAL(10, 2), TIME '01:02:03', "
        "[1, 2], {'a': 1, 'b': 'x'}, MAP {'k': 1}, 'a'::BLOB, NULL, "
        "TIMESTAMPTZ '2026-01-02 03:04:05+00', uuid '00000000-0000-0000-0000-000000000001'"
    )
    row = cursor.fetchone()
    assert int(row[0]) == 2**127 - 1
    assert row[1] == decimal.Decimal("1.25")
    assert row[2] == datetime.time(1, 2, 3)
    assert row[3] == [1, 2]
    assert row[4] == {"a": 1, "b": "x"}
    assert dict(row[5]) == {"k": 1}
    assert row[6] == b"a"
    assert row[7] is None
    assert row[8].timestamp() == 1767323045
    assert "00000000-0000-0000-0000-000000000001" in str(row[9])


def test_an_empty_result_has_its_columns(cursor):
    cursor.execute("SELECT 1::BIGINT AS a, 'x' AS b WHERE false")
    table = cursor.fetch_arrow_table()
    assert table.num_rows == 0
    assert table.schema.names == ["a", "b"]
    assert table.schema.field("a").type == pa.int64()


def test_a_million_rows(cursor):
    cursor.execute("SELECT i, i * 2 AS twice, 'row ' || i AS text FROM range(1000000) t(i)")
    rows = total = 0
    for batch in cursor.fetch_record_batch():
        rows += batch.num_rows
        total += pa.compute.sum(batch.column(1)).as_py()
    assert (rows, total) == (1_000_000, 999_999_000_000)


def test_an_error_carries_the_message_of_the_engine(cursor):
    with pytest.raises(dbapi.Error) as caught:
        cursor.execute("SELECT * FROM there_is_no_such_table")
    assert caught.value.status_code == adbc_driver_manager.AdbcStatusCode.INVALID_ARGUMENT
    assert "there_is_no_such_table" in str(caught.value)
    cursor.execute("SELECT 'still here'")
    assert cursor.fetchone() == ("still here",)


def test_several_cursors_read_at_the_same_time(connection):
    cursors = [connection.cursor() for _ in range(4)]
    for index, cursor in enumerate(cursors):
        cursor.execute(f"SELECT i + {index} FROM range(100000) t(i)")
    first = [cursor.fetchone()[0] for cursor in cursors]
    rest = [sum(1 for _ in cursor.fetchall()) for cursor in cursors]
    assert first == [0, 1, 2, 3]
    assert rest == [99_999] * 4
    for cursor in cursors:
        cursor.close()


def test_ingest_in_every_mode(cursor, unique):
    data = pa.table({"id": pa.array([1, 2], pa.int64()), "name": ["a", "b"]})
    assert cursor.adbc_ingest(unique, data, mode="create") == 2
    with pytest.raises(dbapi.Error):
        cursor.adbc_ingest(unique, data, mode="create")
    assert cursor.adbc_ingest(unique, data, mode="append") == 2
    assert count(cursor, unique) == 4
    assert cursor.adbc_ingest(unique, data, mode="replace") == 2
    assert count(cursor, unique) == 2
    assert cursor.adbc_ingest(unique, data, mode="create_append") == 2
    assert count(cursor, unique) == 4


def test_ingest_into_a_schema_and_a_temporary_table(cursor, unique):
    data = pa.table({"id": pa.array([1, 2], pa.int64())})
    cursor.execute(f"CREATE SCHEMA s_{unique}")
    cursor.adbc_ingest(unique, data, mode="create", db_schema_name=f"s_{unique}")
    assert count(cursor, f"s_{unique}.{unique}") == 2
    cursor.adbc_ingest(f"temp_{unique}", data, mode="create", temporary=True)
    assert count(cursor, f"temp_{unique}") == 2


def count(cursor, table):
    cursor.execute(f"SELECT count(*) FROM {table}")
    return cursor.fetchone()[0]


def test_commit_and_rollback(server, unique):
    with dbapi.connect(server.url) as writer, dbapi.connect(server.url, **AUTOCOMMIT) as reader:
        with writer.cursor() as cursor, reader.cursor() as other:
            cursor.execute(f"CREATE TABLE {unique}(n INTEGER)")
            writer.commit()
            cursor.execute(f"INSERT INTO {unique} VALUES (1)")
            assert count(cursor, unique) == 1
            assert count(other, unique) == 0
            writer.rollback()
            assert count(cursor, unique) == 0
            cursor.execute(f"INSERT INTO {unique} VALUES (2)")
            writer.commit()
            assert count(other, unique) == 1


def test_a_connection_that_is_dropped_rolls_back(server, unique):
    with dbapi.connect(server.url, **AUTOCOMMIT) as reader, reader.cursor() as cursor:
        cursor.execute(f"CREATE TABLE {unique}(n INTEGER)")
        with dbapi.connect(server.url) as writer, writer.cursor() as other:
            other.execute(f"INSERT INTO {unique} VALUES (1)")
        assert count(cursor, unique) == 0


def test_metadata_of_the_database(connection, cursor, unique):
    cursor.execute(f"CREATE TABLE {unique}(id BIGINT NOT NULL, name VARCHAR, moment TIMESTAMP)")
    info = connection.adbc_get_info()
    assert info["vendor_name"] == "hyprstream"
    assert info["vendor_version"].startswith("duckdb v1.") and "hyprstream" in info["vendor_version"]
    assert {"TABLE", "VIEW"} <= {kind.replace("BASE TABLE", "TABLE") for kind in connection.adbc_get_table_types()}
    schema = connection.adbc_get_table_schema(unique)
    assert schema.names == ["id", "name", "moment"]
    assert schema.field("id").type == pa.int64()
    objects = connection.adbc_get_objects(depth="all", table_name_filter=unique).read_all().to_pylist()
    tables = [
        table
        for catalog in objects
        for schema in catalog["catalog_db_schemas"] or []
        for table in schema["db_schema_tables"] or []
    ]
    assert [table["table_name"] for table in tables] == [unique]
    assert [column["column_name"] for column in tables[0]["table_columns"]] == ["id", "name", "moment"]


def test_current_catalog_and_schema(server, unique):
    with dbapi.connect(server.url, **AUTOCOMMIT) as connection, connection.cursor() as cursor:
        assert connection.adbc_current_db_schema == "main"
        assert connection.adbc_current_catalog
        cursor.execute(f"CREATE SCHEMA s_{unique}")
        connection.adbc_current_db_schema = f"s_{unique}"
        cursor.execute(f"CREATE TABLE {unique}(n INTEGER)")
        cursor.execute(f"SELECT count(*) FROM s_{unique}.{unique}")
        assert cursor.fetchone() == (0,)


def test_partitions_are_read_one_by_one(connection, cursor):
    partitions, schema = cursor.adbc_execute_partitions("SELECT i FROM range(1000) t(i)")
    assert schema.names == ["i"]
    total = 0
    with connection.cursor() as reader:
        for partition in partitions:
            reader.adbc_read_partition(partition)
            total += reader.fetch_arrow_table().num_rows
    assert total == 1000


def test_the_schema_is_known_before_a_statement_runs(cursor):
    schema = cursor.adbc_execute_schema("SELECT 1::INTEGER AS a, [1.5] AS b")
    assert schema.field("a").type == pa.int32()
    assert schema.field("b").type == pa.list_(pa.decimal128(2, 1))


def test_a_cancelled_read_ends(cursor):
    cursor.execute("SELECT i FROM range(10000000000) t(i)")
    assert cursor.fetchone() == (0,)
    cursor.adbc_cancel()
    with pytest.raises((dbapi.Error, pa.ArrowException, OSError)):
        while cursor.fetchmany(100000):
            pass
    cursor.execute("SELECT 1")
    assert cursor.fetchone() == (1,)


def test_credentials_are_not_asked_for_but_accepted(server):
    with dbapi.connect(server.url, db_kwargs={"username": "someone", "password": "secret"}, **AUTOCOMMIT) as connection:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
            assert cursor.fetchone() == (1,)


def test_unicode_goes_both_ways(cursor, unique):
    cursor.execute(f'CREATE TABLE {unique}("größe ∑" VARCHAR)')
    cursor.execute(f"INSERT INTO {unique} VALUES (?)", ["naïve 🐦 文字"])
    cursor.execute(f'SELECT "größe ∑" FROM {unique}')
    assert cursor.fetchone() == ("naïve 🐦 文字",)
    assert cursor.description[0][0] == "größe ∑"
