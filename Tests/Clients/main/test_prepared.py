"""Prepared statements: schemas, binding, vectorised updates, survival."""

import pyarrow as pa
import pytest

from support import protocol
from support.wire import Wire, status


def test_a_query_says_what_it_takes_and_gives(raw, unique):
    raw.update(f"CREATE TABLE {unique}(id BIGINT, name VARCHAR)")
    prepared = raw.prepare(f"SELECT name, id FROM {unique} WHERE id > $1 AND name <> $2")
    assert prepared.is_update is False or prepared.is_update is None
    assert prepared.dataset_schema.names == ["name", "id"]
    assert [field.type for field in prepared.parameter_schema] == [pa.int64(), pa.string()]


def test_named_parameters_keep_their_names(raw):
    prepared = raw.prepare("SELECT $left::INTEGER - $right::INTEGER AS d")
    names = [name.lstrip("$") for name in prepared.parameter_schema.names]
    assert sorted(names) == ["left", "right"]
    prepared.bind(pa.table({name: pa.array([value], pa.int32()) for name, value in
                            zip(prepared.parameter_schema.names, [10 if n == "left" else 4 for n in names])}))
    assert prepared.query().to_pydict() == {"d": [6]}


@pytest.mark.parametrize("sql", ["CREATE TABLE {t}_x(n INTEGER)", "INSERT INTO {t} VALUES (?)", "DELETE FROM {t}", "DROP TABLE {t}"])
def test_an_update_says_that_it_is_one(raw, unique, sql):
    raw.update(f"CREATE TABLE {unique}(n INTEGER)")
    assert raw.prepare(sql.format(t=unique)).is_update is True


def test_preparing_does_not_run(raw, unique):
    raw.update(f"CREATE TABLE {unique}(n INTEGER)")
    raw.prepare(f"INSERT INTO {unique} VALUES (1)").close()
    assert raw.value(f"SELECT count(*) FROM {unique}") == 0


def test_many_rows_bound_to_a_query_give_the_union_of_the_results(raw):
    prepared = raw.prepare("SELECT ?::BIGINT + 1 AS n")
    prepared.bind(pa.table({"1": pa.array([1, 2, 3], pa.int64())}))
    assert sorted(prepared.query().column("n").to_pylist()) == [2, 3, 4]


def test_an_update_takes_all_rows_in_one_transaction(raw, unique):
    raw.update(f"CREATE TABLE {unique}(id BIGINT PRIMARY KEY, v DOUBLE)")
    prepared = raw.prepare(f"INSERT INTO {unique} VALUES (?, ?)")
    data = pa.table({"1": pa.array(range(20_000), pa.int64()), "2": pa.array([0.5] * 20_000)})
    assert prepared.update(data) == 20_000
    with pytest.raises(pa.ArrowException):
        prepared.update(pa.table({"1": pa.array([30_000, 5], pa.int64()), "2": pa.array([1.0, 1.0])}))
    assert raw.rows(f"SELECT count(*), sum(v) FROM {unique}") == [(20_000, 10_000.0)]


def test_update_and_delete_with_bound_rows(raw, unique):
    raw.update(f"CREATE TABLE {unique} AS SELECT i::BIGINT AS id, 0 AS v FROM range(10) t(i)")
    change = raw.prepare(f"UPDATE {unique} SET v = $2 WHERE id = $1")
    assert change.update(pa.table({"1": pa.array([1, 2], pa.int64()), "2": pa.array([10, 20], pa.int32())})) == 2
    remove = raw.prepare(f"DELETE FROM {unique} WHERE id = ?")
    assert remove.update(pa.table({"1": pa.array([7, 8, 9], pa.int64())})) == 3
    assert raw.rows(f"SELECT count(*), sum(v) FROM {unique}") == [(7, 30)]


def test_a_prepared_statement_is_run_many_times(raw):
    prepared = raw.prepare("SELECT ? || '!' AS s")
    for word in ("a", "b", "c"):
        prepared.bind(pa.table({"1": [word]}))
        assert prepared.query().to_pydict() == {"s": [word + "!"]}


def test_a_prepared_statement_survives_ddl(raw, unique):
    raw.update(f"CREATE TABLE {unique}(n INTEGER)")
    prepared = raw.prepare(f"SELECT * FROM {unique}")
    raw.update(f"INSERT INTO {unique} VALUES (1)")
    assert prepared.query().num_rows == 1
    raw.update(f"DROP TABLE {unique}")
    raw.update(f"CREATE TABLE {unique}(n INTEGER, m INTEGER)")
    assert prepared.query().schema.names == ["n", "m"]


def test_a_closed_handle_is_unknown(server, raw):
    prepared = raw.prepare("SELECT 1")
    prepared.close()
    with pytest.raises((KeyError, pa.ArrowKeyError)):
        prepared.query()


def test_closing_an_unknown_handle_is_harmless_or_not_found(server):
    with Wire(server.port) as wire:
        code, _ = status(lambda: wire.action("ClosePreparedStatement", protocol.close_prepared_statement(b"nothing")))
        assert code.name in ("OK", "NOT_FOUND")


def test_a_handle_belongs_to_its_session(server, raw):
    from support.raw import Raw

    prepared = raw.prepare("SELECT 1")
    with Raw(server.url) as other, pytest.raises((KeyError, pa.ArrowKeyError)):
        other.table(protocol.prepared_query(prepared.handle))


def test_handles_cannot_be_guessed(raw):
    handles = [raw.prepare("SELECT 1").handle for _ in range(16)]
    assert len(set(handles)) == 16
    assert all(len(handle) >= 16 for handle in handles)
    assert len({handle[:8] for handle in handles}) > 8


def test_parameters_of_the_wrong_type_are_refused(raw, unique):
    raw.update(f"CREATE TABLE {unique}(id BIGINT)")
    prepared = raw.prepare(f"INSERT INTO {unique} VALUES (?)")
    with pytest.raises(pa.ArrowInvalid):
        prepared.update(pa.table({"1": ["no number"]}))
    assert raw.value(f"SELECT count(*) FROM {unique}") == 0


def test_too_few_parameters_are_refused(raw):
    prepared = raw.prepare("SELECT ?::INTEGER + ?::INTEGER")
    with pytest.raises(pa.ArrowInvalid):
        prepared.bind(pa.table({"1": pa.array([1], pa.int32())}))
        prepared.query()


BOUND = {
    "integers": pa.array([1, None, -3], pa.int32()),
    "unsigned": pa.array([1, 2, 2**63], pa.uint64()),
    "doubles": pa.array([1.5, None, float("inf")]),
    "decimals": pa.array([None, 1, 2], pa.decimal128(20, 3)),
    "texts": pa.array(["a", None, "long text that does not fit inline"]),
    "large texts": pa.array(["a", None, "b" * 100], pa.large_string()),
    "text views": pa.array(["a", None, "b" * 100], pa.string_view()),
    "bytes": pa.array([b"\x00", None, b"\xff" * 20]),
    "dates": pa.array([0, None, 20000], pa.date32()),
    "times": pa.array([0, None, 1_000_000], pa.time64("us")),
    "timestamps in seconds": pa.array([0, None, 1_700_000_000], pa.timestamp("s")),
    "timestamps with a zone": pa.array([0, None, 1_700_000_000_000_000], pa.timestamp("us", "UTC")),
    "booleans": pa.array([True, None, False]),
    "dictionaries": pa.array(["x", None, "x"]).dictionary_encode(),
    "lists": pa.array([[1, 2], None, []], pa.list_(pa.int32())),
}


@pytest.mark.parametrize("kind", BOUND)
def test_bound_values_of_any_type_come_back(raw, kind):
    values = BOUND[kind]
    prepared = raw.prepare("SELECT ? AS v")
    prepared.bind(pa.table({"1": values}))
    got = prepared.query().column("v").to_pylist()
    assert sorted(map(repr, got)) == sorted(map(repr, values.to_pylist()))
