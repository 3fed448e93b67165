"""pandas and polars, reading and writing as their users do."""

import datetime

import adbc_driver_flightsql.dbapi as dbapi
import pandas as pd
import polars as pl
import pytest


@pytest.fixture
def connection(server):
    with dbapi.connect(server.url, autocommit=True) as connection:
        yield connection


@pytest.fixture
def people():
    return {"id": [1, 2, 3], "name": ["ann", "bob", None], "born": [datetime.date(1990, 1, 1)] * 3, "score": [1.5, None, 3.5]}


def test_pandas_reads(connection):
    frame = pd.read_sql("SELECT i, i * 0.5::DOUBLE AS half, 'x' || i AS name FROM range(1000) t(i) ORDER BY i", connection)
    assert list(frame.columns) == ["i", "half", "name"]
    assert frame.half.sum() == 249750 and frame.name.iloc[-1] == "x999"


def test_pandas_reads_with_arrow_types(connection):
    frame = pd.read_sql("SELECT 1::SMALLINT AS a, NULL::VARCHAR AS b", connection, dtype_backend="pyarrow")
    assert str(frame.dtypes["a"]) == "int16[pyarrow]"


def test_pandas_writes_replaces_and_appends(connection, unique, people):
    frame = pd.DataFrame(people)
    assert frame.to_sql(unique, connection, index=False) == 3
    with pytest.raises(ValueError):
        frame.to_sql(unique, connection, index=False)
    assert frame.to_sql(unique, connection, index=False, if_exists="append") == 3
    assert pd.read_sql(f"SELECT count(*) AS n FROM {unique}", connection).n[0] == 6
    assert frame.to_sql(unique, connection, index=False, if_exists="replace") == 3
    back = pd.read_sql_table(unique, connection)
    assert back.name.tolist()[:2] == ["ann", "bob"] and len(back) == 3


def test_polars_reads(connection):
    frame = pl.read_database("SELECT i, 'n' || i AS name FROM range(1000) t(i)", connection)
    assert frame.shape == (1000, 2) and frame["i"].sum() == 499500


def test_polars_reads_in_batches(connection):
    frames = list(pl.read_database("SELECT i FROM range(300000) t(i)", connection, iter_batches=True))
    assert len(frames) > 1 and sum(frame.height for frame in frames) == 300_000


def test_polars_reads_with_parameters(connection):
    frame = pl.read_database("SELECT ?::INTEGER + 1 AS n", connection, execute_options={"parameters": [41]})
    assert frame["n"].to_list() == [42]


def test_polars_writes(connection, unique, people):
    frame = pl.DataFrame(people)
    assert frame.write_database(unique, connection, engine="adbc") == 3
    assert frame.write_database(unique, connection, engine="adbc", if_table_exists="append") == 3
    back = pl.read_database(f"SELECT * FROM {unique} ORDER BY id", connection)
    assert back.height == 6 and back["born"].dtype == pl.Date
    assert frame.write_database(unique, connection, engine="adbc", if_table_exists="replace") == 3
    assert pl.read_database(f"SELECT count(*) AS n FROM {unique}", connection)["n"][0] == 3


def test_polars_keeps_its_types(connection, unique):
    frame = pl.DataFrame({
        "category": pl.Series(["a", "b", "a"], dtype=pl.Categorical),
        "list": [[1], [2, 3], []],
        "struct": [{"x": 1}, {"x": 2}, {"x": None}],
        "moment": pl.Series([datetime.datetime(2026, 1, 1, tzinfo=datetime.timezone.utc)] * 3),
        "length": pl.Series([datetime.timedelta(seconds=5)] * 3).dt.total_seconds(),
    })
    frame.write_database(unique, connection, engine="adbc")
    back = pl.read_database(f"SELECT * FROM {unique}", connection)
    assert back["category"].cast(pl.String).to_list() == ["a", "b", "a"]
    assert back["list"].to_list() == [[1], [2, 3], []]
    assert back["struct"].to_list() == [{"x": 1}, {"x": 2}, {"x": None}]
    assert back["moment"].to_list() == frame["moment"].to_list()
