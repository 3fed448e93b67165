"""Batches that Columnar has read and written again equal, under pyarrow, what pyarrow wrote.

Needs the program `columnar-roundtrip`; its path is in the environment variable of the same name
in capitals, else the debug build of the package is used.
"""

import os
import pathlib
import subprocess

import arrow_streams
import pyarrow as pa
import pytest

ROOT = pathlib.Path(__file__).parents[3]
PROGRAM = os.environ.get("COLUMNAR_ROUNDTRIP", ROOT / ".build" / "debug" / "columnar-roundtrip")
STREAMS = arrow_streams.streams()


def run(mode, source, target):
    result = subprocess.run(
        [PROGRAM, mode, source, target], capture_output=True, text=True, timeout=60)
    assert result.returncode == 0, result.stdout + result.stderr


def round_trip(tmp_path, name, mode):
    batches, options = STREAMS[name]
    source, target = tmp_path / "source", tmp_path / "target"
    schema = arrow_streams.write(source, batches, options)
    run(mode, source, target)
    new_schema, new_batches = arrow_streams.read(target)
    assert new_schema.equals(schema, check_metadata=True)
    return batches, schema, new_batches


@pytest.mark.parametrize("mode", ["plain", "lz4", "zstd", "cdata", "joined"])
@pytest.mark.parametrize("name", STREAMS)
def test_batches_are_equal(tmp_path, name, mode):
    batches, _, new_batches = round_trip(tmp_path, name, mode)
    assert len(new_batches) == len(batches)
    for number, (old, (new, metadata)) in enumerate(zip(batches, new_batches)):
        assert new.equals(old, check_metadata=True)
        assert dict(metadata) == {b"number": str(number).encode()}


@pytest.mark.parametrize("mode", ["slices", "cdataslices"])
@pytest.mark.parametrize("name", STREAMS)
def test_slices_are_equal(tmp_path, name, mode):
    batches, _, new_batches = round_trip(tmp_path, name, mode)
    old = [batch.slice(start, 3) for batch in batches for start in range(0, batch.num_rows, 3)]
    assert len(new_batches) == len(old)
    for expected, (actual, _) in zip(old, new_batches):
        assert actual.equals(expected, check_metadata=True)


@pytest.mark.parametrize("name", STREAMS)
def test_every_value_has_a_text(tmp_path, name):
    batches, options = STREAMS[name]
    source, target = tmp_path / "source", tmp_path / "target"
    arrow_streams.write(source, batches, options)
    run("text", source, target)
    lines = target.read_text().split("\n")[:-1]
    assert len(lines) == sum(batch.num_rows for batch in batches)


def test_simple_values_read_as_in_python(tmp_path):
    batch = pa.record_batch({
        "text": pa.array(["a", None, "ü"]), "number": pa.array([1, None, -(2**63)]),
        "flag": pa.array([True, False, None]), "real": pa.array([1.5, None, -0.25]),
        "decimal": pa.array(arrow_streams.cycle(["12.50", "-0.05", None])[:3]).cast(
            pa.decimal128(9, 2)),
    })
    source, target = tmp_path / "source", tmp_path / "target"
    arrow_streams.write(source, [batch], pa.ipc.IpcWriteOptions())
    run("text", source, target)
    expected = [
        "\t".join("NULL" if v is None else str(v).lower() if v in (True, False) else str(v)
                  for v in row.values())
        for row in batch.to_pylist()]
    assert target.read_text().splitlines() == expected


def test_every_type_of_the_format_is_covered():
    kinds = set()

    def visit(data_type):
        kinds.add(data_type.id)
        if data_type.id == pa.lib.Type_DICTIONARY:
            visit(data_type.value_type)
        if isinstance(data_type, pa.BaseExtensionType):
            visit(data_type.storage_type)
        for index in range(data_type.num_fields):
            visit(data_type.field(index).type)

    for batches, _ in STREAMS.values():
        for field in batches[0].schema if batches else ():
            visit(field.type)
    names = [name for name in dir(pa.lib) if name.startswith("Type_")]
    missing = [name for name in names if getattr(pa.lib, name) not in kinds]
    assert missing == []
