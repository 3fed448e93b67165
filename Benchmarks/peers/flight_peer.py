"""The peer of the Flight measurements: pyarrow.flight, which is gRPC's C++ core, in front of the same DuckDB.

Speaks plain Flight (the ticket is the SQL, the descriptor's path is the table) and as much of Flight SQL as the
measurements need: statements, prepared statements with one bound row, updates, ingestion and a no-op action.
Choices are in the peer's favour: bulk results stream straight out of DuckDB in C++, small ones use a connection
that their thread keeps.

usage: flight_peer.py PORT [DATABASE_FILE]
"""

import pathlib
import sys
import threading

import duckdb
import pyarrow as pa
import pyarrow.flight as flight

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "Tests" / "Clients"))

from support import protocol  # noqa: E402

BATCH_ROWS = 65_536
# Statements on relations with this in their name give few rows: those are fetched at once, not streamed.
SMALL = b"key_"


class Peer(flight.FlightServerBase):
    def __init__(self, location: str, path: str):
        super().__init__(location)
        self.database = duckdb.connect(path)
        self.of_thread = threading.local()
        self.prepared: dict[bytes, list] = {}
        self.lock = threading.Lock()

    def connection(self) -> duckdb.DuckDBPyConnection:
        """The connection of this thread."""
        found = getattr(self.of_thread, "connection", None)
        if found is None:
            found = self.of_thread.connection = self.database.cursor()
        return found

    def result(self, sql: bytes, parameters: list | None = None):
        if SMALL in sql:
            small = self.connection()
            if parameters is not None:
                return flight.RecordBatchStream(small.execute(sql.decode(), parameters).to_arrow_table())
            return flight.RecordBatchStream(small.sql(sql.decode()).to_arrow_table())
        # An open result keeps its connection busy, so a bulk one has its own.
        return flight.RecordBatchStream(self.database.cursor().sql(sql.decode()).to_arrow_reader(BATCH_ROWS))

    def do_get(self, context, ticket):
        name, fields = unpack(ticket.ticket)
        if name == "TicketStatementQuery":
            return self.result(fields[1][0])
        if name == "CommandPreparedStatementQuery":
            sql, parameters = self.prepared[fields[1][0]]
            return self.result(sql, parameters)
        return self.result(ticket.ticket)

    def get_flight_info(self, context, descriptor):
        name, fields = unpack(descriptor.command)
        if name == "CommandPreparedStatementQuery":
            ticket = descriptor.command
        else:
            ticket = protocol.command("TicketStatementQuery", protocol.field(1, fields[1][0]))
        return flight.FlightInfo(pa.schema([]), descriptor, [flight.FlightEndpoint(ticket, [])], -1, -1)

    def do_put(self, context, descriptor, reader, writer):
        name, fields = unpack(descriptor.command) if descriptor.command else (None, {})
        if name == "CommandStatementUpdate":
            self.database.cursor().execute(fields[1][0].decode())
            writer.write(pa.py_buffer(protocol.number(1, 0)))
        elif name == "CommandPreparedStatementQuery":
            handle = fields[1][0]
            row = reader.read_all()
            self.prepared[handle][1] = [column[0].as_py() for column in row.columns]
            writer.write(pa.py_buffer(protocol.field(1, handle)))
        else:
            table = fields[2][0].decode() if name else descriptor.path[0].decode()
            rows = reader.to_reader()
            self.database.cursor().execute(f'INSERT INTO "{table}" SELECT * FROM rows')
            writer.write(pa.py_buffer(protocol.number(1, 0)))

    def do_action(self, context, action):
        if action.type == "CreatePreparedStatement":
            _, fields = unpack(action.body.to_pybytes())
            with self.lock:
                handle = b"statement-%012d" % len(self.prepared)
                self.prepared[handle] = [fields[1][0], []]
            return [protocol.command("ActionCreatePreparedStatementResult", protocol.field(1, handle))]
        return [b""]


def unpack(data: bytes) -> tuple[str | None, dict]:
    """The name and the fields of a Flight SQL message, or (None, {}) when the bytes are none."""
    prefix = protocol.PREFIX.encode()
    try:
        outer = protocol.parse(data)
        address = outer[1][0]
        if not address.startswith(prefix):
            return None, {}
        return address[len(prefix) :].decode(), protocol.parse(outer.get(2, [b""])[0])
    except (IndexError, KeyError, TypeError, ValueError):
        return None, {}


if __name__ == "__main__":
    peer = Peer(f"grpc://127.0.0.1:{sys.argv[1]}", sys.argv[2] if len(sys.argv) > 2 else ":memory:")
    print(f"listening on grpc://127.0.0.1:{peer.port}", flush=True)
    peer.serve()
