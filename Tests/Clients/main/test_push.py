"""Endless queries and subscriptions, read by unmodified clients."""

import json
import threading

import adbc_driver_flightsql.dbapi as dbapi
import adbc_driver_manager
import pyarrow as pa
import pyarrow.flight as flight
import pytest

from support import protocol
from support.raw import Raw


@pytest.fixture
def connection(server):
    with dbapi.connect(server.url, autocommit=True) as connection:
        yield connection


@pytest.fixture
def run(connection):
    def run(sql):
        with connection.cursor() as cursor:
            cursor.execute(sql)
            return cursor.fetchall()

    return run


@pytest.fixture
def stream(run, unique):
    run(f"CREATE STREAM {unique} (id BIGINT, v DOUBLE)")
    return unique


class Reader:
    """A cursor that reads an endless query, row by row, on a thread of its own."""

    def __init__(self, server, sql, count):
        self.rows = []
        self.error = None
        self.connection = dbapi.connect(server.url, autocommit=True)
        self.cursor = self.connection.cursor()
        # The query begins here: rows that are put from now on are seen.
        self.cursor.execute(sql)
        self.thread = threading.Thread(target=self._read, args=(count,), daemon=True)
        self.thread.start()

    def _read(self, count):
        try:
            while len(self.rows) < count:
                row = self.cursor.fetchone()
                if row is None:
                    return
                self.rows.append(row)
        except adbc_driver_manager.Error as error:
            self.error = error

    def wait(self):
        self.thread.join(30)
        assert not self.thread.is_alive(), f"only {self.rows}"
        return self.rows

    def close(self):
        self.cursor.adbc_cancel()
        self.cursor.close()
        self.connection.close()


def test_rows_come_as_they_are_inserted(server, stream, run):
    reader = Reader(server, f"SELECT id, v * 2 FROM {stream} WHERE v > 1 EMIT CHANGES", 3)
    for index in range(6):
        run(f"INSERT INTO {stream} VALUES ({index}, {index % 3})")
    # 2 and 5 pass; one more ends the reader.
    run(f"INSERT INTO {stream} VALUES (100, 50)")
    assert reader.wait() == [(2, 4.0), (5, 4.0), (100, 100.0)]
    reader.close()


def test_the_quick_start(server, run, unique):
    run(f'CREATE STREAM {unique} WITH (FORMAT = "JSON")')
    reader = Reader(server, f"SELECT * FROM {unique} WHERE humidity > 70 EMIT CHANGES", 2)
    for temperature, humidity in ((22, 80), (15, 20), (31, 76)):
        run(f"INSERT INTO {unique} (temperature, humidity) VALUES ({temperature}, {humidity})")
    assert [json.loads(row[0]) for row in reader.wait()] == [
        {"temperature": 22, "humidity": 80},
        {"temperature": 31, "humidity": 76},
    ]
    reader.close()


def test_a_query_that_is_terminated_tells_its_reader(server, stream, run):
    reader = Reader(server, f"SELECT * FROM {stream} EMIT CHANGES", 1)
    ids = [row[0] for row in run("SHOW QUERIES") if stream in row[1]]
    assert len(ids) == 1
    run(f"TERMINATE QUERY {ids[0]}")
    reader.wait()
    assert "TERMINATE QUERY" in str(reader.error)
    assert [row for row in run("SHOW QUERIES") if stream in row[1]] == []


def wait_for_no_query(run, stream):
    for _ in range(1_000):
        if not [row for row in run("SHOW QUERIES") if stream in row[1]]:
            return
    raise AssertionError("the query of a reader that has gone still runs")


def test_a_reader_that_leaves_is_noticed(server, stream, run):
    with Raw(server.url) as raw:
        info = raw.client.get_flight_info(
            flight.FlightDescriptor.for_command(protocol.statement_query(f"SELECT * FROM {stream} EMIT CHANGES")))
        reader = raw.client.do_get(info.endpoints[0].ticket)
        assert reader.schema.names == ["id", "v"]
        run(f"INSERT INTO {stream} VALUES (1, 1)")
        chunk = reader.read_chunk()
        assert chunk.data.num_rows == 1
        metadata = json.loads(chunk.app_metadata.to_pybytes())
        assert metadata["offset"] == 0 and metadata["next_offset"] == 1
        reader.cancel()
    wait_for_no_query(run, stream)
    # The token goes on behind what was read.
    run(f"INSERT INTO {stream} VALUES (2, 1)")
    again = Reader(server, f"SELECT id FROM {stream} EMIT CHANGES FROM TOKEN '{metadata['token']}'", 1)
    assert again.wait() == [(2,)]
    again.close()


def test_a_slow_reader_loses_nothing(server, stream, run):
    with Raw(server.url) as raw:
        info = raw.client.get_flight_info(
            flight.FlightDescriptor.for_command(protocol.statement_query(f"SELECT id FROM {stream} EMIT CHANGES")))
        reader = raw.client.do_get(info.endpoints[0].ticket)
        schema = pa.schema([("id", pa.int64()), ("v", pa.float64())])
        writer, acknowledgements = raw.client.do_put(flight.FlightDescriptor.for_path(stream), schema)
        count = 200
        for index in range(count):
            ids = pa.array(range(index * 10_000, (index + 1) * 10_000), pa.int64())
            writer.write_batch(pa.record_batch([ids, ids.cast(pa.float64())], schema=schema))
            acknowledgements.read()
        writer.done_writing()
        writer.close()
        seen = 0
        while seen < count * 10_000:
            ids = reader.read_chunk().data.column(0)
            assert ids[0].as_py() == seen
            assert ids[len(ids) - 1].as_py() == seen + len(ids) - 1
            seen += len(ids)
        reader.cancel()


def test_a_subscription_goes_on_after_its_last_acknowledgement(server, stream, run):
    run(f"CREATE SUBSCRIPTION sub_{stream} FROM {stream}")
    run(f"INSERT INTO {stream} VALUES (1, 1)")
    reader = Reader(server, f"SUBSCRIBE sub_{stream}", 1)
    assert reader.wait() == [(1, 1.0)]
    reader.close()
    # It was not acknowledged.
    again = Reader(server, f"SUBSCRIBE sub_{stream}", 1)
    assert again.wait() == [(1, 1.0)]
    topic, = [row[4].split("-")[1] for row in run("SHOW SUBSCRIPTIONS") if row[0] == f"sub_{stream}"]
    run(f"ACKNOWLEDGE sub_{stream} UP TO 'hs1-{topic}-1'")
    again.close()
    run(f"INSERT INTO {stream} VALUES (2, 2)")
    third = Reader(server, f"SUBSCRIBE sub_{stream}", 1)
    assert third.wait() == [(2, 2.0)]
    third.close()
    run(f"DROP SUBSCRIPTION sub_{stream}")


def test_the_server_stops_while_queries_wait(start_server, tmp_path):
    server = start_server(data_dir=tmp_path / "data")
    with dbapi.connect(server.url, autocommit=True) as connection:
        with connection.cursor() as cursor:
            cursor.execute("CREATE STREAM s (id BIGINT)")
    reader = Reader(server, "SELECT * FROM s EMIT CHANGES", 1)
    assert server.stop() == 0
    reader.thread.join(30)
    assert reader.error is not None


def test_an_exchange_reads_and_acknowledges_on_one_call(server, stream, run):
    name = f"ex_{stream}"
    run(f"CREATE SUBSCRIPTION {name} FROM {stream}")
    run(f"INSERT INTO {stream} VALUES (1, 1), (2, 2)")
    with Raw(server.url) as raw:
        writer, reader = raw.client.do_exchange(flight.FlightDescriptor.for_path(name))
        writer.begin(pa.schema([]))
        chunk = reader.read_chunk()
        assert chunk.data.column(0).to_pylist() == [1, 2]
        token = json.loads(chunk.app_metadata.to_pybytes())["token"]
        writer.write_metadata(json.dumps({"acknowledge": token}).encode())
        for _ in range(1_000):
            positions = [row[3] for row in run("SHOW SUBSCRIPTIONS") if row[0] == name]
            if positions == [2]:
                break
        assert positions == [2]
        run(f"INSERT INTO {stream} VALUES (3, 3)")
        assert reader.read_chunk().data.column(0).to_pylist() == [3]
        writer.write_metadata(b"what")
        with pytest.raises((pa.ArrowInvalid, flight.FlightError), match="acknowledge"):
            reader.read_chunk()
    run(f"DROP SUBSCRIPTION {name}")
