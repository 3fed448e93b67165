"""A disk that is really full: a small file system of its own, filled by the rows of a stream."""

import os
import pathlib
import subprocess

import pyarrow as pa
import pyarrow.flight as flight
import pytest

from support.raw import Raw

SIZE_MEGABYTES = 96
ROWS = 20_000


@pytest.fixture
def small_disk(tmp_path):
    """A file system of a few megabytes, where the system lets us mount one."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={SIZE_MEGABYTES}m", "tmpfs", str(folder)], capture_output=True, text=True)
    if mounted.returncode != 0:
        pytest.skip(f"no file system can be mounted here: {mounted.stderr.strip()}")
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=True)


def rows(start: int) -> pa.RecordBatch:
    return pa.record_batch([pa.array(range(start, start + ROWS)), pa.array(["x" * 40] * ROWS)], names=["id", "text"])


def put(server, start: int) -> None:
    """One batch, acknowledged."""
    with flight.connect(server.url) as client:
        batch = rows(start)
        writer, reader = client.do_put(flight.FlightDescriptor.for_path("s"), batch.schema)
        writer.write_batch(batch)
        writer.done_writing()
        acknowledgement = reader.read()
        # Closing says what went wrong.
        writer.close()
        assert acknowledgement is not None


def test_a_full_disk_refuses_rows_and_takes_them_again_when_there_is_room(start_server, small_disk):
    filler = small_disk / "filler"
    filler.write_bytes(b"\0" * (24 << 20))
    data = pathlib.Path(small_disk / "data")
    server = start_server(data_dir=data)
    with Raw(server.url) as raw:
        raw.update("CREATE STREAM s (id BIGINT, text VARCHAR)")
        acknowledged = 0
        with pytest.raises(pa.ArrowException) as refused:
            for _ in range(SIZE_MEGABYTES * 2):
                put(server, acknowledged)
                acknowledged += ROWS
        message = str(refused.value)
        assert "the disk is full" in message and "resource exhausted" in message, message
        assert acknowledged > 0

        # Reads go on, and the refusal is no accident of one moment.
        assert raw.value("SELECT count(*) FROM s") == acknowledged
        with pytest.raises(pa.ArrowException, match="full"):
            put(server, acknowledged)
        with pytest.raises(pa.ArrowException, match="full"):
            raw.update("INSERT INTO s SELECT range, repeat('y', 400) FROM range(200000)")
        assert raw.value("SELECT count(*) FROM s") == acknowledged

        os.remove(filler)
        for _ in range(5):
            put(server, acknowledged)
            acknowledged += ROWS
        assert raw.value("SELECT count(*) FROM s") == acknowledged
    assert server.stop() == 0
    again = start_server(data_dir=data)
    with Raw(again.url) as raw:
        assert raw.rows("SELECT count(*), count(DISTINCT id), max(id) FROM s") == [(acknowledged, acknowledged, acknowledged - 1)]
