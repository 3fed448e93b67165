"""A thin Flight SQL client over pyarrow.flight, whose messages the tests write themselves."""

import pyarrow as pa
import pyarrow.flight as flight

from . import protocol


class Raw:
    # Whether FlightInfo must have the schema of the result; the peer of the measurements leaves it out.
    checks_schemas = True

    def __init__(self, url: str, **headers: str):
        # A connection of its own: gRPC would let two clients of one process share one, and with it the session.
        self.client = flight.connect(url, generic_options=[("grpc.use_local_subchannel_pool", 1)])
        self.options = flight.FlightCallOptions(
            headers=[(key.encode(), value.encode()) for key, value in headers.items()]
        )

    def __enter__(self) -> "Raw":
        return self

    def __exit__(self, *_) -> None:
        self.client.close()

    close = __exit__

    def info(self, command: bytes) -> flight.FlightInfo:
        return self.client.get_flight_info(flight.FlightDescriptor.for_command(command), self.options)

    def schema(self, command: bytes) -> pa.Schema:
        return self.client.get_schema(flight.FlightDescriptor.for_command(command), self.options).schema

    def reader(self, command: bytes):
        info = self.info(command)
        assert len(info.endpoints) == 1
        return self.client.do_get(info.endpoints[0].ticket, self.options)

    def table(self, command: bytes) -> pa.Table:
        """All rows; also checks that FlightInfo and DoGet agree on the schema."""
        info = self.info(command)
        tables = [self.client.do_get(point.ticket, self.options).read_all() for point in info.endpoints]
        result = pa.concat_tables(tables)
        if self.checks_schemas:
            assert info.schema.equals(result.schema, check_metadata=False), (info.schema, result.schema)
        return result

    def query(self, sql: str, transaction: bytes | None = None) -> pa.Table:
        return self.table(protocol.statement_query(sql, transaction))

    def rows(self, sql: str, transaction: bytes | None = None) -> list[tuple]:
        table = self.query(sql, transaction)
        return list(zip(*(column.to_pylist() for column in table.columns))) if table.num_columns else []

    def value(self, sql: str, transaction: bytes | None = None):
        return self.rows(sql, transaction)[0][0]

    def put(self, command: bytes, data: pa.Table | None = None) -> bytes | None:
        """Sends a table with DoPut and returns the first answer's metadata."""
        schema = data.schema if data is not None else pa.schema([])
        writer, answers = self.client.do_put(flight.FlightDescriptor.for_command(command), schema, self.options)
        try:
            if data is not None:
                writer.write_table(data)
            writer.done_writing()
            answer = answers.read()
            return answer.to_pybytes() if answer is not None else None
        finally:
            writer.close()

    def update(self, sql: str, transaction: bytes | None = None) -> int:
        return record_count(self.put(protocol.statement_update(sql, transaction)))

    def ingest(self, table: str, data: pa.Table, mode: str = "create_append", **options) -> int:
        return record_count(self.put(protocol.ingest(table, mode, **options), data))

    def action(self, name: str, body: bytes = b"") -> list[bytes]:
        return [result.body.to_pybytes() for result in self.client.do_action(flight.Action(name, body), self.options)]

    def begin(self) -> bytes:
        (answer,) = self.action("BeginTransaction", protocol.begin_transaction())
        return protocol.first(protocol.unpack(answer), 1)

    def commit(self, transaction: bytes) -> None:
        self.action("EndTransaction", protocol.end_transaction(transaction, protocol.COMMIT))

    def rollback(self, transaction: bytes) -> None:
        self.action("EndTransaction", protocol.end_transaction(transaction, protocol.ROLLBACK))

    def prepare(self, sql: str, transaction: bytes | None = None) -> "Prepared":
        (answer,) = self.action("CreatePreparedStatement", protocol.create_prepared_statement(sql, transaction))
        return Prepared(self, protocol.parse(protocol.unpack(answer)))


class Prepared:
    """An answer to CreatePreparedStatement."""

    def __init__(self, raw: Raw, fields: dict):
        self.raw = raw
        self.handle = fields[1][0]
        self.dataset_schema = read_schema(fields.get(2, [b""])[0])
        self.parameter_schema = read_schema(fields.get(3, [b""])[0])
        self.is_update = bool(fields[4][0]) if 4 in fields else None

    def bind(self, data: pa.Table) -> bytes | None:
        answer = self.raw.put(protocol.prepared_query(self.handle), data)
        if answer:
            self.handle = protocol.first(answer, 1, self.handle)
        return answer

    def query(self) -> pa.Table:
        return self.raw.table(protocol.prepared_query(self.handle))

    def update(self, data: pa.Table | None = None) -> int:
        return record_count(self.raw.put(protocol.prepared_update(self.handle), data))

    def close(self) -> None:
        self.raw.action("ClosePreparedStatement", protocol.close_prepared_statement(self.handle))


def record_count(answer: bytes | None) -> int:
    """DoPutUpdateResult.record_count, signed."""
    value = protocol.first(answer or b"", 1, 0)
    return value - (1 << 64) if value >= 1 << 63 else value


def read_schema(data: bytes) -> pa.Schema | None:
    return pa.ipc.read_schema(pa.py_buffer(data)) if data else None
