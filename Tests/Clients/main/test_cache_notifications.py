"""Changes that others make in PostgreSQL, heard by LISTEN: what the cache has is stale at once."""

import subprocess

import pytest
from support.postgres import Postgres
from support.raw import Raw
from support.server import Server, program
from test_cached_tables import served, until
from test_engine_behind import behind

NOTIFY = (
    "CREATE FUNCTION hyprstream_notify() RETURNS trigger LANGUAGE plpgsql AS "
    "$$ BEGIN PERFORM pg_notify('changes', TG_TABLE_SCHEMA || '.' || TG_TABLE_NAME); RETURN NULL; END $$"
)
TRIGGER = "CREATE TRIGGER notify AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON {} FOR EACH STATEMENT EXECUTE FUNCTION hyprstream_notify()"


@pytest.fixture(scope="module")
def postgres():
    with Postgres() as running:
        running.execute(NOTIFY)
        for name in ("one", "two"):
            running.execute(f"CREATE TABLE {name} (v bigint)", f"INSERT INTO {name} SELECT generate_series(1, 100)", TRIGGER.format(name))
        yield running


def options(postgres: Postgres) -> list[str]:
    made = behind(postgres, "--enable-cache")
    return [*made, "--engine-options", "notify_channel=changes"]


def test_notifications_make_results_and_copies_stale(postgres, tmp_path):
    with Server(tmp_path / "log", *options(postgres)) as front, Raw(front.url) as raw:
        raw.update("CACHE TABLE one")
        count, summed, other = "SELECT count(*) AS n FROM one", "SELECT sum(v) AS s FROM one", "SELECT max(v) FROM two"
        # The listener connects beside the start.
        until(lambda: [served(raw, sql) for sql in (count, summed, other)] == ["table", "hit", "hit"])
        postgres.execute("DELETE FROM one WHERE v > 50")
        until(lambda: raw.value(count) == 50)
        until(lambda: raw.value(summed) == "1275")
        until(lambda: served(raw, count) == "table")
        # Only what mentions the table is stale; its trigger is known to change nothing.
        assert served(raw, other) == "hit"
        raw.update("DELETE FROM one WHERE v > 40")
        assert raw.value(count) == 40
        assert served(raw, other) == "hit"


def test_what_was_missed_while_nobody_listened_is_stale(postgres, tmp_path):
    with Server(tmp_path / "log", *options(postgres)) as front, Raw(front.url) as raw:
        sql = "SELECT count(*) AS n FROM two"
        until(lambda: served(raw, sql) == "hit")
        until(lambda: postgres.rows("SELECT count(*) FROM pg_stat_activity WHERE query LIKE 'LISTEN%'")[0][0] == 1)
        before = raw.value(sql)
        postgres.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE 'LISTEN%'", "INSERT INTO two VALUES (1000)")
        until(lambda: raw.value(sql) == before + 1)


def test_a_channel_that_cannot_work_ends_the_start(tmp_path):
    command = [
        str(program()), "--port", "0", "--http-port", "0", "--ephemeral", "--engine", "adbc", "--engine-connection", f"sqlite://{tmp_path}/x.db",
        "--enable-cache", "--engine-options", "notify_channel=changes",
    ]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, cwd=tmp_path)
    assert done.returncode != 0
    assert "notify_channel" in done.stderr


def test_engines_that_are_made_listen_as_well(postgres, tmp_path):
    with Server(tmp_path / "log", "--enable-cache") as front, Raw(front.url) as raw:
        connection = postgres.uri().replace("'", "''")
        with pytest.raises(Exception, match="notify_channel"):
            raw.update(f"CREATE ENGINE wrong WITH (connection = 'sqlite://{tmp_path}/x.db', notify_channel = 'changes')")
        raw.update(f"CREATE ENGINE pg WITH (connection = '{connection}', notify_channel = 'changes')")
        raw.update("CACHE TABLE pg.public.two")
        version = lambda: raw.query("SHOW CACHE").to_pylist()[0]["version"]
        until(lambda: postgres.rows("SELECT count(*) FROM pg_stat_activity WHERE query LIKE 'LISTEN%'")[0][0] >= 1)
        before = version()
        postgres.execute("DELETE FROM two WHERE v = 3")
        until(lambda: version() > before)
        raw.update("DROP ENGINE pg")
        assert raw.query("SHOW CACHE").num_rows == 0
