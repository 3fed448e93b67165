"""Streams that are fed by queries, and cursors that fetch from streams, through ADBC."""

import threading

import adbc_driver_flightsql.dbapi as dbapi
import adbc_driver_manager
import pytest


def run(server, sql):
    with dbapi.connect(server.url, autocommit=True) as connection, connection.cursor() as cursor:
        cursor.execute(sql)
        return cursor.fetchall()


class Cursor:
    """FETCH from a cursor of one session, until all rows are there that a test waits for."""

    def __init__(self, server, source, start="FULL"):
        self.connection = dbapi.connect(server.url, autocommit=True)
        self.rows = []
        with self.connection.cursor() as cursor:
            cursor.execute(f"DECLARE c SUBSCRIPTION CURSOR FOR {source} {start}")

    def fetch(self, count, timeout="30 s"):
        with self.connection.cursor() as cursor:
            cursor.execute(f"FETCH {count} FROM c WITH (timeout = '{timeout}')")
            rows = cursor.fetchall()
        self.rows += rows
        return rows

    def wait_for(self, count):
        while len(self.rows) < count:
            assert self.fetch(count - len(self.rows)), f"only {self.rows}"
        return [row[0] for row in self.rows]

    def close(self):
        self.connection.close()


def test_rows_flow_from_stream_to_stream_to_cursor(server, unique):
    run(server, f"CREATE STREAM {unique} (id BIGINT, v DOUBLE)")
    run(server, f"INSERT INTO {unique} VALUES (1, 1), (2, 2)")
    run(server, f"CREATE STREAM {unique}_big AS SELECT id, v * 10 AS v FROM {unique} WHERE v > 1")
    assert run(server, f"SELECT id, v FROM {unique}_big") == [(2, 20.0)]
    cursor = Cursor(server, f"{unique}_big")
    for index in range(3, 30):
        run(server, f"INSERT INTO {unique} VALUES ({index}, {index % 3})")
    expected = [2] + [index for index in range(3, 30) if index % 3 == 2]
    assert cursor.wait_for(len(expected)) == expected
    assert {row[2] for row in cursor.rows} == {"+I"}
    # The token of a row goes on behind it, in another session.
    again = Cursor(server, f"{unique}_big", f"SINCE '{cursor.rows[3][4]}'")
    assert again.wait_for(len(expected) - 4) == expected[4:]
    assert again.fetch(5, "1 ms") == []
    with pytest.raises(adbc_driver_manager.Error, match=f"the stream {unique}_big"):
        run(server, f"DROP STREAM {unique}")
    run(server, f"DROP STREAM {unique} CASCADE")
    with pytest.raises(adbc_driver_manager.Error, match="was dropped"):
        again.fetch(1)
    cursor.close()
    again.close()


def test_every_row_flows_once_over_kills(start_server, tmp_path):
    server = start_server(data_dir=tmp_path / "data")
    run(server, "CREATE STREAM s (id BIGINT) WITH (durability = 'os')")
    run(server, "CREATE STREAM t WITH (durability = 'os') AS SELECT id FROM s WHERE id % 7 <> 0")
    sent = 0
    for _ in range(4):
        target = sent + 400

        def produce():
            nonlocal sent
            try:
                with dbapi.connect(server.url, autocommit=True) as connection, connection.cursor() as cursor:
                    while sent < target:
                        cursor.execute(f"INSERT INTO s SELECT range + {sent} FROM range(20)")
                        cursor.fetchall()
                        sent += 20
            except adbc_driver_manager.Error:
                pass

        producer = threading.Thread(target=produce)
        producer.start()
        # The kill comes while rows flow.
        while producer.is_alive() and run(server, "SELECT count(*) FROM t")[0][0] < target // 2:
            pass
        server.kill()
        producer.join()
        server = start_server(data_dir=tmp_path / "data")
        sent = run(server, "SELECT count(*) FROM s")[0][0]
        expected = [row[0] for row in run(server, "SELECT id FROM s WHERE id % 7 <> 0 ORDER BY _offset")]
        cursor = Cursor(server, "t")
        assert cursor.wait_for(len(expected)) == expected
        cursor.close()
        assert run(server, "SELECT count(*) FROM t") == [(len(expected),)]
    assert [row[2] for row in run(server, "SHOW QUERIES")] == ["running"]
    assert server.stop() == 0
