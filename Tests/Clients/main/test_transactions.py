"""Transactions by handle: isolation, several at once, endings, idle ones, lost connections."""

import time

import pyarrow as pa
import pytest

from support import protocol
from support.raw import Raw
from support.wire import Wire, status


@pytest.fixture
def table(raw, unique):
    raw.update(f"CREATE TABLE {unique}(n INTEGER)")
    return unique


def count(client, table, transaction=None):
    return client.value(f"SELECT count(*) FROM {table}", transaction)


def test_changes_are_seen_inside_only_until_they_are_committed(server, raw, table):
    transaction = raw.begin()
    raw.update(f"INSERT INTO {table} VALUES (1)", transaction)
    assert count(raw, table, transaction) == 1
    assert count(raw, table) == 0
    raw.commit(transaction)
    assert count(raw, table) == 1


def test_rollback_undoes_ddl_too(raw, unique):
    transaction = raw.begin()
    raw.update(f"CREATE TABLE {unique}(n INTEGER)", transaction)
    raw.update(f"INSERT INTO {unique} VALUES (1)", transaction)
    raw.rollback(transaction)
    with pytest.raises(pa.ArrowInvalid):
        raw.query(f"SELECT * FROM {unique}")


def test_one_client_has_several_transactions(raw, table):
    first, second = raw.begin(), raw.begin()
    assert first != second
    raw.update(f"INSERT INTO {table} VALUES (1)", first)
    raw.update(f"INSERT INTO {table} VALUES (2)", second)
    assert count(raw, table, first) == 1
    assert count(raw, table, second) == 1
    raw.commit(first)
    raw.rollback(second)
    assert raw.rows(f"SELECT n FROM {table}") == [(1,)]


def test_before_the_first_write_each_statement_has_its_own_snapshot(raw, table):
    transaction = raw.begin()
    assert count(raw, table, transaction) == 0
    raw.update(f"INSERT INTO {table} VALUES (1)")
    assert count(raw, table, transaction) == 1
    earlier = raw.value("SELECT now()", transaction)
    assert raw.value("SELECT now()", transaction) > earlier
    raw.commit(transaction)


def test_a_conflict_is_aborted(server, raw, table):
    raw.update(f"INSERT INTO {table} VALUES (1)")
    first, second = raw.begin(), raw.begin()
    raw.update(f"UPDATE {table} SET n = 2", first)
    with pytest.raises(pa.ArrowException, match="onflict"):
        raw.update(f"UPDATE {table} SET n = 3", second)
        raw.commit(second)
    raw.commit(first)
    assert raw.rows(f"SELECT n FROM {table}") == [(2,)]


def test_results_stay_open_while_the_transaction_writes(raw, table):
    raw.update(f"INSERT INTO {table} SELECT * FROM range(200000)")
    transaction = raw.begin()
    raw.update(f"INSERT INTO {table} VALUES (-1)", transaction)
    reader = raw.reader(protocol.statement_query(f"SELECT n FROM {table}", transaction))
    rows = reader.read_chunk().data.num_rows
    raw.update(f"DELETE FROM {table}", transaction)
    assert count(raw, table, transaction) == 0
    for chunk in reader:
        rows += chunk.data.num_rows
    assert rows == 200_001
    raw.rollback(transaction)


def test_an_unknown_transaction_is_not_found(server):
    with Wire(server.port) as wire:
        code, text = status(lambda: wire.info(protocol.statement_query("SELECT 1", b"no such handle")))
        assert code.name == "NOT_FOUND" and text
        code, _ = status(lambda: wire.action("EndTransaction", protocol.end_transaction(b"none", protocol.COMMIT)))
        assert code.name == "NOT_FOUND"


def test_a_transaction_ends_once(raw, table):
    transaction = raw.begin()
    raw.commit(transaction)
    with pytest.raises(pa.ArrowException):
        raw.update(f"INSERT INTO {table} VALUES (1)", transaction)


def test_an_action_that_is_neither_commit_nor_rollback_is_invalid(server, raw):
    transaction = raw.begin()
    with pytest.raises(pa.ArrowInvalid):
        raw.action("EndTransaction", protocol.end_transaction(transaction, 7))
    raw.rollback(transaction)


def test_a_lost_connection_rolls_back(server, raw, table):
    with Raw(server.url) as other:
        transaction = other.begin()
        other.update(f"INSERT INTO {table} VALUES (1)", transaction)
    raw.update(f"UPDATE {table} SET n = 1")
    assert count(raw, table) == 0


def test_an_idle_transaction_that_has_written_is_rolled_back(start_server):
    server = start_server("--transaction-idle-timeout", "300ms")
    with Raw(server.url) as raw, Raw(server.url) as other:
        raw.update("CREATE TABLE t AS SELECT 0 AS n")
        reading, writing = raw.begin(), raw.begin()
        raw.update("UPDATE t SET n = 1", writing)
        # The row is locked until the idle transaction is gone.
        assert repeat_until(lambda: succeeds(lambda: other.update("UPDATE t SET n = 2")))
        with pytest.raises((pa.ArrowException, KeyError)):
            raw.update("UPDATE t SET n = 3", writing)
        assert raw.rows("SELECT n FROM t", reading) == [(2,)]


def repeat_until(condition, seconds=30):
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if condition():
            return True
    return False


def succeeds(call) -> bool:
    try:
        call()
    except pa.ArrowException:
        return False
    return True


def test_sql_begin_and_commit_belong_to_the_session(server, raw, table):
    with Raw(server.url) as other:
        raw.update("BEGIN")
        raw.update(f"INSERT INTO {table} VALUES (1)")
        assert count(raw, table) == 1
        assert count(other, table) == 0
        raw.update("COMMIT")
        assert count(other, table) == 1


def test_begin_inside_a_transaction_and_rollback_without_one_do_no_harm(raw, table):
    transaction = raw.begin()
    raw.update("BEGIN", transaction)
    raw.update(f"INSERT INTO {table} VALUES (1)", transaction)
    raw.update("COMMIT", transaction)
    raw.update("ROLLBACK")
    assert count(raw, table) == 1


def test_a_failed_statement_is_told_and_the_rest_can_be_rolled_back(raw, table):
    transaction = raw.begin()
    raw.update(f"INSERT INTO {table} VALUES (1)", transaction)
    with pytest.raises(pa.ArrowInvalid):
        raw.query("SELECT * FROM nowhere_at_all", transaction)
    raw.rollback(transaction)
    assert count(raw, table) == 0
