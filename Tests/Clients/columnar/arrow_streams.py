"""Arrow IPC streams of every type, made by pyarrow: name -> (schema, batches, write options)."""

import ctypes
import decimal
import pathlib
import sys

import pyarrow as pa

ROWS = 11


class CSchema(ctypes.Structure):
    """The struct of the Arrow C data interface, for types that pyarrow has no constructor for."""


CSchema._fields_ = [
    ("format", ctypes.c_char_p),
    ("name", ctypes.c_char_p),
    ("metadata", ctypes.c_char_p),
    ("flags", ctypes.c_int64),
    ("n_children", ctypes.c_int64),
    ("children", ctypes.c_void_p),
    ("dictionary", ctypes.c_void_p),
    ("release", ctypes.CFUNCTYPE(None, ctypes.POINTER(CSchema))),
    ("private_data", ctypes.c_void_p),
]


@ctypes.CFUNCTYPE(None, ctypes.POINTER(CSchema))
def _release(schema):
    schema.contents.release = ctypes.cast(None, CSchema._fields_[7][1])


def type_of_format(text):
    schema = CSchema(text.encode(), b"", None, 2, 0, None, None, _release, None)
    return pa.DataType._import_from_c(ctypes.addressof(schema))


def from_bytes(data_type, width, seed=7):
    """An array of a fixed-width type whose values are arbitrary bytes, with nulls."""
    values = bytes((i * seed + i // 5) % 251 for i in range(ROWS * width))
    validity = pa.py_buffer(bytes([0b11011101, 0b00000110]))
    return pa.Array.from_buffers(data_type, ROWS, [validity, pa.py_buffer(values)])


def cycle(values):
    return [values[i % len(values)] for i in range(ROWS)]


TEXTS = ["", "a", "naïve", None, "a longer text of more than twelve bytes", "日本語", "🙂🙂🙂🙂"]
BLOBS = [b"", b"\x00\xff", None, b"abc" * 10, b"x" * 12, b"y" * 13]


def plain_arrays():
    arrays = {
        "null": pa.nulls(ROWS),
        "bool": pa.array(cycle([True, False, None])),
        "float16": from_bytes(pa.float16(), 2),
        "float32": pa.array(cycle([1.5, None, -0.0]), pa.float32()),
        "float64": pa.array(cycle([1.5, None, float("inf")]), pa.float64()),
        "date32": pa.array(cycle([0, 19000, None, -1]), pa.int32()).cast(pa.date32()),
        "date64": pa.array(cycle([0, 86400000, None]), pa.int64()).cast(pa.date64()),
        "time32s": pa.array(cycle([0, 86399, None]), pa.int32()).cast(pa.time32("s")),
        "time32ms": pa.array(cycle([0, 86399999, None]), pa.int32()).cast(pa.time32("ms")),
        "time64us": pa.array(cycle([0, 86399999999, None]), pa.int64()).cast(pa.time64("us")),
        "time64ns": pa.array(cycle([0, 86399999999999, None]), pa.int64()).cast(pa.time64("ns")),
        "interval_mdn": pa.array(cycle([(1, 2, 3), None, (-1, -2, -3)]), pa.month_day_nano_interval()),
        "utf8": pa.array(cycle(TEXTS), pa.utf8()),
        "large_utf8": pa.array(cycle(TEXTS), pa.large_utf8()),
        "utf8_view": pa.array(cycle(TEXTS), pa.string_view()),
        "binary": pa.array(cycle(BLOBS), pa.binary()),
        "large_binary": pa.array(cycle(BLOBS), pa.large_binary()),
        "binary_view": pa.array(cycle(BLOBS), pa.binary_view()),
        "fixed_binary": pa.array(cycle([b"abc", None, b"xyz"]), pa.binary(3)),
        "fixed_binary0": pa.array(cycle([b"", None]), pa.binary(0)),
    }
    for bits in (8, 16, 32, 64):
        for sign in ("", "u"):
            name = f"{sign}int{bits}"
            high = 2 ** (bits if sign else bits - 1) - 1
            low = 0 if sign else -high - 1
            arrays[name] = pa.array(cycle([0, high, None, low, 1]), getattr(pa, name)())
    for unit in ("s", "ms", "us", "ns"):
        numbers = pa.array(cycle([0, 1700000000123, None, -5]), pa.int64())
        arrays[f"timestamp_{unit}"] = numbers.cast(pa.timestamp(unit))
        arrays[f"timestamp_{unit}_utc"] = numbers.cast(pa.timestamp(unit, "UTC"))
        arrays[f"timestamp_{unit}_zone"] = numbers.cast(pa.timestamp(unit, "Europe/Berlin"))
        arrays[f"duration_{unit}"] = numbers.cast(pa.duration(unit))
    for bits, make in ((32, pa.decimal32), (64, pa.decimal64), (128, pa.decimal128), (256, pa.decimal256)):
        numbers = [decimal.Decimal(t) if t else None for t in ("1.23", None, "-99999.99", "0.00")]
        arrays[f"decimal{bits}"] = pa.array(cycle(numbers), make(9, 2))
    return arrays


def nested_arrays():
    ints = [[1, 2], [], None, [None, 3], [4, 5, 6]]
    structs = [{"x": 1, "y": "a"}, None, {"x": None, "y": "b"}, {"x": 3, "y": None}]
    pairs = [[("k", 1)], None, [], [("a", None), ("b", 2)]]
    item = pa.field("element", pa.int64(), nullable=True, metadata={"deep": "metadata"})
    small = pa.array([1, None, 3], pa.int32())
    words = pa.array(["p", "q", "a text that is longer than a view"])
    type_ids = pa.array(cycle([0, 1]), pa.int8())
    offsets = pa.array([min(i // 2, 2) for i in range(ROWS)], pa.int32())
    wide = pa.array(cycle([7, None]), pa.int32())
    texts = pa.array(cycle(["s", "t", None]))
    arrays = {
        "list": pa.array(cycle(ints), pa.list_(pa.int64())),
        "list_named": pa.array(cycle(ints), pa.list_(item)),
        "large_list": pa.array(cycle(ints), pa.large_list(pa.int16())),
        "fixed_list": pa.array(cycle([[1, 2], None, [None, 4]]), pa.list_(pa.int32(), 2)),
        "fixed_list0": pa.array(cycle([[], None]), pa.list_(pa.int32(), 0)),
        "list_view": pa.array(cycle(ints), pa.list_view(pa.int64())),
        "large_list_view": pa.array(cycle(ints), pa.large_list_view(pa.int64())),
        "list_list": pa.array(cycle([[[1], []], None, [[2, 3], None]]), pa.list_(pa.list_(pa.int8()))),
        "list_utf8_view": pa.array(cycle([["a" * 20, None], [], None]), pa.list_(pa.string_view())),
        "list_bool": pa.array(cycle([[True, None], [False] * 9, None]), pa.list_(pa.bool_())),
        "struct": pa.array(cycle(structs)),
        "struct_empty": pa.array(cycle([{}, None]), pa.struct([])),
        "struct_nested": pa.array(cycle([{"s": s, "l": [1]} for s in structs])),
        "map": pa.array(cycle(pairs), pa.map_(pa.utf8(), pa.int32())),
        "map_sorted": pa.array(cycle(pairs), pa.map_(pa.utf8(), pa.int32(), keys_sorted=True)),
        "dense_union": pa.UnionArray.from_dense(type_ids, offsets, [small, words], ["i", "s"], None),
        "dense_union_codes": pa.UnionArray.from_dense(
            pa.array(cycle([5, 9]), pa.int8()), offsets, [small, words], ["i", "s"], [5, 9]),
        "sparse_union": pa.UnionArray.from_sparse(type_ids, [wide, texts], ["i", "s"], None),
        "sparse_union_codes": pa.UnionArray.from_sparse(
            pa.array(cycle([5, 127]), pa.int8()), [wide, texts], ["i", "s"], [5, 127]),
        "list_null": pa.array(cycle([[None], [], None]), pa.list_(pa.null())),
    }
    # List views may share items and stand in any order.
    arrays["list_view_shared"] = pa.ListViewArray.from_arrays(
        pa.array([3, 0, 1] + [2] * 8, pa.int32()), pa.array([2, 3, 0] + [1] * 8, pa.int32()),
        pa.array([1, 2, 3, 4, 5]))
    return arrays


def encoded_arrays():
    arrays = {}
    for bits in (8, 16, 32, 64):
        for sign in ("", "u"):
            index = pa.array(cycle([0, 1, None, 2]), getattr(pa, f"{sign}int{bits}")())
            arrays[f"dictionary_{sign}int{bits}"] = pa.DictionaryArray.from_arrays(
                index, pa.array(["x", "y", None]))
    index = pa.array(cycle([1, 0, None]), pa.int8())
    arrays["dictionary_ordered"] = pa.DictionaryArray.from_arrays(
        index, pa.array([1.5, 2.5]), ordered=True)
    inner = pa.DictionaryArray.from_arrays(pa.array([0, 1, 0], pa.int8()), pa.array(["in", "out"]))
    arrays["dictionary_of_list_of_dictionary"] = pa.DictionaryArray.from_arrays(
        index, pa.ListArray.from_arrays(pa.array([0, 2, 3], pa.int32()), inner))
    arrays["dictionary_of_struct_of_dictionary"] = pa.DictionaryArray.from_arrays(
        index, pa.StructArray.from_arrays([inner, pa.array([1, 2, 3])], ["d", "n"]))
    arrays["list_of_dictionary"] = pa.ListArray.from_arrays(
        pa.array([0, 2, 2, 3] + [3] * 8, pa.int32()), inner)
    arrays["struct_of_dictionary"] = pa.StructArray.from_arrays(
        [arrays["dictionary_int8"], arrays["dictionary_ordered"]], ["a", "b"])
    arrays["dictionary_null_index"] = pa.DictionaryArray.from_arrays(
        pa.nulls(ROWS, pa.int32()), pa.array([], pa.utf8()))
    for bits in (16, 32, 64):
        ends = pa.array([3, 4, ROWS], getattr(pa, f"int{bits}")())
        arrays[f"run_end_{bits}"] = pa.RunEndEncodedArray.from_arrays(ends, pa.array(["a", None, "c"]))
    arrays["run_end_of_struct"] = pa.RunEndEncodedArray.from_arrays(
        pa.array([5, ROWS], pa.int32()), pa.array([{"x": 1}, None]))
    arrays["uuid"] = pa.array(cycle([b"0123456789abcdef", None]), pa.binary(16)).cast(pa.uuid())
    arrays["json"] = pa.ExtensionArray.from_storage(
        pa.json_(), pa.array(cycle(['{"a": 1}', None])))
    arrays["tensor"] = pa.ExtensionArray.from_storage(
        pa.fixed_shape_tensor(pa.float32(), [2, 2]),
        pa.array(cycle([[1.0, 2.0, 3.0, 4.0], None]), pa.list_(pa.float32(), 4)))
    return arrays


def all_arrays():
    return plain_arrays() | nested_arrays() | encoded_arrays()


def one_column(name, array):
    field = pa.field(name, array.type, metadata={"column": name, b"\xff\x00": b"\x80"})
    schema = pa.schema([field], metadata={"schema": "metadata", "": ""})
    return pa.record_batch([array], schema=schema)


def interval_batch(format_text, storage):
    """A column of an interval type that pyarrow has no array class for, but reads and compares.

    A message does not say its types, so the one of an integer column is read under the schema
    of the interval.
    """
    numbers = pa.record_batch({"interval": pa.array(cycle([1, None, -(2**31), 77]), storage)})
    schema = pa.schema([pa.field("interval", type_of_format(format_text))])
    return pa.ipc.read_record_batch(numbers.serialize(), schema)


def wide_batch(arrays):
    fields = [pa.field("same name", array.type) for array in arrays.values()]
    return pa.record_batch(list(arrays.values()), schema=pa.schema(fields))


def dictionary_batches(*values):
    return [
        pa.record_batch({"d": pa.DictionaryArray.from_arrays(
            pa.array([i % len(v) for i in range(ROWS)], pa.int32()), pa.array(v))})
        for v in values
    ]


def streams():
    """Every stream to test: name -> (batches, write options)."""
    default = pa.ipc.IpcWriteOptions()
    arrays = all_arrays()
    result = {}
    for name, array in arrays.items():
        batch = one_column(name, array)
        # Several batches, an empty one and a slice that does not start on a byte.
        result[name] = ([batch, batch.slice(0, 0), batch.slice(3, 5)], default)
        result[f"{name} lz4"] = ([batch], pa.ipc.IpcWriteOptions(compression="lz4"))
        result[f"{name} zstd"] = ([batch], pa.ipc.IpcWriteOptions(compression="zstd"))
        result[f"{name} V4"] = (
            [batch], pa.ipc.IpcWriteOptions(metadata_version=pa.ipc.MetadataVersion.V4))
    for name, format_text, storage in (
        ("interval_months", "tiM", pa.int32()), ("interval_daytime", "tiD", pa.int64())):
        batch = interval_batch(format_text, storage)
        result[name] = ([batch, batch.slice(3, 5)], default)
    result["wide"] = ([wide_batch(arrays)], default)
    result["no columns"] = ([pa.record_batch([], schema=pa.schema([]))], default)
    result["no batches"] = ([], default)
    growing = (["a"], ["a", "b"], ["a", "b", "c", None])
    deltas = pa.ipc.IpcWriteOptions(emit_dictionary_deltas=True)
    result["dictionary deltas"] = (dictionary_batches(*growing), deltas)
    result["dictionary replacements"] = (dictionary_batches(["a"], ["x", "y"], ["z"]), default)
    result["required"] = (
        [pa.record_batch([pa.array([1, 2])], schema=pa.schema([pa.field("r", pa.int64(), False)]))],
        default)
    return result


def write(path, batches, options):
    schema = batches[0].schema if batches else pa.schema([("x", pa.int64())])
    with pa.OSFile(str(path), "wb") as file, pa.ipc.new_stream(file, schema, options=options) as out:
        for number, batch in enumerate(batches):
            out.write_batch(batch, custom_metadata={"number": str(number)})
    return schema


def read(path):
    """The schema and, per batch, the batch and its metadata; every batch is validated."""
    with pa.memory_map(str(path)) as file:
        reader = pa.ipc.open_stream(file)
        batches = []
        while True:
            try:
                batch, metadata = reader.read_next_batch_with_custom_metadata()
            except StopIteration:
                return reader.schema, batches
            batch.validate(full=True)
            batches.append((batch, metadata))


def main():
    """Writes each stream to a file of a folder: seeds for a fuzzer."""
    folder = pathlib.Path(sys.argv[1])
    for name, (batches, options) in streams().items():
        if name != "wide":
            write(folder / name.replace(" ", "-"), batches, options)


if __name__ == "__main__":
    main()
