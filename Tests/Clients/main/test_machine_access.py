"""Statements that would read or write the machine are refused, unless the operator allows folders."""

import sqlite3

import pyarrow as pa
import pytest

from support import protocol
from support.raw import Raw
from support.server import ROOT
from support.wire import Wire, status

REFUSED = [
    "SELECT * FROM read_csv('/etc/passwd')",
    "SELECT * FROM '/etc/passwd.csv'",
    "SELECT * FROM read_text('/etc/passwd')",
    "SELECT * FROM read_blob('/etc/passwd')",
    "SELECT * FROM read_parquet('/tmp/x.parquet')",
    "SELECT * FROM read_json('/tmp/x.json')",
    "SELECT * FROM glob('/etc/*')",
    "COPY (SELECT 1) TO '/tmp/hyprstream-should-not-exist.csv'",
    "COPY metrics FROM '/etc/passwd'",
    "ATTACH '/tmp/hyprstream-should-not-exist.db' AS stolen",
    "INSTALL httpfs",
    "LOAD httpfs",
    "EXPORT DATABASE '/tmp/hyprstream-should-not-exist'",
    "IMPORT DATABASE '/tmp/hyprstream-should-not-exist'",
    "SELECT getenv('HOME')",
    "SET enable_external_access = true",
    "SET memory_limit = '1TB'",
    "SET threads = 64",
    "PRAGMA memory_limit = '1TB'",
    "SELECT * FROM read_csv('https://example.com/x.csv')",
    "CREATE SECRET s (TYPE s3, KEY_ID 'a', SECRET 'b')",
    "SELECT * FROM (SELECT * FROM read_csv('/etc/passwd')) t",
    "CREATE VIEW harmless AS SELECT * FROM read_csv('/etc/passwd')",
    "WITH x AS (FROM read_text('/etc/hostname')) SELECT * FROM x",
    "SELECT * FROM query('SELECT * FROM read_csv(''/etc/passwd'')')",
    "SET home_directory = '/tmp'",
    "SET custom_extension_repository = 'http://example.com'",
]


@pytest.mark.parametrize("sql", REFUSED)
def test_what_touches_the_machine_is_refused_with_a_sentence(server, sql):
    with Wire(server.port) as wire:
        def run():
            return wire.get(wire.ticket(protocol.statement_query(sql)))

        code, text = status(run)
        assert code.name in ("PERMISSION_DENIED", "INVALID_ARGUMENT"), (code, text)
        assert len(text) > 10
        assert "root:" not in text
        code, text = status(lambda: list(wire.action("CreatePreparedStatement", protocol.create_prepared_statement(sql))))
        if code.name == "OK":
            # Some only show when they run.
            assert status(run)[0].name in ("PERMISSION_DENIED", "INVALID_ARGUMENT")


ALLOWED = [
    "SELECT 'read_csv(''/etc/passwd'')' AS text",
    "SELECT 1 AS glob",
    "SELECT 'x.csv' AS file",
    "SET TimeZone = 'UTC'",
    "SELECT current_setting('threads')",
    "PRAGMA table_info('metrics')",
    "EXPLAIN SELECT 1",
]


@pytest.mark.parametrize("sql", ALLOWED)
def test_what_only_looks_like_it_is_not(raw, sql):
    raw.query(sql)


def test_allowed_folders_can_be_read_and_written_and_no_others(start_server, tmp_path):
    folder, other = tmp_path / "open", tmp_path / "closed"
    folder.mkdir()
    other.mkdir()
    (folder / "in.csv").write_text("a,b\n1,x\n2,y\n")
    (other / "in.csv").write_text("a,b\n1,secret\n")
    server = start_server("--allowed-directories", str(folder))
    with Raw(server.url) as raw:
        assert raw.rows(f"SELECT a, b FROM read_csv('{folder}/in.csv') ORDER BY a") == [(1, "x"), (2, "y")]
        raw.update(f"COPY (SELECT 42 AS n) TO '{folder}/out.parquet'")
        assert raw.value(f"SELECT n FROM '{folder}/out.parquet'") == 42
        for sql in (
            f"SELECT * FROM read_csv('{other}/in.csv')",
            f"SELECT * FROM read_csv('{folder}/../closed/in.csv')",
            f"COPY (SELECT 1) TO '{other}/out.csv'",
        ):
            with pytest.raises((pa.ArrowException, OSError)):
                raw.query(sql)
    assert not (other / "out.csv").exists()


EXTENSIONS = sorted((ROOT / ".deps" / "extensions").glob("*/*/sqlite_scanner.duckdb_extension"))


@pytest.mark.skipif(not EXTENSIONS, reason="there are no extensions of DuckDB on this machine")
def test_extensions_that_the_operator_loads_reach_allowed_folders_only(start_server, tmp_path):
    folder, other = tmp_path / "open", tmp_path / "closed"
    for place in (folder, other):
        place.mkdir()
        database = sqlite3.connect(place / "kept.sqlite")
        database.execute("CREATE TABLE t (n INTEGER)")
        database.execute("INSERT INTO t VALUES (42)")
        database.commit()
        database.close()
    server = start_server("--allowed-directories", str(folder), "--load-extensions", "sqlite")
    with Raw(server.url) as raw:
        assert raw.value(f"SELECT n FROM sqlite_scan('{folder}/kept.sqlite', 't')") == 42
        raw.update(f"ATTACH '{folder}/kept.sqlite' AS kept (TYPE sqlite)")
        assert raw.value("SELECT n FROM kept.t") == 42
        scan = f"FROM sqlite_scan('{other}/kept.sqlite', 't')"
        doubled = scan.replace("'", "''")
        for sql in (
            scan,
            f"FROM sqlite_scan('{other}' || '/kept.sqlite', 't')",
            f"ATTACH '{other}/kept.sqlite' AS stolen (TYPE sqlite)",
            "CREATE MACRO any_file(path) AS TABLE FROM sqlite_scan(path, 't')",
            f"FROM query('FROM sqlite_' || '{doubled[12:]}')",
            f"FROM json_execute_serialized_sql(json_serialize_sql('{doubled}'))",
            "LOAD httpfs",
        ):
            with pytest.raises((pa.ArrowException, OSError)):
                raw.query(sql)


def test_an_extension_that_is_missing_is_named(start_server):
    with pytest.raises(RuntimeError, match="no_such_extension"):
        start_server("--load-extensions", "no_such_extension")
