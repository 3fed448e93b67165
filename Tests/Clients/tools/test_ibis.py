"""ibis through ibis-gizmosql."""

import ibis
import pandas as pd
import pytest


@pytest.fixture
def backend(server):
    host, port = server.url.removeprefix("grpc://").split(":")
    backend = ibis.gizmosql.connect(host=host, port=int(port), user="someone", password="secret")
    yield backend
    backend.disconnect()


def test_a_table_is_made_read_and_dropped(backend, unique):
    frame = pd.DataFrame({"city": ["a", "b", "a"], "n": [1, 2, 3]})
    backend.create_table(unique, frame)
    assert unique in backend.list_tables()
    table = backend.table(unique)
    assert table.columns == ("city", "n")
    assert table.count().execute() == 3
    backend.drop_table(unique)
    assert unique not in backend.list_tables()


def test_expressions(backend, unique):
    backend.create_table(unique, pd.DataFrame({"city": ["a", "b", "a"], "n": [1, 2, 3]}))
    table = backend.table(unique)
    result = table.group_by("city").aggregate(total=table.n.sum(), rows=table.count()).order_by("city").execute()
    assert result.values.tolist() == [["a", 4, 2], ["b", 2, 1]]
    joined = table.join(table.view(), "city").count().execute()
    assert joined == 5
    window = table.mutate(rank=ibis.row_number().over(order_by=table.n)).execute()
    assert sorted(window["rank"]) == [0, 1, 2]


def test_memory_tables_and_views(backend, unique):
    memory = ibis.memtable({"x": [1, 2, 3]})
    assert backend.execute(memory.x.sum()) == 6
    backend.raw_sql(f"CREATE VIEW {unique} AS SELECT 1 AS one").close()
    assert backend.table(unique).one.execute().tolist() == [1]


def test_catalogs_and_databases(backend):
    assert backend.current_catalog in backend.list_catalogs()
    assert "main" in backend.list_databases()
    assert backend.current_database == "main"


def test_arrow_results(backend):
    table = backend.sql("SELECT i, i * 0.5 AS half FROM range(1000) t(i)")
    assert backend.to_pyarrow(table).num_rows == 1000
    assert sum(batch.num_rows for batch in backend.to_pyarrow_batches(table)) == 1000


def test_inserting_and_truncating(backend, unique):
    backend.create_table(unique, schema=ibis.schema({"a": "int64", "b": "string"}))
    backend.insert(unique, pd.DataFrame({"a": [1, 2], "b": ["x", "y"]}))
    assert backend.table(unique).count().execute() == 2
    backend.truncate_table(unique)
    assert backend.table(unique).count().execute() == 0
