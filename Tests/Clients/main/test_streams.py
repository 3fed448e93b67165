"""Streams through the clients that people use: ADBC cursors, bulk ingest, plain DoPut with acknowledgements."""

import datetime
import json

import adbc_driver_flightsql.dbapi as dbapi
import adbc_driver_manager
import pyarrow as pa
import pyarrow.flight as flight
import pytest

SCHEMA = pa.schema([("id", pa.int64()), ("v", pa.float64())])


@pytest.fixture
def connection(server):
    with dbapi.connect(server.url, autocommit=True) as connection:
        yield connection


@pytest.fixture
def run(connection):
    def run(sql, parameters=None):
        with connection.cursor() as cursor:
            cursor.execute(sql, parameters)
            return cursor.fetchall()

    return run


@pytest.fixture
def stream(run, unique):
    run(f"CREATE STREAM {unique} (id BIGINT NOT NULL, v DOUBLE)")
    return unique


def batch(*ids, v=1.0):
    return pa.record_batch([pa.array(list(ids), pa.int64()), pa.array([v] * len(ids))], schema=SCHEMA)


class Put:
    """One DoPut, batch by batch."""

    def __init__(self, server, stream, schema=SCHEMA):
        self.client = flight.connect(server.url)
        self.writer, self.reader = self.client.do_put(flight.FlightDescriptor.for_path(stream), schema)

    def send(self, batch, **metadata):
        if metadata:
            self.writer.write_with_metadata(batch, json.dumps(metadata).encode())
        else:
            self.writer.write_batch(batch)

    def acknowledgement(self):
        return json.loads(self.reader.read().to_pybytes())

    def done(self):
        self.writer.done_writing()

    def close(self):
        self.writer.close()
        self.client.close()


def test_each_batch_is_acknowledged_while_the_put_goes_on(server, stream, run):
    put = Put(server, stream)
    put.send(batch(1, 2))
    assert put.acknowledgement() == {"offset": 0, "next_offset": 2, "rows": 2, "repeat": False, "dead_letters": 0}
    assert run(f"SELECT count(*) FROM {stream}") == [(2,)]
    put.send(batch(3))
    assert put.acknowledgement()["offset"] == 2
    put.done()
    put.close()
    assert run(f"SELECT id, _offset FROM {stream} ORDER BY _offset") == [(1, 0), (2, 1), (3, 2)]


def test_a_retry_is_stored_once(server, stream, run):
    for attempt in range(2):
        put = Put(server, stream)
        for sequence in (5, 6):
            put.send(batch(sequence), producer="p", sequence=sequence)
        put.done()
        answers = [put.acknowledgement() for _ in range(2)]
        assert [answer["repeat"] for answer in answers] == [attempt == 1] * 2
        assert [answer["offset"] for answer in answers] == [0, 1]
        put.close()
    assert run(f"SELECT id FROM {stream} ORDER BY _offset") == [(5,), (6,)]


def test_a_bad_batch_ends_the_call_and_those_before_it_stay(server, stream, run):
    put = Put(server, stream)
    put.send(batch(1))
    put.send(pa.record_batch([pa.array([2, None], pa.int64()), pa.array([1.0, 1.0])], schema=SCHEMA))
    put.done()
    assert put.acknowledgement()["offset"] == 0
    with pytest.raises(pa.ArrowInvalid, match="row 1 has NULL in column 'id'"):
        put.close()
    assert run(f"SELECT id FROM {stream}") == [(1,)]


def test_rows_that_do_not_fit_become_dead_letters(server, run, unique):
    run(f"CREATE STREAM {unique} (a INTEGER NOT NULL, b DATE) WITH (on_error = 'dead_letter')")
    rows = pa.table({"a": ["1", "x", None], "b": ["2026-01-01", "2026-01-02", "2026-01-03"]})
    put = Put(server, unique, rows.schema)
    put.send(rows.to_batches()[0])
    put.done()
    assert put.acknowledgement() == {"offset": 0, "next_offset": 1, "rows": 1, "repeat": False, "dead_letters": 2}
    put.close()
    assert run(f"SELECT * FROM {unique}") == [(1, datetime.date(2026, 1, 1))]
    assert [row[0] for row in run(f"SELECT * FROM {unique}.dead_letter")] == [
        "column 'a' is no INTEGER",
        "column 'a' is NULL",
    ]


def test_watermarks_and_the_end_of_a_stream_are_kept(server, stream, run):
    put = Put(server, stream)
    put.send(batch(1), watermark=1_700_000_000_000_000)
    put.send(batch(2), end_of_stream=True)
    put.done()
    put.acknowledgement()
    put.acknowledgement()
    put.close()
    listed = {row[0]: row for row in run("SHOW STREAMS")}[stream]
    assert listed[7].timestamp() == 1_700_000_000
    assert listed[10] == "ended"


def test_bulk_ingest_is_one_group(connection, stream, run):
    with connection.cursor() as cursor:
        table = pa.table({"v": [0.5, 1.5], "id": pa.array([1, 2], pa.int64())})
        assert cursor.adbc_ingest(stream, table, mode="append") == 2
        with pytest.raises(adbc_driver_manager.Error, match="already exists"):
            cursor.adbc_ingest(stream, table, mode="create")
        with pytest.raises(adbc_driver_manager.Error, match="NULL in column 'id'"):
            cursor.adbc_ingest(
                stream, pa.table({"id": pa.array([3, None], pa.int64())}), mode="append")
    assert run(f"SELECT id, v FROM {stream} ORDER BY id") == [(1, 0.5), (2, 1.5)]


def test_many_rows_are_bound_at_once(connection, stream, run):
    with connection.cursor() as cursor:
        cursor.executemany(f"INSERT INTO {stream} VALUES (?, ?)", [(i, i / 2) for i in range(100)])
    assert run(f"SELECT count(*), sum(v) FROM {stream}") == [(100, 2475.0)]
    run(f"INSERT INTO {stream} (id) VALUES (?)", (1000,))
    assert run(f"SELECT max(id) FROM {stream}") == [(1000,)]


def test_a_transaction_shows_its_rows_at_its_end(server, stream, run, unique):
    run(f"CREATE TABLE {unique}_t (a INTEGER)")
    with dbapi.connect(server.url) as other:
        with other.cursor() as cursor:
            cursor.execute(f"INSERT INTO {unique}_t VALUES (1)")
            cursor.execute(f"INSERT INTO {stream} (id) VALUES (1)")
            assert run(f"SELECT count(*) FROM {stream}") == [(0,)]
        other.commit()
        assert run(f"SELECT (SELECT count(*) FROM {stream}), (SELECT count(*) FROM {unique}_t)") == [(1, 1)]
        with other.cursor() as cursor:
            cursor.execute(f"INSERT INTO {stream} (id) VALUES (2)")
        other.rollback()
    assert run(f"SELECT count(*) FROM {stream}") == [(1,)]


@pytest.mark.parametrize("sql, what", [
    ("SELECT * FROM {s} EMIT CHANGES FROM TOKEN 'x'", "no resume token"),
    ("SELECT * FROM nostream EMIT CHANGES", "there is no stream nostream"),
    ("INSERT INTO {s} (id) VALUES ('abc')", "Could not convert"),
    ("TERMINATE QUERY q0", "there is no query"),
    ("ACKNOWLEDGE nosuch UP TO 'hs1-1-0'", "no subscription"),
    ("ALTER STREAM {s} DROP COLUMN v", "cannot be dropped"),
])
def test_mistakes_are_told(run, stream, sql, what):
    with pytest.raises(adbc_driver_manager.Error, match=what):
        run(sql.format(s=stream))
