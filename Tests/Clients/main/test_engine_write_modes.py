"""Changes that are acknowledged before the database behind has them, and the modes beside: what arrives, in which order, how often."""

import json
import threading
import time
import urllib.request

import adbc_driver_flightsql.dbapi as dbapi
import pyarrow as pa
import pyarrow.flight as flight
import pytest
from support.postgres import Postgres, free_port
from support.protocol import statement_query
from support.raw import Raw
from support.server import Server
from test_engine_behind import DRIVER, behind

ERRORS = (flight.FlightError, pa.ArrowException)
POOL = "pool_max=8&pool_breaker_max_delay=1"


@pytest.fixture(scope="module")
def postgres():
    with Postgres("max_connections=60") as running:
        yield running


@pytest.fixture(scope="module")
def front(postgres, tmp_path_factory):
    folder = tmp_path_factory.mktemp("front")
    options = behind(postgres, "--enable-cache", "--engine-write", "behind", options=POOL)
    with Server(folder / "log", *options, data_dir=folder / "data") as running:
        yield running


@pytest.fixture
def raw(front):
    with Raw(front.url) as client:
        yield client


@pytest.fixture
def table(postgres, unique):
    postgres.execute(f"CREATE TABLE {unique} (id bigint PRIMARY KEY, v bigint, arrival bigserial)")
    yield unique
    postgres.execute(f"DROP TABLE IF EXISTS {unique} CASCADE")


def engine(raw: Raw) -> dict:
    return next(row for row in raw.query("SHOW ENGINES").to_pylist() if row["kind"] == "adbc")


def until(condition, seconds: float = 60) -> None:
    """Asks again until it is so, or fails."""
    end = time.monotonic() + seconds
    while True:
        try:
            if condition():
                return
        except ERRORS:
            pass
        if time.monotonic() > end:
            pytest.fail("it does not come to be")
        threading.Event().wait(0.05)


def drained(raw: Raw) -> bool:
    return engine(raw)["outbox_rows"] == 0


def read(raw: Raw, sql: str) -> tuple[list[tuple], dict]:
    """The rows of a statement, and what is said of them."""
    info = raw.info(statement_query(sql))
    table = raw.client.do_get(info.endpoints[0].ticket, raw.options).read_all()
    return list(zip(*(column.to_pylist() for column in table.columns))), json.loads(info.app_metadata or b"{}")


def loaded(start: int, count: int) -> pa.Table:
    return pa.table({"id": pa.array(range(start, start + count), pa.int64()), "v": pa.array([0] * count, pa.int64())})


def test_what_is_acknowledged_arrives_in_order(raw, front, postgres, table):
    assert raw.update(f"INSERT INTO {table} (id, v) VALUES (0, 0)") == -1
    assert raw.ingest(table, loaded(1, 9), mode="append") == 9
    for i in range(10, 40, 10):
        assert raw.ingest(table, loaded(i, 5), mode="append") == 5
        raw.update(f"INSERT INTO {table} (id, v) SELECT i, 0 FROM generate_series({i + 5}, {i + 9}) i")
    raw.update(f"UPDATE {table} SET v = v + 1")
    raw.ingest(table, loaded(40, 10), mode="append")
    prepared = raw.prepare(f"INSERT INTO {table} (id, v) VALUES ($1, $2)")
    prepared.update(pa.table({"1": pa.array(range(50, 60), pa.int64()), "2": pa.array([7] * 10, pa.int64())}))
    with dbapi.connect(front.url, autocommit=True) as connection, connection.cursor() as cursor:
        cursor.execute(f"DELETE FROM {table} WHERE id = ?", (59,))
    # A read sees all of it, wherever it is just now.
    assert raw.value(f"SELECT count(*) FROM {table}") == 59
    rows = postgres.rows(f"SELECT id, v FROM {table} ORDER BY arrival")
    assert rows == [(i, 1) for i in range(40)] + [(i, 0) for i in range(40, 50)] + [(i, 7) for i in range(50, 59)]
    shown = engine(raw)
    assert shown["write"] == "behind" and shown["outbox_rows"] == shown["outbox_bytes"] == shown["lag_ms"] == 0


def test_reads_see_what_was_acknowledged(raw, table, front):
    with Raw(front.url) as other:
        for i in range(200):
            raw.update(f"INSERT INTO {table} (id, v) VALUES ({i}, 0)")
            # Another session, through the cache, sees it as well.
            reader = other if i % 2 else raw
            assert reader.value(f"SELECT count(*) FROM {table}") == i + 1


def test_rows_that_many_send_at_once_are_all_there_once(front, postgres, table):
    def send(number: int) -> None:
        with Raw(front.url) as client:
            for i in range(25):
                if i % 2:
                    client.ingest(table, loaded(number * 1000 + i * 10, 10), mode="append")
                else:
                    client.update(f"INSERT INTO {table} (id, v) VALUES ({number * 1000 + i * 10}, 1)")

    threads = [threading.Thread(target=send, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with Raw(front.url) as client:
        assert client.value(f"SELECT count(*) FROM {table}") == 8 * (13 + 120)
        for number in range(8):
            ids = [row[0] for row in postgres.rows(f"SELECT id FROM {table} WHERE id / 1000 = {number} ORDER BY arrival")]
            assert ids == sorted(ids)


def test_a_change_that_is_refused_holds_nothing_up_and_can_be_found(raw, postgres, table):
    before = engine(raw)["rejected"]
    raw.ingest(table, loaded(0, 5), mode="append")
    raw.ingest(table, loaded(3, 5), mode="append")
    raw.ingest(table, loaded(8, 5), mode="append")
    raw.update(f"INSERT INTO {table} (id, v) VALUES (0, 1)")
    raw.update(f"INSERT INTO {table}_nowhere VALUES (1)")
    raw.update(f"UPDATE {table} SET v = 5 WHERE id = 8")
    assert raw.rows(f"SELECT id, v FROM {table} ORDER BY id") == [(i, 5 if i == 8 else 0) for i in [0, 1, 2, 3, 4, 8, 9, 10, 11, 12]]
    found = raw.query("SELECT * FROM hyprstream_outbox_rejected").to_pylist()
    found = [row for row in found if table in (row["statement"] or "") or row["table_name"] == table]
    assert [(row["table_name"], row["statement"]) for row in found] == [
        (table, None), (None, f"INSERT INTO {table} (id, v) VALUES (0, 1)"), (None, f"INSERT INTO {table}_nowhere VALUES (1)")
    ]
    assert [row["id"] for row in json.loads(found[0]["rows"])] == [3, 4, 5, 6, 7]
    assert "duplicate key" in found[0]["error"] and "does not exist" in found[2]["error"]
    assert engine(raw)["rejected"] == before + 3


def test_a_load_with_a_key_is_stored_once_in_whatever_mode(raw, postgres, table):
    def load(sequence: int, mode: str, count: int = 10) -> int:
        options = {"producer": f"p {table}", "sequence": str(sequence), "write": mode}
        return raw.ingest(table, loaded(sequence * 100, count), mode="append", options=options)

    assert load(1, "behind") == load(1, "behind") == 10
    assert load(1, "through") == 10
    assert load(2, "through") == 10
    assert load(2, "behind") == 10
    assert raw.value(f"SELECT count(*) FROM {table}") == 20
    with pytest.raises(ERRORS, match="through, behind or around"):
        load(3, "sideways")
    assert postgres.rows(f"SELECT sequence, row_count FROM hyprstream_applied WHERE producer = 'p {table}' ORDER BY 1") == [(1, 10), (2, 10)]


def test_what_goes_through_keeps_its_place(raw, postgres, table):
    for i in range(20):
        raw.update(f"INSERT INTO {table} (id, v) VALUES ({i}, 0)")
    # It answers rows, so it is done when it answers, and after what was acknowledged before.
    assert raw.rows(f"UPDATE {table} SET v = 1 RETURNING id") != []
    raw.update(f"INSERT INTO {table} (id, v) VALUES (20, 0)")
    raw.update(f"ALTER TABLE {table} ADD COLUMN w bigint DEFAULT 3")
    raw.update(f"UPDATE {table} SET w = 4 WHERE id = 20")
    transaction = raw.begin()
    raw.update(f"DELETE FROM {table} WHERE id < 10", transaction)
    assert raw.value(f"SELECT count(*) FROM {table}", transaction) == 11
    assert raw.value(f"SELECT count(*) FROM {table}") == 21
    raw.commit(transaction)
    assert raw.rows(f"SELECT count(*), sum(v)::bigint, sum(w)::bigint FROM {table}") == [(11, 10, 34)]
    raw.update(f"INSERT INTO {table} (id, v) VALUES (100, 0)")
    raw.update(f"DROP TABLE {table}")
    with pytest.raises(ERRORS, match="does not exist"):
        raw.value(f"SELECT count(*) FROM {table}")
    raw.ingest(table, loaded(0, 3), mode="create")
    with pytest.raises(ERRORS, match="exist"):
        raw.ingest(table, loaded(0, 3), mode="create")
    raw.ingest(table, loaded(3, 3), mode="create_append")
    assert raw.value(f"SELECT count(*) FROM {table}") == 6


def test_the_mode_of_a_session_is_its_own(front, postgres, table):
    with Raw(front.url) as client:
        client.update("SET write = 'through'")
        assert client.update(f"INSERT INTO {table} (id, v) VALUES (1, 0), (2, 0)") == 2
        client.update("SET write TO around")
        assert client.update(f"INSERT INTO {table} (id, v) VALUES (3, 0)") == 1
        client.update("RESET write")
        assert client.update(f"INSERT INTO {table} (id, v) VALUES (4, 0)") == -1
        with pytest.raises(ERRORS, match="write cannot be set"):
            client.update("SET write = 'sideways'")
        assert client.value(f"SELECT count(*) FROM {table}") == 4


def test_the_mode_is_an_option_of_sessions_too(front, table):
    prefix = "adbc.flight.sql.session.option."
    with dbapi.connect(front.url, autocommit=True) as connection, connection.cursor() as cursor:
        connection.adbc_connection.set_options(**{prefix + "write": "through", prefix + "max_staleness": "5s"})
        assert connection.adbc_connection.get_option(prefix + "write") == "through"
        cursor.execute(f"INSERT INTO {table} (id, v) VALUES (1, 0), (2, 0)")
        assert cursor.rowcount == 2
        with pytest.raises(dbapi.Error):
            connection.adbc_connection.set_options(**{prefix + "write": "sideways"})


def test_copies_of_tables_have_what_was_acknowledged(raw, postgres, table):
    raw.update(f"CACHE TABLE {table}")
    try:
        count = f"SELECT count(*) FROM {table}"
        for i in range(30):
            raw.update(f"INSERT INTO {table} (id, v) VALUES ({i}, 0)")
            if i % 3 == 0:
                assert raw.value(count) == i + 1
        until(lambda: read(raw, count)[1]["cache"] != "miss")
        assert raw.value(count) == 30
        raw.ingest(table, loaded(30, 10), mode="append", options={"write": "around"})
        assert raw.value(count) == 40
    finally:
        raw.update(f"UNCACHE TABLE IF EXISTS {table}")


@pytest.fixture
def own(tmp_path):
    """A database and the options of a server in front of it, for tests that stop either."""
    with Postgres() as postgres:
        postgres.execute("CREATE TABLE t (id bigint PRIMARY KEY, v bigint, arrival bigserial)")
        yield postgres, behind(postgres, "--enable-cache", "--engine-write", "behind", options=POOL), tmp_path


def test_changes_go_on_while_the_database_is_away(own):
    postgres, options, folder = own
    with Server(folder / "log", *options, data_dir=folder / "data") as front, Raw(front.url) as raw:
        raw.update("INSERT INTO t (id, v) VALUES (0, 0)")
        count = "SELECT count(*) FROM t"
        assert read(raw, count) == ([(1,)], {"cache": "miss"})
        assert read(raw, count)[1]["cache"] == "hit" and "stale" not in read(raw, count)[1]
        with dbapi.connect(front.url, autocommit=True) as connection, connection.cursor() as cursor:
            cursor.execute("SELECT v FROM t WHERE id = ?", (0,))
            assert cursor.fetchall() == [(0,)]
        postgres.stop()
        for i in range(1, 101):
            raw.update(f"INSERT INTO t (id, v) VALUES ({i}, 0)")
        assert raw.ingest("t", loaded(101, 50), mode="append") == 50
        with dbapi.connect(front.url, autocommit=True) as connection, connection.cursor() as cursor:
            cursor.execute("INSERT INTO t (id, v) VALUES (?, ?)", (151, 0))
            cursor.executemany("INSERT INTO t (id, v) VALUES (?, ?)", [(152, 0), (153, 0)])
            # A statement that was prepared before can be prepared now, as its result is there.
            cursor.execute("SELECT v FROM t WHERE id = ?", (0,))
            assert cursor.fetchall() == [(0,)]
        until(lambda: engine(raw)["state"] != "ready")
        shown = engine(raw)
        assert shown["outbox_rows"] >= 154 and shown["outbox_bytes"] > 0 and shown["lag_ms"] > 0
        # What the cache has is served and marked; what it has not is refused.
        for _ in range(3):
            rows, said = read(raw, count)
            assert rows == [(1,)] and said["cache"] == "hit" and said["stale"] is True and said["lag_ms"] > 0, said
        with pytest.raises(ERRORS, match="cannot be reached") as caught:
            raw.value("SELECT max(id) FROM t")
        assert isinstance(caught.value, flight.FlightUnavailableError)
        # What cannot go behind is refused too, and nothing of it is done later.
        with pytest.raises(ERRORS, match="wait in the outbox"):
            raw.update("ALTER TABLE t ADD COLUMN w bigint")
        postgres.start()
        until(lambda: read(raw, count)[0] == [(154,)])
        rows, said = read(raw, count)
        assert rows == [(154,)] and "stale" not in said
        assert [row[0] for row in postgres.rows("SELECT id FROM t ORDER BY arrival")] == list(range(154))
        assert engine(raw)["state"] == "ready"


def test_a_session_may_read_what_is_a_little_old(own):
    postgres, options, folder = own
    with Server(folder / "log", *options, data_dir=folder / "data") as front, Raw(front.url) as raw, Raw(front.url) as other:
        raw.update("INSERT INTO t (id, v) VALUES (1, 0)")
        assert raw.value("SELECT count(*) FROM t") == 1
        raw.update("SET max_staleness = '10m'")
        # Somebody keeps the table, so that the pusher cannot get on.
        with postgres.connect() as connection, connection.cursor() as cursor:
            connection.adbc_connection.set_autocommit(False)
            cursor.execute("LOCK TABLE t IN EXCLUSIVE MODE")
            raw.update("INSERT INTO t (id, v) VALUES (2, 0)")
            rows, said = read(raw, "SELECT sum(id)::bigint FROM t")
            assert rows == [(1,)] and said["stale"] is True and said["lag_ms"] >= 0
            # One that may miss nothing waits.
            answers = []
            reader = threading.Thread(target=lambda: answers.append(other.value("SELECT sum(id)::bigint FROM t")))
            reader.start()
            assert read(raw, "SELECT sum(id)::bigint FROM t")[0] == [(1,)]
            assert answers == []
            connection.rollback()
            connection.adbc_connection.set_autocommit(True)
        reader.join(60)
        assert answers == [3]
        until(lambda: drained(raw))
        assert read(raw, "SELECT sum(id)::bigint FROM t") == ([(3,)], {"cache": "hit", "age_ms": pytest.approx(0, abs=600_000)})


def test_a_killed_server_loses_nothing_and_doubles_nothing(own):
    postgres, options, folder = own
    acknowledged = 0
    for life in range(6):
        if life == 4:
            postgres.stop()
        front = Server(folder / "log", *options, data_dir=folder / "data")
        with Raw(front.url) as raw:
            if life in (0, 2):
                postgres.stop()
            for _ in range(60):
                if acknowledged % 3 == 0:
                    raw.ingest("t", loaded(acknowledged, 1), mode="append", options={"producer": "p", "sequence": str(acknowledged)})
                else:
                    raw.update(f"INSERT INTO t (id, v) VALUES ({acknowledged}, 0)")
                acknowledged += 1
            front.kill()
        if life % 2 == 0:
            postgres.start()
    with Server(folder / "log", *options, data_dir=folder / "data") as front, Raw(front.url) as raw:
        until(lambda: raw.value("SELECT count(*) FROM t") == acknowledged)
        assert [row[0] for row in postgres.rows("SELECT id FROM t ORDER BY arrival")] == list(range(acknowledged))
        until(lambda: drained(raw))
        assert raw.query("SELECT * FROM hyprstream_outbox_rejected").num_rows == 0
        # A key from before the kills is known.
        raw.ingest("t", loaded(3, 1), mode="append", options={"producer": "p", "sequence": "3"})
        assert raw.value("SELECT count(*) FROM t") == acknowledged
        assert raw.query("SELECT * FROM hyprstream_outbox_rejected").num_rows == 0


def test_a_push_whose_answer_was_lost_is_found_to_be_there(own):
    """What a killed server had sent may still be on its way to be committed when the next one begins to push."""
    postgres, options, folder = own
    with Server(folder / "log", *options, data_dir=folder / "data") as front, Raw(front.url) as raw:
        raw.update("INSERT INTO t (id, v) VALUES (1, 0)")
        until(lambda: drained(raw))
        with postgres.connect() as connection, connection.cursor() as cursor:
            connection.adbc_connection.set_autocommit(False)
            # The same as the pusher will do: one change, which is one row of the log.
            cursor.execute("UPDATE hyprstream_applied SET sequence = sequence + 1 WHERE producer LIKE 'hyprstream-outbox/%'")
            cursor.execute("UPDATE t SET v = v + 1")
            raw.update("UPDATE t SET v = v + 1")
            until(lambda: postgres.rows("SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'") == [(1,)])
            connection.commit()
            connection.adbc_connection.set_autocommit(True)
        assert raw.rows("SELECT id, v FROM t") == [(1, 1)]
        raw.update("UPDATE t SET v = v + 10")
        assert raw.rows("SELECT id, v FROM t") == [(1, 11)]
        assert raw.query("SELECT * FROM hyprstream_outbox_rejected").num_rows == 0


def test_more_than_the_limit_is_refused(own):
    postgres, options, folder = own
    http = free_port()
    options += ["--engine-outbox-max-bytes", "2MiB", "--http-port", str(http)]

    def figures() -> dict[str, float]:
        with urllib.request.urlopen(f"http://127.0.0.1:{http}/metrics", timeout=10) as answer:
            lines = [line.rsplit(" ", 1) for line in answer.read().decode().splitlines() if line.startswith("hyprstream_outbox")]
        return {name.removeprefix("hyprstream_outbox_").split("{")[0]: float(value) for name, value in lines}

    with Server(folder / "log", *options, data_dir=folder / "data") as front, Raw(front.url) as raw:
        postgres.stop()
        accepted = 0
        with pytest.raises(ERRORS, match="outbox_max_bytes") as caught:
            for _ in range(100):
                raw.ingest("t", loaded(accepted, 10_000), mode="append")
                accepted += 10_000
        # pyarrow has no class of its own for RESOURCE_EXHAUSTED.
        assert "2097152" in str(caught.value)
        assert 0 < accepted <= 140_000
        until(lambda: figures()["bytes"] > 1_000_000 and figures()["rows"] > accepted and figures()["lag_seconds"] > 0)
        # A load that would not fit at all has to go to the database, which is not there.
        with pytest.raises(ERRORS, match="cannot be reached"):
            raw.ingest("t", loaded(10_000_000, 500_000), mode="append")
        postgres.start()
        until(lambda: drained(raw))
        raw.ingest("t", loaded(accepted, 10_000), mode="append")
        assert raw.value("SELECT count(*) FROM t") == accepted + 10_000
        # With the database there, it comes through.
        assert raw.ingest("t", loaded(10_000_000, 500_000), mode="append") == 500_000
        assert postgres.rows("SELECT count(*) FROM t") == [(accepted + 510_000,)]
        until(lambda: figures()["bytes"] == 0 and figures()["applied_total"] == accepted // 10_000 + 1)
        assert figures()["rejected_total"] == 0


@pytest.mark.parametrize("mode", ["through", "around"])
def test_without_the_database_a_change_is_refused_and_reads_are_marked(tmp_path, mode):
    with Postgres() as postgres:
        postgres.execute("CREATE TABLE t (id bigint PRIMARY KEY, v bigint)", "INSERT INTO t VALUES (1, 1)")
        options = behind(postgres, "--enable-cache", "--engine-write", mode, options=POOL)
        with Server(tmp_path / "log", *options) as front, Raw(front.url) as raw:
            for sql in ["SELECT count(*) FROM t", "SELECT sum(v)::bigint FROM t"]:
                assert read(raw, sql)[0] == [(1,)] and read(raw, sql)[1]["cache"] == "hit"
            postgres.stop()
            for attempt in [
                lambda: raw.update("INSERT INTO t VALUES (2, 2)"),
                lambda: raw.ingest("t", loaded(3, 10), mode="append"),
                lambda: raw.ingest("t", loaded(3, 10), mode="append", options={"producer": "p", "sequence": "1"}),
            ]:
                with pytest.raises(ERRORS, match="reached|closed|terminat|connection") as caught:
                    attempt()
                assert isinstance(caught.value, flight.FlightUnavailableError)
            for sql in ["SELECT count(*) FROM t", "SELECT sum(v)::bigint FROM t"] * 2:
                rows, said = read(raw, sql)
                assert rows == [(1,)] and said["cache"] == "hit" and said["stale"] is True and "lag_ms" not in said
            with pytest.raises(ERRORS, match="reached"):
                raw.value("SELECT max(v) FROM t")
            postgres.start()
            until(lambda: raw.value("SELECT max(v) FROM t") == 1)
            assert read(raw, "SELECT count(*) FROM t")[0] == [(1,)]
            assert "stale" not in read(raw, "SELECT count(*) FROM t")[1]
            assert raw.update("INSERT INTO t VALUES (2, 2)") == 1
            assert read(raw, "SELECT count(*) FROM t") == ([(2,)], {"cache": "miss"})
            assert postgres.rows("SELECT * FROM t ORDER BY id") == [(1, 1), (2, 2)]


def test_marks_go_when_the_database_is_back_although_nobody_asks_it(tmp_path):
    with Postgres() as postgres:
        postgres.execute("CREATE TABLE t (id bigint PRIMARY KEY, v bigint)")
        with Server(tmp_path / "log", *behind(postgres, "--enable-cache", options=POOL)) as front, Raw(front.url) as raw:
            count = "SELECT count(*) FROM t"
            assert read(raw, count)[0] == [(0,)]
            postgres.stop()
            with pytest.raises(ERRORS):
                raw.value("SELECT max(v) FROM t")
            rows, said = read(raw, count)
            assert rows == [(0,)] and said["cache"] == "hit" and said["stale"] is True
            postgres.start()
            until(lambda: "stale" not in read(raw, count)[1], seconds=20)
            assert read(raw, count)[1]["cache"] == "hit"


def test_nothing_goes_behind_where_nothing_is_kept(postgres, tmp_path):
    with pytest.raises(RuntimeError, match="data-dir"):
        Server(tmp_path / "log", *behind(postgres, "--engine-write", "behind"))
    with Server(tmp_path / "log", *behind(postgres)) as front, Raw(front.url) as raw:
        with pytest.raises(ERRORS, match="keeps nothing"):
            raw.update("SET write = 'behind'")


@pytest.mark.parametrize("kind", ["sqlite", "duckdb", "hyprstream"])
def test_other_databases_are_written_behind_too(kind, tmp_path, request):
    if kind == "hyprstream":
        peer = Server(tmp_path / "peer")
        request.addfinalizer(peer.stop)
        connection = peer.url
    else:
        connection = f"{kind}:///{tmp_path}/data.{kind}"
    options = ["--engine", "adbc", "--engine-connection", connection, "--enable-cache", "--engine-write", "behind"]
    for life in range(3):
        front = Server(tmp_path / "log", *options, data_dir=tmp_path / "data")
        with Raw(front.url) as raw:
            if life == 0:
                raw.update("CREATE TABLE t (id BIGINT PRIMARY KEY, v BIGINT)")
            for i in range(life * 100, life * 100 + 50):
                raw.update(f"INSERT INTO t VALUES ({i}, 0)")
            raw.ingest("t", loaded(life * 100 + 50, 50), mode="append", options={"producer": "p", "sequence": str(life)})
            raw.ingest("t", loaded(life * 100 + 50, 50), mode="append", options={"producer": "p", "sequence": str(life)})
            raw.update("INSERT INTO t VALUES (0, 1)")
            raw.update("INSERT INTO nowhere VALUES (1)")
            if life == 1:
                front.kill()
                continue
            assert raw.rows("SELECT count(*), CAST(sum(v) AS BIGINT) FROM t") == [((life + 1) * 100, 0)]
            until(lambda: drained(raw))
            rejected = raw.query("SELECT * FROM hyprstream_outbox_rejected").to_pylist()
            assert len(rejected) == (life + 1) * 2, [(row["statement"], row["producer"], row["error"]) for row in rejected]
        front.stop()


def test_an_engine_of_create_engine_is_written_behind_too(own):
    postgres, _, folder = own
    front = Server(folder / "log", data_dir=folder / "data")
    with Raw(front.url) as raw:
        options = f"connection = '{postgres.uri(options=POOL)}', driver_path = '{DRIVER}'"
        with pytest.raises(ERRORS, match="through, behind or around"):
            raw.update(f"CREATE ENGINE pg WITH ({options}, write = 'sideways')")
        raw.update(f"CREATE ENGINE pg WITH ({options}, write = 'behind', outbox_max_bytes = '8MiB')")
        for i in range(50):
            assert raw.update(f"INSERT INTO pg.public.t (id, v) VALUES ({i}, 0)") == -1
        # Read by DuckDB here, and by the database itself.
        assert raw.value("SELECT count(*) FROM pg.public.t JOIN (VALUES (3), (4)) AS x(i) ON id = i") == 2
        raw.update("INSERT INTO pg.public.t (id, v) VALUES (50, 0)")
        assert raw.value("SELECT max(id) FROM pg.public.t") == 50
        postgres.stop()
        raw.update("INSERT INTO pg.public.t (id, v) VALUES (51, 0)")
        with pytest.raises(ERRORS, match="cannot be reached"):
            raw.update("DROP ENGINE pg")
        front.kill()
    postgres.start()
    with Server(folder / "log", data_dir=folder / "data") as front, Raw(front.url) as raw:
        until(lambda: drained(raw))
        assert postgres.rows("SELECT count(*) FROM t") == [(52,)]
        raw.update("INSERT INTO pg.public.t (id, v) VALUES (52, 0)")
        raw.update("DROP ENGINE pg")
        assert postgres.rows("SELECT count(*) FROM t") == [(53,)]
