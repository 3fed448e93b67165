"""Sessions: who owns settings and temporary tables, and how options are set."""

import pyarrow as pa
import pytest

from support import protocol
from support.raw import Raw


def set_options(raw, **options) -> dict[str, int]:
    """Sets session options; returns the error value of those that were refused."""
    (answer,) = raw.action("SetSessionOptions", protocol.set_session_options(options))
    errors = {}
    for item in protocol.parse(answer).get(1, []):
        errors[protocol.first(item, 1).decode()] = protocol.first(protocol.first(item, 2, b""), 1, 0)
    return errors


def get_options(raw) -> dict:
    (answer,) = raw.action("GetSessionOptions")
    return protocol.session_option_values(answer)


def test_options_of_every_type(raw):
    assert set_options(raw, TimeZone="America/New_York") == {}
    assert get_options(raw)["TimeZone"] == "America/New_York"
    assert raw.value("SELECT current_setting('TimeZone')") == "America/New_York"


def test_the_catalog_and_schema_are_options(raw, unique):
    raw.update(f"CREATE SCHEMA s_{unique}")
    assert set_options(raw, schema=f"s_{unique}") == {}
    raw.update(f"CREATE TABLE {unique}(n INTEGER)")
    assert raw.value(f"SELECT count(*) FROM s_{unique}.{unique}") == 0
    options = get_options(raw)
    assert options["schema"] == f"s_{unique}"
    assert options["catalog"]


def test_an_unknown_option_is_named(raw):
    INVALID_NAME = 1
    assert set_options(raw, no_such_option_here="x") == {"no_such_option_here": INVALID_NAME}


def test_a_value_that_does_not_fit_is_refused(raw):
    INVALID_VALUE = 2
    assert set_options(raw, TimeZone="Nowhere/Land") == {"TimeZone": INVALID_VALUE}


def test_settings_belong_to_the_session(server, raw):
    with Raw(server.url) as other:
        raw.update("SET TimeZone = 'Asia/Tokyo'")
        assert raw.value("SELECT current_setting('TimeZone')") == "Asia/Tokyo"
        assert other.value("SELECT current_setting('TimeZone')") != "Asia/Tokyo"


def test_the_time_zone_of_the_session_is_the_type_of_its_timestamps(raw):
    raw.update("SET TimeZone = 'Asia/Tokyo'")
    assert raw.query("SELECT TIMESTAMPTZ '2026-01-02 00:00:00+00' AS t").schema.field("t").type == pa.timestamp("us", "Asia/Tokyo")


def test_temporary_tables_belong_to_the_session(server, raw, unique):
    raw.update(f"CREATE TEMPORARY TABLE {unique}(n INTEGER)")
    raw.update(f"INSERT INTO {unique} VALUES (1)")
    assert raw.value(f"SELECT count(*) FROM {unique}") == 1
    with Raw(server.url) as other:
        with pytest.raises(pa.ArrowInvalid):
            other.query(f"SELECT * FROM {unique}")


def test_a_bearer_token_is_a_session_over_several_connections(server, unique):
    import pyarrow.flight as flight

    client = flight.connect(server.url)
    _, token = client.authenticate_basic_token("someone", "secret")
    client.close()
    with Raw(server.url, authorization=token.decode()) as first, Raw(server.url, authorization=token.decode()) as second:
        first.update(f"CREATE TEMPORARY TABLE {unique}(n INTEGER)")
        assert second.value(f"SELECT count(*) FROM {unique}") == 0


def test_a_closed_session_forgets(server, unique):
    with Raw(server.url) as raw:
        raw.update(f"CREATE TEMPORARY TABLE {unique}(n INTEGER)")
        (answer,) = raw.action("CloseSession")
        assert protocol.first(answer, 1) in (1, 2)
        with pytest.raises((pa.ArrowException, KeyError)):
            raw.query(f"SELECT * FROM {unique}")


def test_statements_on_one_connection_run_side_by_side(raw):
    readers = [raw.reader(protocol.statement_query(f"SELECT i + {n} AS i FROM range(500000) t(i)")) for n in range(4)]
    firsts = [reader.read_chunk().data.column(0)[0].as_py() for reader in readers]
    assert firsts == [0, 1, 2, 3]
    for reader in readers:
        reader.read_all()
