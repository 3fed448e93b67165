"""The relation `metrics`: running columns, windows, ways in, and the example of the README."""

import datetime
import random

import adbc_driver_flightsql.dbapi as dbapi
import pyarrow as pa
import pytest

from support.raw import Raw

WINDOW = 300
RUNNING = "value_running_window_sum, value_running_window_avg, value_running_window_count"


def at(text: str) -> datetime.datetime:
    return datetime.datetime.fromisoformat(text + "+00:00")


@pytest.fixture
def name(unique):
    """A metric that no other test writes."""
    return "m." + unique


def rows(raw, name, columns=RUNNING):
    return raw.rows(f"SELECT value, {columns} FROM metrics WHERE metric_id = '{name}' ORDER BY ALL")


def test_the_relation_exists_at_start(raw):
    schema = raw.query("SELECT * FROM metrics LIMIT 0").schema
    assert schema.names == [
        "metric_id", "timestamp", "value", "value_running_window_sum", "value_running_window_avg", "value_running_window_count"
    ]
    assert schema.field("timestamp").type.unit == "us" and schema.field("timestamp").type.tz
    assert schema.field("value_running_window_count").type == pa.int64()


def test_running_columns_follow_the_window_and_the_metric(raw, name):
    raw.update(
        f"INSERT INTO metrics(metric_id, timestamp, value) VALUES "
        f"('{name}', '2026-01-01 00:00:01+00', 1), ('{name}', '2026-01-01 00:04:59+00', 2), "
        f"('{name}', '2026-01-01 00:05:00+00', 10), ('{name}.other', '2026-01-01 00:00:02+00', 100)"
    )
    assert rows(raw, name) == [(1, 1, 1, 1), (2, 3, 1.5, 2), (10, 10, 10, 1)]
    assert rows(raw, name + ".other") == [(100, 100, 100, 1)]


def test_equal_timestamps_are_told_apart_by_their_arrival(raw, name):
    for value in (1, 2, 3):
        raw.update(f"INSERT INTO metrics(metric_id, timestamp, value) VALUES ('{name}', '2026-01-01 00:00:00+00', {value})")
    assert rows(raw, name) == [(1, 1, 1, 1), (2, 3, 1.5, 2), (3, 6, 2, 3)]


def test_late_rows_count_from_their_arrival(raw, name):
    raw.update(f"INSERT INTO metrics(metric_id, timestamp, value) VALUES ('{name}', '2026-01-01 00:03:00+00', 5)")
    raw.update(f"INSERT INTO metrics(metric_id, timestamp, value) VALUES ('{name}', '2026-01-01 00:01:00+00', 7)")
    assert rows(raw, name) == [(5, 5, 5, 1), (7, 12, 6, 2)]


def test_rows_that_bring_the_running_columns_are_stored_as_given(raw, name):
    raw.update(f"INSERT INTO metrics VALUES ('{name}', '2026-01-01 00:00:00+00', 1, 11, 12, 13)")
    assert rows(raw, name) == [(1, 11, 12, 13)]


@pytest.mark.parametrize("unit", ["s", "ms", "us", "ns"])
def test_integers_are_times_since_1970(raw, name, unit):
    seconds = 1_767_225_600
    factor = {"s": 1, "ms": 10**3, "us": 10**6, "ns": 10**9}[unit]
    data = pa.table({"metric_id": [name], "timestamp": pa.array([seconds * factor], pa.int64()), "value": [1.0]})
    raw.ingest("metrics", data, "append")
    raw.update(f"INSERT INTO metrics(metric_id, timestamp, value) VALUES ('{name}', {seconds * factor}, 2)")
    got = raw.rows(f"SELECT DISTINCT timestamp FROM metrics WHERE metric_id = '{name}'")
    assert [value.timestamp() for (value,) in got] == [seconds]


@pytest.mark.parametrize("kind", [pa.timestamp("s"), pa.timestamp("ms", "UTC"), pa.timestamp("us", "Europe/Berlin"), pa.timestamp("ns")])
def test_timestamps_of_any_unit_are_ingested(raw, name, kind):
    moment = at("2026-01-01T00:00:00")
    value = moment if kind.tz else moment.replace(tzinfo=None)
    data = pa.table({"metric_id": [name], "timestamp": pa.array([value], kind), "value": [1.0]})
    raw.ingest("metrics", data, "append")
    assert raw.value(f"SELECT timestamp FROM metrics WHERE metric_id = '{name}'") == moment


def test_bound_rows(raw, name):
    prepared = raw.prepare("INSERT INTO metrics(metric_id, timestamp, value) VALUES (?, ?, ?)")
    moments = pa.array([at("2026-01-01T00:00:00"), at("2026-01-01T00:00:01")], pa.timestamp("us", "UTC"))
    data = pa.table({"1": [name, name], "2": moments, "3": [1.0, 2.0]})
    assert prepared.update(data) == 2
    assert rows(raw, name) == [(1, 1, 1, 1), (2, 3, 1.5, 2)]


def test_random_rows_have_the_running_columns_of_the_definition(raw, name):
    seed = random.randrange(1 << 32)
    print(f"seed {seed}")
    generator = random.Random(seed)
    metrics = [f"{name}.{index}" for index in range(5)]
    sums: dict[tuple, tuple[float, int]] = {}
    expected = []
    for _ in range(20):
        batch = []
        for _ in range(generator.randrange(1, 50)):
            metric, second, value = generator.choice(metrics), generator.randrange(1_767_225_600, 1_767_227_400), generator.uniform(-5, 5)
            total, count = sums.get((metric, second // WINDOW), (0.0, 0))
            sums[metric, second // WINDOW] = total + value, count + 1
            expected.append((metric, value, total + value, (total + value) / (count + 1), count + 1))
            batch.append((metric, second, value))
        columns = list(zip(*batch))
        raw.ingest("metrics", pa.table({"metric_id": columns[0], "timestamp": pa.array(columns[1], pa.int64()), "value": columns[2]}), "append")
    got = raw.rows(f"SELECT metric_id, value, {RUNNING} FROM metrics WHERE metric_id LIKE '{name}.%'")
    key = lambda row: (row[0], row[4], row[1])  # noqa: E731
    assert len(got) == len(expected)
    for ours, theirs in zip(sorted(got, key=key), sorted(expected, key=key)):
        assert ours[0] == theirs[0] and ours[4] == theirs[4]
        assert ours[1:4] == pytest.approx(theirs[1:4], rel=1e-9, abs=1e-9)


@pytest.mark.parametrize("relation, seconds", [("metrics_5m", 300), ("metrics_30m", 1800), ("metrics_1h", 3600), ("metrics_1d", 86400)])
def test_windows(raw, name, relation, seconds):
    start = 1_767_225_600
    for offset, value in ((0, 1.0), (seconds - 1, 5.0), (seconds, 7.0)):
        raw.update(f"INSERT INTO metrics(metric_id, timestamp, value) VALUES ('{name}', {start + offset}, {value})")
    table = raw.query(f"SELECT * FROM {relation} WHERE metric_id = '{name}' ORDER BY window_start")
    assert table.schema.names == ["metric_id", "window_start", "window_end", "sum", "avg", "count", "min", "max"]
    found = [tuple(row.values())[3:] for row in table.to_pylist()]
    assert found == [(6, 3, 2, 1, 5), (7, 7, 1, 7, 7)]
    first = table.to_pylist()[0]
    assert (first["window_start"].timestamp(), first["window_end"].timestamp()) == (start, start + seconds)


def test_a_wrong_column_is_named(raw):
    with pytest.raises(pa.ArrowInvalid, match="colour"):
        raw.ingest("metrics", pa.table({"metric_id": ["x"], "timestamp": [0], "value": [1.0], "colour": ["red"]}), "append")
    with pytest.raises(pa.ArrowInvalid, match="value"):
        raw.ingest("metrics", pa.table({"metric_id": ["x"], "timestamp": [0], "value": ["much"]}), "append")


def test_the_window_is_a_setting(start_server):
    server = start_server("--metrics-window", "60s")
    with Raw(server.url) as raw:
        raw.update("INSERT INTO metrics(metric_id, timestamp, value) VALUES ('m', 1767225600, 1), ('m', 1767225659, 2), ('m', 1767225660, 3)")
        assert rows(raw, "m") == [(1, 1, 1, 1), (2, 3, 1.5, 2), (3, 3, 3, 1)]


def test_the_metrics_survive_a_restart(start_server, tmp_path):
    first = start_server(data_dir=tmp_path / "data")
    with Raw(first.url) as raw:
        raw.update("INSERT INTO metrics(metric_id, timestamp, value) VALUES ('m', 1767225600, 1)")
    assert first.stop() == 0
    second = start_server(data_dir=tmp_path / "data")
    with Raw(second.url) as raw:
        raw.update("INSERT INTO metrics(metric_id, timestamp, value) VALUES ('m', 1767225600, 2)")
        assert rows(raw, "m") == [(1, 1, 1, 1), (2, 3, 1.5, 2)]


def test_the_example_of_the_readme(server, name):
    conn = dbapi.connect(server.url)
    cursor = conn.cursor()
    now = datetime.datetime.now(datetime.timezone.utc)
    data = pa.table({"metric_id": [name] * 3, "timestamp": pa.array([now] * 3, pa.timestamp("us", "UTC")), "value": [1.0, 2.0, 3.0]})
    cursor.adbc_ingest("metrics", data, mode="append")
    cursor.execute("""SELECT metric_id, COUNT(*) AS samples, AVG(value_running_window_avg) AS avg_value
                      FROM metrics WHERE timestamp >= NOW() - INTERVAL '1 hour'
                      GROUP BY metric_id ORDER BY avg_value DESC""")
    frame = cursor.fetch_arrow_table().to_pandas()
    row = frame[frame.metric_id == name].iloc[0]
    assert row.samples == 3 and row.avg_value == pytest.approx(1.5)
    conn.commit()
    conn.close()
