"""Every Arrow type of the codec's corpus, put into a stream that is made for it: `SELECT *` gives it back exactly,
whether or not SQL has such a type."""

import pyarrow as pa
import pytest

from columnar import arrow_streams

ARRAYS = arrow_streams.all_arrays()


def same(left, right):
    # A NaN equals nothing, and not every value has a Python object.
    return left.equals(right) or repr(left.to_pylist()) == repr(right.to_pylist())


@pytest.mark.parametrize("name", ARRAYS)
def test_a_stream_is_read_back_as_it_was_put(raw, unique, name):
    array = ARRAYS[name]
    field = pa.field("v", array.type, metadata={"some": "metadata"})
    table = pa.table([array], schema=pa.schema([field]))
    raw.ingest(unique, table, "create", options={"stream": "true"})
    raw.ingest(unique, table, "append")
    got = raw.query(f"SELECT * FROM {unique}")
    assert got.schema.field("v").equals(field, check_metadata=True)
    expected = pa.concat_tables([table, table])
    assert got.num_rows == expected.num_rows
    got.validate(full=True)
    assert same(got.column("v"), expected.column("v"))
    raw.query(f"DROP STREAM {unique}")


def test_a_name_that_is_taken(raw, unique):
    table = pa.table({"a": pa.array([1])})
    raw.ingest(unique, table, "create")
    with pytest.raises(pa.ArrowException, match="exists already, and is no stream"):
        raw.ingest(unique, table, "create", options={"stream": "true"})
    assert raw.query(f"FROM {unique}").num_rows == 1


def test_rows_of_a_new_stream_that_do_not_fit_leave_no_stream(raw, unique):
    table = pa.table({"a": pa.array([1]), "A": pa.array([1])})
    with pytest.raises(pa.ArrowInvalid, match="two columns"):
        raw.ingest(unique, table, "create", options={"stream": "true"})
    with pytest.raises(pa.ArrowInvalid):
        raw.query(f"FROM {unique}")
