"""adbc-driver-flightsql through the low-level ADBC calls: statements, options, streams."""

import adbc_driver_flightsql
import adbc_driver_manager as adbc
import pyarrow as pa
import pytest


@pytest.fixture
def connection(server):
    with adbc_driver_flightsql.connect(server.url) as database, adbc.AdbcConnection(database) as connection:
        yield connection


def reader(stream) -> pa.RecordBatchReader:
    return pa.RecordBatchReader._import_from_c(stream.address)


def run(connection, sql) -> pa.Table:
    with adbc.AdbcStatement(connection) as statement:
        statement.set_sql_query(sql)
        stream, _ = statement.execute_query()
        return reader(stream).read_all()


def update(connection, sql) -> int:
    with adbc.AdbcStatement(connection) as statement:
        statement.set_sql_query(sql)
        return statement.execute_update()


def test_a_query(connection):
    assert run(connection, "SELECT 42 AS answer").to_pydict() == {"answer": [42]}


def test_an_update_tells_how_many_rows_it_changed(connection, unique):
    update(connection, f"CREATE TABLE {unique}(n INTEGER)")
    assert update(connection, f"INSERT INTO {unique} VALUES (1), (2), (3)") == 3
    assert update(connection, f"UPDATE {unique} SET n = n + 1 WHERE n > 1") == 2
    assert update(connection, f"DELETE FROM {unique}") == 3


def test_a_prepared_statement_is_bound_again_and_again(connection):
    with adbc.AdbcStatement(connection) as statement:
        statement.set_sql_query("SELECT ?::BIGINT * 2 AS twice")
        statement.prepare()
        for value in (1, 21, -4):
            batch = pa.record_batch({"n": pa.array([value], pa.int64())})
            array, schema = adbc.ArrowArrayHandle(), adbc.ArrowSchemaHandle()
            batch._export_to_c(array.address, schema.address)
            statement.bind(array, schema)
            stream, _ = statement.execute_query()
            assert reader(stream).read_all().to_pydict() == {"twice": [2 * value]}


def test_the_parameters_of_a_prepared_statement_are_described(connection, unique):
    update(connection, f"CREATE TABLE {unique}(id BIGINT, name VARCHAR)")
    with adbc.AdbcStatement(connection) as statement:
        statement.set_sql_query(f"SELECT * FROM {unique} WHERE id = ? AND name = ?")
        statement.prepare()
        handle = statement.get_parameter_schema()
        schema = pa.Schema._import_from_c(handle.address)
        assert [field.type for field in schema] == [pa.int64(), pa.string()]


def test_rows_stream_in(connection, unique):
    batches = [pa.record_batch({"n": pa.array(range(start, start + 1000))}) for start in range(0, 50_000, 1000)]
    source = pa.RecordBatchReader.from_batches(batches[0].schema, batches)
    stream = adbc.ArrowArrayStreamHandle()
    source._export_to_c(stream.address)
    with adbc.AdbcStatement(connection) as statement:
        statement.set_options(**{
            adbc.INGEST_OPTION_TARGET_TABLE if hasattr(adbc, "INGEST_OPTION_TARGET_TABLE")
            else "adbc.ingest.target_table": unique,
            "adbc.ingest.mode": "adbc.ingest.mode.create",
        })
        statement.bind_stream(stream)
        assert statement.execute_update() == 50_000
    assert run(connection, f"SELECT sum(n)::BIGINT AS s FROM {unique}").to_pydict() == {"s": [1_249_975_000]}


def test_transactions(connection, unique):
    update(connection, f"CREATE TABLE {unique}(n INTEGER)")
    connection.set_autocommit(False)
    update(connection, f"INSERT INTO {unique} VALUES (1)")
    connection.rollback()
    update(connection, f"INSERT INTO {unique} VALUES (2)")
    connection.commit()
    connection.set_autocommit(True)
    assert run(connection, f"SELECT n FROM {unique}").to_pydict() == {"n": [2]}


def test_session_options_have_types(connection):
    prefix = "adbc.flight.sql.session.option."
    connection.set_options(**{prefix + "TimeZone": "Asia/Tokyo"})
    assert connection.get_option(prefix + "TimeZone") == "Asia/Tokyo"
    assert run(connection, "SELECT current_setting('TimeZone') AS z").to_pydict() == {"z": ["Asia/Tokyo"]}


def test_an_unknown_session_option_is_refused(connection):
    with pytest.raises(adbc.Error):
        connection.set_options(**{"adbc.flight.sql.session.option.no_such_option": "1"})


def test_objects_by_depth(connection, unique):
    update(connection, f"CREATE TABLE {unique}(id INTEGER PRIMARY KEY, other INTEGER)")
    for depth in (adbc.GetObjectsDepth.CATALOGS, adbc.GetObjectsDepth.DB_SCHEMAS, adbc.GetObjectsDepth.TABLES):
        rows = reader(connection.get_objects(depth)).read_all().to_pylist()
        assert rows and all(row["catalog_name"] for row in rows)


def test_table_types(connection):
    rows = reader(connection.get_table_types()).read_all().to_pydict()
    assert "VIEW" in rows["table_type"]
