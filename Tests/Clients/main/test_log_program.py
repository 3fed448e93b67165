"""`hyprstream log`: what a data folder holds, without a server."""

import os
import subprocess

import adbc_driver_flightsql.dbapi as dbapi
import pyarrow as pa
import pyarrow.parquet as parquet
import pytest

from support.server import Server, program

ENVIRONMENT = {key: value for key, value in os.environ.items() if not key.startswith("HYPRSTREAM_")}


def log(*arguments, text=True):
    return subprocess.run(
        [str(program()), "log", *map(str, arguments)], capture_output=True, text=text, timeout=60, env=ENVIRONMENT)


def execute(server, *statements):
    with dbapi.connect(server.url, autocommit=True) as connection, connection.cursor() as cursor:
        for sql in statements:
            cursor.execute(sql)


def table(path):
    with pa.ipc.open_stream(path) as reader:
        return reader.read_all()


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    """A data folder with a stream in two versions of its columns, one in a schema, and an empty one."""
    folder = tmp_path_factory.mktemp("data")
    with Server(folder / "log.txt", data_dir=folder / "data") as server:
        execute(
            server,
            "CREATE STREAM readings (id INTEGER NOT NULL, name VARCHAR)",
            "CREATE STREAM empty (v DOUBLE)",
            "INSERT INTO readings VALUES (1, 'a'), (2, NULL)",
            "ALTER STREAM readings ADD COLUMN v DOUBLE",
            "INSERT INTO readings VALUES (3, 'c', 0.5)",
            "INSERT INTO readings SELECT i + 4, 'x' || i, i FROM range(1000) t(i)")
        running = log("list", "--data-dir", folder / "data")
        assert running.returncode == 0, running.stderr
        assert "readings" in running.stdout
    return folder / "data"


def test_streams_are_listed_with_offsets_and_times(data):
    answer = log("list", "--data-dir", data)
    assert (answer.returncode, answer.stderr) == (0, "")
    lines = [line.split("\t") for line in answer.stdout.splitlines()]
    rows = {line[0]: dict(zip(lines[0], line)) for line in lines[1:]}
    assert rows["readings"]["first_offset"] == "0"
    assert rows["readings"]["next_offset"] == "1003"
    assert rows["readings"]["durability"] == "sync"
    assert rows["readings"]["last_ingest"].startswith("20") and rows["readings"]["last_ingest"].endswith("Z")
    assert (rows["empty"]["next_offset"], rows["empty"]["last_ingest"]) == ("0", "-")


def test_the_parts_of_a_stream_follow_each_other(data):
    answer = log("list", "--data-dir", data, "--stream", "READINGS")
    assert answer.returncode == 0, answer.stderr
    parts = [list(map(int, line.split("\t"))) for line in answer.stdout.splitlines()[1:]]
    assert parts
    place = 0
    for first, rows, *_ in parts:
        assert first == place
        place += rows
    assert place == 1003


def test_an_arrow_export_has_old_rows_in_the_columns_of_now(data, tmp_path):
    path = tmp_path / "out.arrows"
    answer = log("export", "--data-dir", data, "--stream", "readings", "-o", path)
    assert answer.returncode == 0, answer.stderr
    rows = table(path)
    assert rows.schema.names == ["id", "name", "v"]
    assert rows.schema.field("id").type == pa.int32()
    assert rows.slice(0, 3).to_pylist() == [
        {"id": 1, "name": "a", "v": None}, {"id": 2, "name": None, "v": None}, {"id": 3, "name": "c", "v": 0.5}]
    assert rows.column("id").to_pylist() == list(range(1, 4)) + list(range(4, 1004))


def test_an_export_takes_a_range_of_offsets_and_a_pipe(data):
    answer = log(
        "export", "--data-dir", data, "--stream", "readings", "--from-offset", 2, "--to-offset", 5, text=False)
    assert answer.returncode == 0, answer.stderr
    assert table(pa.py_buffer(answer.stdout)).column("id").to_pylist() == [3, 4, 5]


def test_a_parquet_export(data, tmp_path):
    path = tmp_path / "it's.parquet"
    library = ["--duckdb-library", os.environ["HYPRSTREAM_DUCKDB_LIBRARY"]] if "HYPRSTREAM_DUCKDB_LIBRARY" in os.environ else []
    answer = log(
        "export", "--data-dir", data, "--stream", "readings", "--format", "parquet", "-o", path, "--from-offset", 1, *library)
    assert answer.returncode == 0, answer.stderr
    rows = parquet.read_table(path)
    assert rows.column("id").to_pylist() == list(range(2, 1004))
    assert rows.column("v").to_pylist()[:3] == [None, 0.5, 0.0]


def test_an_empty_stream_is_exported_with_its_columns(data, tmp_path):
    path = tmp_path / "out.arrows"
    assert log("export", "--data-dir", data, "--stream", "main.empty", "-o", path).returncode == 0
    assert table(path).schema == pa.schema([("v", pa.float64())])
    assert table(path).num_rows == 0


@pytest.mark.parametrize("arguments, sentence", [
    (["--stream", "none", "-o", "x"], "there is no stream 'none' in the log; there are empty, metrics, readings"),
    (["--stream", "readings", "-o", "x", "--from-offset", "2000"], "'readings' has no rows from offset 2000 on; it ends at offset 1003"),
    (["--stream", "readings", "-o", "/nowhere/x"], "cannot write /nowhere/x: No such file or directory"),
])
def test_errors_are_sentences(data, tmp_path, arguments, sentence):
    arguments = [str(tmp_path / "x") if argument == "x" else argument for argument in arguments]
    answer = log("export", "--data-dir", data, *arguments)
    assert answer.returncode == 1
    assert sentence in answer.stderr


def test_a_folder_without_a_log_is_left_alone(tmp_path):
    answer = log("list", "--data-dir", tmp_path)
    assert answer.returncode == 1
    assert "there is no log in" in answer.stderr
    assert list(tmp_path.iterdir()) == []


def test_nothing_is_changed_and_a_damaged_byte_is_named(data):
    folder = data / "log"
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    answer = log("verify", "--data-dir", data)
    assert answer.returncode == 0, answer.stdout + answer.stderr
    assert "as they were written" in answer.stdout
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before
    segment = sorted(before)[0]
    damaged = bytearray(before[segment])
    place = damaged.index(b"x500")
    damaged[place] ^= 1
    (folder / segment).write_bytes(damaged)
    try:
        answer = log("verify", "--data-dir", data)
        assert answer.returncode == 1
        assert segment in answer.stdout and "is not what was written" in answer.stdout
        answer = log("export", "--data-dir", data, "--stream", "readings", "-o", os.devnull)
        assert answer.returncode == 1
        assert segment in answer.stderr
    finally:
        (folder / segment).write_bytes(before[segment])
