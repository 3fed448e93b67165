"""Rows that were acknowledged are there after a kill, once, in order."""

import json

import adbc_driver_flightsql.dbapi as dbapi
import pyarrow as pa
import pyarrow.flight as flight

SCHEMA = pa.schema([("id", pa.int64())])


def rows(server, sql):
    with dbapi.connect(server.url, autocommit=True) as connection, connection.cursor() as cursor:
        cursor.execute(sql)
        return cursor.fetchall()


def test_acknowledged_rows_survive_a_kill(start_server, tmp_path):
    server = start_server(data_dir=tmp_path / "data")
    rows(server, "CREATE STREAM s (id BIGINT)")
    acknowledged = 0
    for round_number in range(4):
        client = flight.connect(server.url)
        writer, reader = client.do_put(flight.FlightDescriptor.for_path("s"), SCHEMA)
        for _ in range(20):
            message = json.dumps({"producer": "p", "sequence": acknowledged}).encode()
            writer.write_with_metadata(pa.record_batch([pa.array([acknowledged])], schema=SCHEMA), message)
            assert json.loads(reader.read().to_pybytes())["offset"] == acknowledged
            acknowledged += 1
        server.kill()
        server = start_server(data_dir=tmp_path / "data")
        assert rows(server, "SELECT id FROM s ORDER BY _offset") == [(i,) for i in range(acknowledged)]
        # The last one again, as a producer does that has seen no answer.
        client = flight.connect(server.url)
        writer, reader = client.do_put(flight.FlightDescriptor.for_path("s"), SCHEMA)
        message = json.dumps({"producer": "p", "sequence": acknowledged - 1}).encode()
        writer.write_with_metadata(pa.record_batch([pa.array([acknowledged - 1])], schema=SCHEMA), message)
        assert json.loads(reader.read().to_pybytes())["repeat"]
        writer.done_writing()
        writer.close()
    assert rows(server, "SELECT count(*) FROM s") == [(acknowledged,)]
    assert server.stop() == 0
