"""adbc-driver-gizmosql, a driver of its own for DuckDB behind Flight SQL."""

import pytest
from adbc_driver_gizmosql import dbapi as gizmosql


@pytest.fixture
def connection(server):
    with gizmosql.connect(server.url, username="someone", password="secret", autocommit=True) as connection:
        yield connection


def test_it_takes_us_for_what_it_knows(connection):
    assert connection.adbc_get_info()["vendor_version"].startswith("duckdb ")


def test_queries_ddl_and_dml(connection, unique):
    with connection.cursor() as cursor:
        cursor.execute(f"CREATE TABLE {unique}(n INTEGER, s VARCHAR)")
        assert cursor.description is None
        assert cursor.execute_update(f"INSERT INTO {unique} VALUES (1, 'a'), (2, 'b')") == 2
        cursor.execute(f"SELECT * FROM {unique} ORDER BY n")
        assert cursor.fetchall() == [(1, "a"), (2, "b")]
        cursor.execute(f"DELETE FROM {unique} WHERE n = ? RETURNING s", [1])
        assert cursor.fetchall() == [("a",)]


def test_ingest_and_parameters(connection, unique):
    import pyarrow as pa

    with connection.cursor() as cursor:
        cursor.adbc_ingest(unique, pa.table({"n": [1, 2, 3]}), mode="create")
        cursor.execute(f"SELECT sum(n)::BIGINT FROM {unique} WHERE n > ?", [1])
        assert cursor.fetchone() == (5,)


def test_transactions(server, unique):
    with gizmosql.connect(server.url, username="a", password="b", autocommit=False) as connection, connection.cursor() as cursor:
        cursor.execute(f"CREATE TABLE {unique}(n INTEGER)")
        connection.commit()
        cursor.execute(f"INSERT INTO {unique} VALUES (1)")
        connection.rollback()
        cursor.execute(f"SELECT count(*) FROM {unique}")
        assert cursor.fetchone() == (0,)


def test_the_catalog_is_chosen_at_connect(server):
    with gizmosql.connect(server.url, username="a", password="b") as connection:
        catalog = connection.adbc_current_catalog
    with gizmosql.connect(server.url, username="a", password="b", catalog=catalog, db_schema="main") as connection:
        assert connection.adbc_current_catalog == catalog
