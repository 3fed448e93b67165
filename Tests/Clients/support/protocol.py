"""Flight SQL messages, encoded and decoded by hand from their field numbers.

The tests speak the protocol with bytes of their own so that no client library hides what the server answers, and
so that wrong bytes can be sent too.
"""

import struct

PREFIX = "type.googleapis.com/arrow.flight.protocol.sql."


def varint(value: int) -> bytes:
    value &= (1 << 64) - 1
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def number(field: int, value: int) -> bytes:
    return varint(field << 3) + varint(value)


def field(index: int, value: bytes | str) -> bytes:
    """A length-delimited field: bytes, text or a message."""
    data = value.encode() if isinstance(value, str) else value
    return varint(index << 3 | 2) + varint(len(data)) + data


def double(index: int, value: float) -> bytes:
    return varint(index << 3 | 1) + struct.pack("<d", value)


def fixed64(index: int, value: int) -> bytes:
    return varint(index << 3 | 1) + struct.pack("<q", value)


def optional(index: int, value: bytes | str | None) -> bytes:
    return b"" if value is None else field(index, value)


def command(name: str, body: bytes = b"") -> bytes:
    """A message of Flight SQL inside google.protobuf.Any."""
    return field(1, PREFIX + name) + field(2, body)


def entry(key: str, value: bytes | str) -> bytes:
    """One entry of a map with text keys."""
    return field(1, key) + field(2, value)


def parse(data: bytes) -> dict[int, list]:
    """All values of all fields: bytes for length-delimited ones, else integers (raw bits for fixed ones)."""
    fields: dict[int, list] = {}
    at = 0

    def read_varint() -> int:
        nonlocal at
        shift = value = 0
        while True:
            byte = data[at]
            at += 1
            value |= (byte & 0x7F) << shift
            if byte < 0x80:
                return value
            shift += 7

    while at < len(data):
        key = read_varint()
        kind = key & 7
        if kind == 0:
            value = read_varint()
        elif kind == 1:
            value = struct.unpack_from("<q", data, at)[0]
            at += 8
        elif kind == 2:
            size = read_varint()
            value = data[at : at + size]
            at += size
        elif kind == 5:
            value = struct.unpack_from("<i", data, at)[0]
            at += 4
        else:
            raise ValueError(f"wire type {kind}")
        fields.setdefault(key >> 3, []).append(value)
    return fields


def first(data: bytes, index: int, default=None):
    return parse(data).get(index, [default])[0]


def unpack(data: bytes) -> bytes:
    """The message inside google.protobuf.Any."""
    return first(data, 2, b"")


# Commands


def statement_query(sql: str, transaction: bytes | None = None) -> bytes:
    return command("CommandStatementQuery", field(1, sql) + optional(2, transaction))


def statement_update(sql: str, transaction: bytes | None = None) -> bytes:
    return command("CommandStatementUpdate", field(1, sql) + optional(2, transaction))


def prepared_query(handle: bytes) -> bytes:
    return command("CommandPreparedStatementQuery", field(1, handle))


def prepared_update(handle: bytes) -> bytes:
    return command("CommandPreparedStatementUpdate", field(1, handle))


# TableDefinitionOptions: what to do when the table is not there, and when it is.
NOT_THERE = {"create": 1, "fail": 2}
THERE = {"fail": 1, "append": 2, "replace": 3}
MODES = {
    "create": ("create", "fail"),
    "append": ("fail", "append"),
    "replace": ("create", "replace"),
    "create_append": ("create", "append"),
}


def ingest(table: str, mode: str = "create_append", schema=None, catalog=None, temporary=False, transaction=None, options=None) -> bytes:
    absent, present = MODES[mode]
    body = field(1, number(1, NOT_THERE[absent]) + number(2, THERE[present])) + field(2, table)
    body += optional(3, schema) + optional(4, catalog) + (number(5, 1) if temporary else b"")
    body += optional(6, transaction)
    for key, value in (options or {}).items():
        body += field(1000, entry(key, value))
    return command("CommandStatementIngest", body)


def create_prepared_statement(sql: str, transaction: bytes | None = None) -> bytes:
    return command("ActionCreatePreparedStatementRequest", field(1, sql) + optional(2, transaction))


def close_prepared_statement(handle: bytes) -> bytes:
    return command("ActionClosePreparedStatementRequest", field(1, handle))


def begin_transaction() -> bytes:
    return command("ActionBeginTransactionRequest")


COMMIT, ROLLBACK = 1, 2


def end_transaction(handle: bytes, how: int) -> bytes:
    return command("ActionEndTransactionRequest", field(1, handle) + number(2, how))


def sql_info(*codes: int) -> bytes:
    return command("CommandGetSqlInfo", b"".join(number(1, code) for code in codes))


def get_tables(catalog=None, schema=None, table=None, types=(), include_schema=False) -> bytes:
    body = optional(1, catalog) + optional(2, schema) + optional(3, table)
    body += b"".join(field(4, kind) for kind in types) + (number(5, 1) if include_schema else b"")
    return command("CommandGetTables", body)


def table_reference(name: str, table: str, schema=None, catalog=None) -> bytes:
    return command(name, optional(1, catalog) + optional(2, schema) + field(3, table))


def session_option(value) -> bytes:
    """SessionOptionValue of a Python value; None means: unset."""
    if value is None:
        return b""
    if isinstance(value, bool):
        return number(2, int(value))
    if isinstance(value, int):
        return fixed64(3, value)
    if isinstance(value, float):
        return double(4, value)
    if isinstance(value, str):
        return field(1, value)
    return field(5, b"".join(field(1, item) for item in value))


def set_session_options(options: dict) -> bytes:
    return b"".join(field(1, entry(key, session_option(value))) for key, value in options.items())


def session_option_values(data: bytes) -> dict:
    """GetSessionOptionsResult as Python values."""
    found = {}
    for item in parse(data).get(1, []):
        pair = parse(item)
        value = parse(pair.get(2, [b""])[0])
        key = pair[1][0].decode()
        if 1 in value:
            found[key] = value[1][0].decode()
        elif 2 in value:
            found[key] = bool(value[2][0])
        elif 3 in value:
            found[key] = value[3][0]
        elif 4 in value:
            found[key] = struct.unpack("<d", struct.pack("<q", value[4][0]))[0]
        elif 5 in value:
            found[key] = [text.decode() for text in parse(value[5][0]).get(1, [])]
        else:
            found[key] = None
    return found
