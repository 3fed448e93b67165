"""The Flight service as bytes over gRPC: exact status codes, and messages that no client library would send."""

import grpc

from .protocol import field, first, number, parse

SERVICE = "/arrow.flight.protocol.FlightService/"
BIG = 64 << 20


def command_descriptor(command: bytes) -> bytes:
    return number(1, 2) + field(2, command)


def path_descriptor(*path: str) -> bytes:
    return number(1, 1) + b"".join(field(3, part) for part in path)


class Wire:
    def __init__(self, port: int):
        options = [("grpc.use_local_subchannel_pool", 1), ("grpc.max_receive_message_length", BIG)]
        self.channel = grpc.insecure_channel(f"127.0.0.1:{port}", options=options)

    def __enter__(self) -> "Wire":
        return self

    def __exit__(self, *_) -> None:
        self.channel.close()

    def unary(self, method: str, message: bytes, **options) -> bytes:
        return self.channel.unary_unary(SERVICE + method)(message, **options)

    def stream(self, method: str, message: bytes, **options):
        return self.channel.unary_stream(SERVICE + method)(message, **options)

    def exchange(self, method: str, messages, **options):
        return self.channel.stream_stream(SERVICE + method)(iter(messages), **options)

    def info(self, command: bytes, **options) -> bytes:
        return self.unary("GetFlightInfo", command_descriptor(command), **options)

    def ticket(self, command: bytes) -> bytes:
        return first(first(first(self.info(command), 3), 1), 1)

    def get(self, ticket: bytes, **options):
        return self.stream("DoGet", field(1, ticket), **options)

    def action(self, name: str, body: bytes = b"", **options) -> list[bytes]:
        return [first(result, 1, b"") for result in self.stream("DoAction", field(1, name) + field(2, body), **options)]

    def put(self, messages: list[bytes], **options) -> list[bytes]:
        return [first(result, 1, b"") for result in self.exchange("DoPut", messages, **options)]


def status(call) -> tuple[grpc.StatusCode, str]:
    """The code and the text with which a call ends; OK when it does not fail."""
    try:
        result = call()
        if hasattr(result, "__next__"):
            for _ in result:
                pass
    except grpc.RpcError as error:
        return error.code(), error.details()
    return grpc.StatusCode.OK, ""


def flight_data(header: bytes = b"", body: bytes = b"", descriptor: bytes | None = None, metadata: bytes | None = None) -> bytes:
    message = b"" if descriptor is None else field(1, descriptor)
    message += field(2, header) if header else b""
    message += field(3, metadata) if metadata is not None else b""
    return message + field(1000, body)


def ipc_messages(table) -> list[tuple[bytes, bytes]]:
    """(metadata, body) of the schema and of each batch of a table."""
    import pyarrow as pa

    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    reader = pa.ipc.MessageReader.open_stream(sink.getvalue())
    found = []
    while True:
        try:
            message = reader.read_next_message()
        except (StopIteration, EOFError):
            return found
        body = message.body
        found.append((message.metadata.to_pybytes(), body.to_pybytes() if body is not None else b""))


__all__ = ["BIG", "Wire", "command_descriptor", "flight_data", "ipc_messages", "parse", "path_descriptor", "status"]
