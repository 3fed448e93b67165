"""adbc-driver-flightsql 1.9.0, which many still have: it knows nothing of is_update."""

import adbc_driver_flightsql
import adbc_driver_flightsql.dbapi as dbapi
import pytest


@pytest.fixture
def cursor(server):
    with dbapi.connect(server.url, autocommit=True) as connection, connection.cursor() as cursor:
        yield cursor


def test_it_is_the_old_one():
    assert adbc_driver_flightsql.__version__.startswith("1.9.")


def test_ddl_and_dml_take_effect_through_the_cursor_and_once(cursor, unique):
    cursor.execute(f"CREATE TABLE {unique}(n INTEGER)")
    cursor.execute(f"INSERT INTO {unique} VALUES (1), (2)")
    cursor.execute(f"UPDATE {unique} SET n = 5 WHERE n = 1")
    cursor.execute(f"SELECT n FROM {unique} ORDER BY n")
    assert cursor.fetchall() == [(2,), (5,)]
    cursor.execute(f"DROP TABLE {unique}")
    with pytest.raises(dbapi.Error):
        cursor.execute(f"SELECT * FROM {unique}")


def test_fetching_after_ddl_is_harmless(cursor, unique):
    cursor.execute(f"CREATE TABLE {unique}(n INTEGER)")
    cursor.fetchall()
    cursor.execute(f"INSERT INTO {unique} VALUES (1)")
    cursor.fetchall()
    cursor.execute(f"SELECT count(*) FROM {unique}")
    assert cursor.fetchone() == (1,)


def test_parameters_and_executemany(cursor, unique):
    cursor.execute(f"CREATE TABLE {unique}(n BIGINT, s VARCHAR)")
    cursor.executemany(f"INSERT INTO {unique} VALUES (?, ?)", [(1, "a"), (2, "b")])
    cursor.execute(f"SELECT s FROM {unique} WHERE n = ?", [2])
    assert cursor.fetchall() == [("b",)]


def test_transactions(server, unique):
    with dbapi.connect(server.url) as connection, connection.cursor() as cursor:
        cursor.execute(f"CREATE TABLE {unique}(n INTEGER)")
        connection.commit()
        cursor.execute(f"INSERT INTO {unique} VALUES (1)")
        connection.rollback()
        cursor.execute(f"SELECT count(*) FROM {unique}")
        assert cursor.fetchone() == (0,)
