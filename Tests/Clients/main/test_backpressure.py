"""Results larger than memory: a client that stops reading costs the server next to nothing."""

import pyarrow as pa

from support import protocol
from support.raw import Raw

LIMIT_BYTES = 300 << 20
HUGE = "SELECT i, i * 2 AS twice, i * 0.5::DOUBLE AS half FROM range(100000000) t(i)"


def test_a_client_that_stops_reading_does_not_fill_memory(start_server):
    server = start_server()
    with Raw(server.url) as raw, Raw(server.url) as other:
        reader = raw.reader(protocol.statement_query(HUGE))
        first = reader.read_chunk().data
        assert first.column(0)[0].as_py() == 0
        # Other work goes on for long enough that an eager server would have filled its memory.
        for _ in range(40):
            other.value("SELECT sum(i) FROM range(30000000) t(i)")
            assert server.resident_bytes() < LIMIT_BYTES
        rows = first.num_rows
        while rows < 5_000_000:
            rows += reader.read_chunk().data.num_rows
        assert server.peak_resident_bytes() < LIMIT_BYTES
        reader.cancel()


def test_a_result_that_is_never_fetched_costs_nothing(start_server):
    server = start_server()
    with Raw(server.url) as raw:
        infos = [raw.info(protocol.statement_query(HUGE)) for _ in range(50)]
        assert server.resident_bytes() < LIMIT_BYTES
        reader = raw.client.do_get(infos[0].endpoints[0].ticket)
        assert reader.read_chunk().data.num_rows > 0
        reader.cancel()


def test_an_upload_larger_than_its_buffers_arrives_whole(start_server):
    server = start_server()
    batch = pa.record_batch({"n": pa.array(range(65_536), pa.int64()), "text": pa.array(["x" * 50] * 65_536)})
    table = pa.Table.from_batches([batch] * 60)
    with Raw(server.url) as raw:
        assert raw.ingest("big", table, "create") == 65_536 * 60
        assert raw.rows("SELECT count(*), sum(length(text))::BIGINT FROM big") == [(65_536 * 60, 65_536 * 60 * 50)]


def test_the_memory_limit_is_an_error_and_not_the_end(start_server):
    import pytest

    server = start_server("--memory-limit", "256MiB")
    with Raw(server.url) as raw:
        with pytest.raises((pa.ArrowException, OSError)):
            raw.value("SELECT length(string_agg(repeat('x', 1000), '')) FROM range(3000000)")
        assert raw.value("SELECT 1") == 1
