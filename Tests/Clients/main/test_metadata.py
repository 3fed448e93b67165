"""The metadata commands: the schemas that the protocol fixes, filters, keys, SqlInfo, types."""

import pyarrow as pa
import pytest

from support import protocol

TEXT = pa.string()


@pytest.fixture(scope="module")
def model(server):
    """Two tables with keys and a view in a schema of their own."""
    from support.raw import Raw

    with Raw(server.url) as raw:
        raw.update("CREATE SCHEMA shop")
        raw.update("CREATE TABLE shop.customer(id BIGINT PRIMARY KEY, name VARCHAR NOT NULL)")
        raw.update(
            "CREATE TABLE shop.purchase(customer BIGINT REFERENCES shop.customer(id), line INTEGER, "
            "price DECIMAL(9, 2), PRIMARY KEY (customer, line))"
        )
        raw.update("CREATE VIEW shop.big AS SELECT * FROM shop.purchase WHERE price > 100")
    return "shop"


def shape(schema: pa.Schema):
    return [(field.name, field.type, field.nullable) for field in schema]


def test_catalogs(raw):
    table = raw.table(protocol.command("CommandGetCatalogs"))
    assert shape(table.schema) == [("catalog_name", TEXT, False)]
    names = table.column(0).to_pylist()
    assert raw.value("SELECT current_catalog()") in names
    assert not {"system", "temp"} & set(names)
    assert names == sorted(names)


def test_schemas(raw, model):
    table = raw.table(protocol.command("CommandGetDbSchemas"))
    assert shape(table.schema) == [("catalog_name", TEXT, True), ("db_schema_name", TEXT, False)]
    names = table.column(1).to_pylist()
    assert {"main", model} <= set(names)
    assert not any(name.startswith("__hyprstream") for name in names)
    some = raw.table(protocol.command("CommandGetDbSchemas", protocol.field(2, "sho_")))
    assert some.column(1).to_pylist() == [model]
    none = raw.table(protocol.command("CommandGetDbSchemas", protocol.field(1, "")))
    assert none.num_rows == 0


def test_tables(raw, model):
    table = raw.table(protocol.get_tables(schema=model))
    assert shape(table.schema) == [
        ("catalog_name", TEXT, True), ("db_schema_name", TEXT, True), ("table_name", TEXT, False), ("table_type", TEXT, False)
    ]
    kinds = dict(zip(table.column(2).to_pylist(), table.column(3).to_pylist()))
    assert set(kinds) == {"customer", "purchase", "big"}
    assert kinds["big"] == "VIEW" and kinds["customer"] in ("TABLE", "BASE TABLE")


def test_tables_are_filtered(raw, model):
    names = raw.table(protocol.get_tables(schema=model, table="p%")).column(2).to_pylist()
    assert names == ["purchase"]
    names = raw.table(protocol.get_tables(schema=model, types=["VIEW"])).column(2).to_pylist()
    assert names == ["big"]
    assert raw.table(protocol.get_tables(catalog="no_such_catalog")).num_rows == 0


def test_tables_with_their_schemas(raw, model):
    table = raw.table(protocol.get_tables(schema=model, table="purchase", include_schema=True))
    assert shape(table.schema)[4] == ("table_schema", pa.binary(), False)
    schema = pa.ipc.read_schema(pa.py_buffer(table.column(4)[0].as_py()))
    assert schema.names == ["customer", "line", "price"]
    assert schema.field("price").type == pa.decimal128(9, 2)
    metadata = schema.field("price").metadata
    assert metadata[b"ARROW:FLIGHT:SQL:TYPE_NAME"].startswith(b"DECIMAL")
    assert metadata[b"ARROW:FLIGHT:SQL:PRECISION"] == b"9" and metadata[b"ARROW:FLIGHT:SQL:SCALE"] == b"2"
    result = raw.query("SELECT * FROM shop.purchase").schema
    assert (schema.names, schema.types) == (result.names, result.types)


def test_table_types(raw):
    table = raw.table(protocol.command("CommandGetTableTypes"))
    assert shape(table.schema) == [("table_type", TEXT, False)]
    assert "VIEW" in table.column(0).to_pylist()


def test_the_relation_metrics_is_listed(raw):
    assert raw.table(protocol.get_tables(table="metrics")).column(2).to_pylist() == ["metrics"]


def test_primary_keys(raw, model):
    table = raw.table(protocol.table_reference("CommandGetPrimaryKeys", "purchase", schema=model))
    assert shape(table.schema) == [
        ("catalog_name", TEXT, True), ("db_schema_name", TEXT, True), ("table_name", TEXT, False),
        ("column_name", TEXT, False), ("key_name", TEXT, True), ("key_sequence", pa.int32(), False),
    ]
    assert list(zip(table.column(3).to_pylist(), table.column(5).to_pylist())) == [("customer", 1), ("line", 2)]


KEYS = [
    ("pk_catalog_name", TEXT, True), ("pk_db_schema_name", TEXT, True), ("pk_table_name", TEXT, False),
    ("pk_column_name", TEXT, False), ("fk_catalog_name", TEXT, True), ("fk_db_schema_name", TEXT, True),
    ("fk_table_name", TEXT, False), ("fk_column_name", TEXT, False), ("key_sequence", pa.int32(), False),
    ("fk_key_name", TEXT, True), ("pk_key_name", TEXT, True), ("update_rule", pa.uint8(), False),
    ("delete_rule", pa.uint8(), False),
]


def test_imported_and_exported_keys_and_cross_reference(raw, model):
    imported = raw.table(protocol.table_reference("CommandGetImportedKeys", "purchase", schema=model))
    exported = raw.table(protocol.table_reference("CommandGetExportedKeys", "customer", schema=model))
    body = protocol.field(2, model) + protocol.field(3, "customer") + protocol.field(5, model) + protocol.field(6, "purchase")
    crossed = raw.table(protocol.command("CommandGetCrossReference", body))
    for table in (imported, exported, crossed):
        assert shape(table.schema) == KEYS
        assert table.num_rows == 1
        row = table.to_pylist()[0]
        assert (row["pk_table_name"], row["pk_column_name"]) == ("customer", "id")
        assert (row["fk_table_name"], row["fk_column_name"], row["key_sequence"]) == ("purchase", "customer", 1)


def info(raw, *codes) -> dict:
    return dict(zip(*(column.to_pylist() for column in raw.table(protocol.sql_info(*codes)).columns)))


def test_sql_info_names_the_server(raw):
    found = info(raw, 0, 1, 2, 3)
    assert found[0] == "hyprstream"
    assert found[1].startswith("duckdb v") and " hyprstream " in found[1]
    assert found[3] is False


def test_sql_info_is_complete(raw):
    everything = info(raw)
    expected = {0, 1, 2, 3, 4, 5, 8, 9, 10, 11, 100, 101, *range(500, 577)}
    assert expected - set(everything) <= {6, 7}
    assert everything[4] is True, "SQL is supported"
    assert everything[5] is False, "Substrait is not"
    assert everything[8] == 1, "transactions, but no savepoints"
    assert everything[9] is True, "cancelling is supported"
    assert everything[10] is True, "bulk ingestion is supported"
    assert isinstance(everything[508], list) and "SELECT" in [word.upper() for word in everything[508]] + ["SELECT"]


def test_sql_info_has_the_schema_of_the_protocol(raw):
    schema = raw.table(protocol.sql_info(0)).schema
    assert schema.field(0).equals(pa.field("info_name", pa.uint32(), nullable=False))
    union = schema.field(1).type
    assert pa.types.is_union(union) and union.mode == "dense"
    assert [union.field(index).name for index in range(union.num_fields)] == [
        "string_value", "bool_value", "bigint_value", "int32_bitmask", "string_list", "int32_to_int32_list_map"
    ]


def test_an_unknown_info_is_left_out_or_refused(raw):
    try:
        assert 987_654 not in info(raw, 987_654)
    except (KeyError, pa.ArrowException):
        pass


def test_types(raw):
    table = raw.table(protocol.command("CommandGetXdbcTypeInfo"))
    assert table.schema.names == [
        "type_name", "data_type", "column_size", "literal_prefix", "literal_suffix", "create_params", "nullable",
        "case_sensitive", "searchable", "unsigned_attribute", "fixed_prec_scale", "auto_increment", "local_type_name",
        "minimum_scale", "maximum_scale", "sql_data_type", "datetime_subcode", "num_prec_radix", "interval_precision",
    ]
    names = table.column("type_name").to_pylist()
    assert {"BIGINT", "VARCHAR", "TIMESTAMP", "DECIMAL"} <= set(names)
    BIGINT = -5
    one = raw.table(protocol.command("CommandGetXdbcTypeInfo", protocol.number(1, BIGINT)))
    assert set(one.column("data_type").to_pylist()) == {BIGINT}


@pytest.mark.parametrize("command", [
    protocol.command("CommandGetCatalogs"), protocol.command("CommandGetDbSchemas"), protocol.get_tables(),
    protocol.get_tables(include_schema=True), protocol.command("CommandGetTableTypes"), protocol.sql_info(),
    protocol.command("CommandGetXdbcTypeInfo"), protocol.table_reference("CommandGetPrimaryKeys", "x"),
])
def test_get_schema_agrees_with_the_result(raw, command):
    assert raw.schema(command).equals(raw.table(command).schema)
