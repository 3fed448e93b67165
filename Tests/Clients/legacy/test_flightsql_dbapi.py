"""flightsql-dbapi, the first DB-API package for Flight SQL."""

import pytest
from flightsql import FlightSQLClient, connect


@pytest.fixture
def client(server):
    host, port = server.url.removeprefix("grpc://").split(":")
    client = FlightSQLClient(host=host, port=int(port), user="someone", password="secret", insecure=True)
    yield client
    client.close()


def test_a_query_through_the_client(client):
    info = client.execute("SELECT i FROM range(10) t(i)")
    assert client.do_get(info.endpoints[0].ticket).read_all().num_rows == 10


def test_a_query_through_the_cursor(client):
    with connect(client) as connection:
        cursor = connection.cursor()
        cursor.execute("SELECT 42, 'x'")
        assert [tuple(row) for row in cursor.fetchall()] == [(42, "x")]


def test_updates_and_metadata(client, unique):
    client.execute_update(f"CREATE TABLE {unique}(n INTEGER)")
    assert client.execute_update(f"INSERT INTO {unique} VALUES (1), (2)") == 2
    info = client.get_tables()
    assert unique in client.do_get(info.endpoints[0].ticket).read_all().column("table_name").to_pylist()


def test_a_prepared_statement(client):
    with client.prepare("SELECT 7 AS seven") as statement:
        info = statement.execute(None)
        assert client.do_get(info.endpoints[0].ticket).read_all().column("seven").to_pylist() == [7]
