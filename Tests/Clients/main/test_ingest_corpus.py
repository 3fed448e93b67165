"""Every Arrow type of the codec's corpus, loaded into a table: its values are kept, or it is refused with a sentence
that names the column. Nothing is changed silently."""

import pyarrow as pa
import pytest

from columnar import arrow_streams
from support.raw import Raw

ARRAYS = arrow_streams.all_arrays()
NANOSECONDS = {"s": 10**9, "ms": 10**6, "us": 10**3, "ns": 1}


def values(array):
    """The values, however their type spells them: times and lengths of time as nanoseconds."""
    if isinstance(array, pa.ChunkedArray):
        array = array.combine_chunks()
    kind = array.type
    if pa.types.is_timestamp(kind) or pa.types.is_duration(kind):
        numbers = array.cast(pa.int64()).to_pylist()
        return [None if number is None else number * NANOSECONDS[kind.unit] for number in numbers]
    if pa.types.is_interval(kind):
        return [length(value) for value in array.to_pylist()]
    return [plain(value) for value in array.to_pylist()]


def length(value):
    if value is None:
        return None
    return value.nanoseconds if value.months == value.days == 0 else tuple(value)


def plain(value):
    if isinstance(value, float) and value != value:
        return "NaN"
    if isinstance(value, bytes) and len(value) == 16:
        return value.hex()
    if hasattr(value, "hex") and hasattr(value, "int"):
        return value.hex  # a UUID
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    if isinstance(value, dict):
        return {key: plain(item) for key, item in value.items()}
    return value


@pytest.mark.parametrize("name", ARRAYS)
def test_values_are_kept_or_refused(raw, unique, name):
    array = ARRAYS[name]
    place = pa.array(range(len(array)), pa.int64())
    try:
        raw.ingest(unique, pa.table({"place": place, "v": array}), "create")
    except (pa.ArrowInvalid, NotImplementedError) as error:
        assert "v" in str(error)
        with pytest.raises(pa.ArrowInvalid):
            raw.query(f"FROM {unique}")
        return
    try:
        got = raw.query(f"SELECT v FROM {unique} ORDER BY place").column("v")
    except pa.ArrowInvalid as error:
        assert "too long" in str(error)  # DuckDB's intervals reach further than Arrow's
        return
    assert values(got) == values(array)


def test_columns_of_one_name_are_refused(raw, unique):
    table = pa.table([pa.array([1]), pa.array([2])], names=["a", "A"])
    with pytest.raises(pa.ArrowInvalid, match="(?i)a"):
        raw.ingest(unique, table, "create")
    raw.update(f"CREATE TABLE {unique}(a INTEGER)")
    with pytest.raises(pa.ArrowInvalid, match="twice|two columns"):
        raw.ingest(unique, table, "append")


def test_results_may_have_columns_of_one_name(raw):
    table = raw.query("SELECT 1 AS a, 2 AS a, 3 AS \"A\"")
    assert table.column_names == ["a", "a", "A"]
    assert [column.to_pylist() for column in table.columns] == [[1], [2], [3]]


def test_rows_without_columns_are_refused(raw, unique):
    with pytest.raises(pa.ArrowInvalid, match="no columns"):
        raw.ingest(unique, pa.table({}), "create")


def test_batches_without_rows_between_others(server, raw, unique):
    schema = pa.schema([("i", pa.int64()), ("s", pa.string())])
    some = pa.record_batch([pa.array([1, 2]), pa.array(["x", None])], schema=schema)
    none = some.slice(0, 0)
    assert raw.ingest(unique, pa.Table.from_batches([none, some, none, none, some, none]), "create") == 4
    assert raw.rows(f"SELECT count(*), sum(i)::BIGINT FROM {unique}") == [(4, 6)]


def test_one_batch_of_many_rows(server, raw, unique):
    count = 3_000_000
    table = pa.table({"i": pa.array(range(count), pa.int64())})
    with Raw(server.url) as other:
        assert raw.ingest(unique, table, "create") == count
        assert other.rows(f"SELECT count(*), sum(i)::BIGINT FROM {unique}") == [(count, count * (count - 1) // 2)]
