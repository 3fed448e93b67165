"""Rows of streams that leave the log for Parquet files, and stay rows of their stream."""

import json
import os
import pathlib
import random
import subprocess
import time

import adbc_driver_flightsql.dbapi as dbapi
import pyarrow as pa
import pyarrow.flight as flight
import pyarrow.parquet as parquet
import pytest

from columnar import arrow_streams
from support.raw import Raw
from support.server import Server, program

ENVIRONMENT = {key: value for key, value in os.environ.items() if not key.startswith("HYPRSTREAM_")}


def rows(server, sql):
    with dbapi.connect(server.url, autocommit=True) as connection, connection.cursor() as cursor:
        cursor.execute(sql)
        return cursor.fetchall()


def run(server, *statements):
    with dbapi.connect(server.url, autocommit=True) as connection, connection.cursor() as cursor:
        for sql in statements:
            cursor.execute(sql)


def listed(server, stream):
    with dbapi.connect(server.url, autocommit=True) as connection, connection.cursor() as cursor:
        cursor.execute("SHOW STREAMS")
        table = cursor.fetch_arrow_table().to_pylist()
    return next(row for row in table if row["name"] == stream)


def wait_for(condition, what, seconds=60):
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, what
        time.sleep(0.1)


def wait_until_cold(server, stream, count):
    wait_for(lambda: listed(server, stream)["cold_rows"] >= count, f"rows of {stream} stay in the log")


def log(*arguments):
    return subprocess.run(
        [str(program()), "log", *map(str, arguments)], capture_output=True, text=True, timeout=60, env=ENVIRONMENT)


@pytest.fixture
def data(tmp_path):
    return tmp_path / "data"


def test_files_are_parquet_that_others_read(start_server, data, tmp_path):
    server = start_server(data_dir=data)
    run(server,
        "CREATE STREAM s (id BIGINT, name VARCHAR, at TIMESTAMPTZ, tags VARCHAR[]) WITH (tier_after = '1 second')",
        "INSERT INTO s SELECT i, 'row ' || i, make_timestamptz(i), ['a', NULL, 'b' || i] FROM range(200_000) t(i)")
    wait_until_cold(server, "s", 200_000)
    run(server, "INSERT INTO s (id, name) VALUES (200000, 'hot')", "ALTER STREAM s SET (tier_after = 'never')")
    files = list((data / "cold").rglob("*.parquet"))
    assert files and not list((data / "cold").rglob("*.part"))
    table = parquet.read_table(files[0]) if len(files) == 1 else pa.concat_tables(map(parquet.read_table, files))
    table = table.sort_by("_offset")
    assert table.column("_offset").to_pylist() == list(range(200_000))
    assert table.column("name")[777].as_py() == "row 777"
    assert table.column("tags")[5].as_py() == ["a", None, "b5"]
    assert table.schema.field("_ingest_time").type == pa.timestamp("us", "UTC")
    assert parquet.ParquetFile(files[0]).metadata.row_group(0).column(0).compression == "ZSTD"
    expected = [(200_001, sum(range(200_001)), 200_001)]
    for _ in range(2):
        assert rows(server, "SELECT count(*), sum(id), count(DISTINCT _offset) FROM s") == expected
        assert rows(server, "SELECT name FROM s WHERE _offset IN (0, 99999, 200000) ORDER BY id") == [
            ("row 0",), ("row 99999",), ("hot",)]
        row = listed(server, "s")
        assert (row["rows"], row["cold_rows"]) == (200_001, 200_000)
        assert row["cold_bytes"] == sum(file.stat().st_size for file in files)
        server.kill()
        server = start_server(data_dir=data)
    assert server.stop() == 0

    answer = log("list", "--data-dir", data)
    lines = [line.split("\t") for line in answer.stdout.splitlines()]
    assert dict(zip(lines[0], next(line for line in lines if line[0] == "s")))["cold_rows"] == "200000"
    parts = log("list", "--data-dir", data, "--stream", "s").stdout.splitlines()
    assert parts[1].split("\t")[2].endswith(".parquet")
    answer = log("verify", "--data-dir", data)
    assert answer.returncode == 0, answer.stdout
    assert "files of old rows" in answer.stdout
    out = tmp_path / "out.arrows"
    answer = log("export", "--data-dir", data, "--stream", "s", "-o", out)
    assert answer.returncode == 0, answer.stderr
    with pa.ipc.open_stream(out) as reader:
        assert reader.read_all().column("id").to_pylist() == list(range(200_001))

    damaged = bytearray(files[0].read_bytes())
    damaged[len(damaged) // 2] ^= 1
    files[0].write_bytes(damaged)
    answer = log("verify", "--data-dir", data)
    assert answer.returncode == 1
    assert files[0].name in answer.stdout


def test_every_type_comes_back_or_is_refused_by_name(start_server, data):
    """The corpus of the codec: a column whose values would not come back is refused, or its rows stay in the log."""
    server = start_server(data_dir=data)
    arrays = arrow_streams.all_arrays()
    accepted = []
    with Raw(server.url) as raw:
        for number, (name, array) in enumerate(arrays.items()):
            stream = f"t{number}"
            raw.ingest(stream, pa.table([array], names=["v"]), "create", options={"stream": "true"})
            try:
                raw.query(f"ALTER STREAM {stream} SET (tier_after = '1 second')")
                accepted.append((stream, name))
            except pa.ArrowException as error:
                assert "column 'v'" in str(error), error

        def is_done(stream, name):
            row = listed(server, stream)
            return row["cold_rows"] == len(arrays[name]) or "rows stay" in (row["tiering"] or "")

        for stream, name in accepted:
            if len(arrays[name]):
                wait_for(lambda: is_done(stream, name), f"{name} neither moves nor says why")
        cold = 0
        for stream, name in accepted:
            cold += listed(server, stream)["cold_rows"] > 0
            got = raw.query(f"SELECT * FROM {stream}").column("v").combine_chunks()
            assert got.type == arrays[name].type
            assert got.equals(arrays[name]) or repr(got.to_pylist()) == repr(arrays[name].to_pylist()), name
        print(f"{len(arrays)} arrays, {len(accepted)} accepted, {cold} cold")
        assert cold >= 20
    assert server.stop() == 0


def test_a_folder_of_its_own(start_server, data, tmp_path):
    place = tmp_path / "cold place"
    server = start_server("--tier-locations", str(place), data_dir=data)
    run(server, f"CREATE STREAM s (id BIGINT) WITH (tier_after = '1 second', tier_to = '{place}')",
        "INSERT INTO s SELECT * FROM range(1000)")
    with pytest.raises(Exception, match="tier_locations"):
        run(server, "CREATE STREAM x (id BIGINT) WITH (tier_after = '1 second', tier_to = '/etc/cold')")
    wait_until_cold(server, "s", 1000)
    assert len(list(place.rglob("*.parquet"))) == 1
    assert not (data / "cold").exists()
    assert rows(server, "SELECT sum(id) FROM s") == [(499500,)]
    run(server, "DROP STREAM s")
    assert not list(place.rglob("*.parquet"))
    assert server.stop() == 0


def test_a_server_that_keeps_nothing_has_no_place_for_old_rows(start_server):
    server = start_server()
    with pytest.raises(Exception, match="ephemeral"):
        run(server, "CREATE STREAM s (id BIGINT) WITH (tier_after = '1 day')")
    assert server.stop() == 0


def test_kills_while_rows_move_lose_and_double_none(start_server, data):
    seed = random.randrange(1 << 30)
    print("seed", seed)
    chance = random.Random(seed)
    schema = pa.schema([("id", pa.int64())])
    server = start_server(data_dir=data)
    run(server, "CREATE STREAM s (id BIGINT) WITH (tier_after = '1 second')")
    acknowledged, next_id = 0, 0
    for _ in range(6):
        client = flight.connect(server.url)
        writer, reader = client.do_put(flight.FlightDescriptor.for_path("s"), schema)
        deadline = time.monotonic() + chance.uniform(2.2, 4.5)
        while time.monotonic() < deadline:
            message = json.dumps({"producer": "p", "sequence": next_id}).encode()
            batch = pa.record_batch([pa.array(range(next_id, next_id + 500))], schema=schema)
            writer.write_with_metadata(batch, message)
            next_id += 500
            reader.read()
            acknowledged = next_id
        server.kill()
        server = start_server(data_dir=data)
        found = rows(server, "SELECT id, _offset FROM s ORDER BY _offset")
        assert [row[0] for row in found] == list(range(len(found)))
        assert [row[1] for row in found] == list(range(len(found)))
        assert len(found) >= acknowledged
        next_id = len(found)
    assert listed(server, "s")["cold_rows"] > 0
    known = {file.name for file in (data / "cold").rglob("*.parquet")}
    assert len(known) == len(list((data / "cold").rglob("*")) ) - 1
    assert server.stop() == 0
    assert log("verify", "--data-dir", data).returncode == 0
