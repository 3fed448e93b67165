"""A small client of Hyprstream's relation `metrics`.

    from metrics_client import MetricsClient

    with MetricsClient("grpc://localhost:50051") as client:
        client.set_metric("room.temperature", 21.5)
        print(client.query_metrics("room.temperature", since="1 hour"))
        print(client.get_metrics_window("room.temperature", "5m"))

Needs `pip install adbc-driver-flightsql pyarrow`.
"""

from __future__ import annotations

import datetime
from collections.abc import Iterable

import adbc_driver_flightsql.dbapi
import pyarrow as pa

SCHEMA = pa.schema([
    pa.field("metric_id", pa.string(), nullable=False),
    pa.field("timestamp", pa.timestamp("us", tz="UTC"), nullable=False),
    pa.field("value", pa.float64(), nullable=False),
])
WINDOWS = {"5m": "metrics_5m", "30m": "metrics_30m", "1h": "metrics_1h", "1d": "metrics_1d"}


class MetricsClient:
    """One connection. Not for use by several threads at once: give each its own."""

    def __init__(self, url: str = "grpc://localhost:50051"):
        self.connection = adbc_driver_flightsql.dbapi.connect(url, autocommit=True)

    def __enter__(self) -> MetricsClient:
        return self

    def __exit__(self, *_) -> None:
        self.close()

    def close(self) -> None:
        self.connection.close()

    def set_metric(self, metric_id: str, value: float, timestamp: datetime.datetime | None = None) -> None:
        """Stores one value; now, unless a time is given."""
        self.set_metrics_batch([(metric_id, timestamp or now(), value)])

    def set_metrics_batch(self, rows: Iterable[tuple[str, datetime.datetime, float]]) -> int:
        """Stores many values in one message, all or none of them. Returns how many."""
        columns = list(zip(*rows)) or [(), (), ()]
        arrays = [pa.array(column, field.type) for column, field in zip(columns, SCHEMA)]
        with self.connection.cursor() as cursor:
            return cursor.adbc_ingest("metrics", pa.Table.from_arrays(arrays, schema=SCHEMA), mode="append")

    def query_metrics(self, metric_id: str | None = None, since: str = "1 hour") -> pa.Table:
        """The values of a metric, or of all, with their running columns, the newest first.

        `since` is an interval such as "5 minutes" or "1 day".
        """
        sql = "SELECT * FROM metrics WHERE timestamp >= now() - CAST(? AS INTERVAL)"
        parameters = [since]
        if metric_id is not None:
            sql += " AND metric_id = ?"
            parameters.append(metric_id)
        return self.query(sql + " ORDER BY timestamp DESC", parameters)

    def get_metrics_window(self, metric_id: str, window: str = "5m", limit: int = 100) -> pa.Table:
        """Sum, average, count, least and greatest value of a metric per window, the newest first."""
        if window not in WINDOWS:
            raise ValueError(f"window is one of {', '.join(WINDOWS)}, not {window!r}")
        sql = f"SELECT * FROM {WINDOWS[window]} WHERE metric_id = ? ORDER BY window_start DESC LIMIT {int(limit)}"
        return self.query(sql, [metric_id])

    def query(self, sql: str, parameters: list | None = None) -> pa.Table:
        with self.connection.cursor() as cursor:
            cursor.execute(sql, parameters)
            return cursor.fetch_arrow_table()


def now() -> datetime.datetime:
    return datetime.datetime.now(datetime.timezone.utc)
