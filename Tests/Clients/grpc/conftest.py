"""Starts grpc-echo, the program that exercises the public API, for an unrelated client to call."""

import os
import pathlib
import signal
import subprocess

import grpc
import pytest

ROOT = pathlib.Path(__file__).resolve().parents[3]
PROGRAM = os.environ.get("GRPC_ECHO", str(ROOT / ".build" / "debug" / "grpc-echo"))


class Server:
    def __init__(self, *options):
        self.process = subprocess.Popen([PROGRAM, *options], stdout=subprocess.PIPE, text=True)
        line = self.process.stdout.readline()
        assert line.startswith("listening on "), line
        self.address = line.split()[-1]

    def terminate(self):
        self.process.send_signal(signal.SIGTERM)

    def wait(self):
        return self.process.wait(timeout=30)

    def resident_bytes(self):
        with open(f"/proc/{self.process.pid}/statm") as statm:
            return int(statm.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()


@pytest.fixture(scope="session")
def server():
    with Server() as server:
        yield server
        assert server.process.poll() is None, "the server ended while tests ran"


@pytest.fixture
def start():
    """Starts servers with options of their own."""
    servers = []

    def start(*options):
        servers.append(Server(*map(str, options)))
        return servers[-1]

    yield start
    for server in servers:
        server.__exit__()


UNLIMITED = [("grpc.max_receive_message_length", -1), ("grpc.max_send_message_length", -1)]
# Without this, channels to one address share one connection.
OWN_CONNECTION = [("grpc.use_local_subchannel_pool", 1)]


def connect(server, options=()):
    return grpc.insecure_channel(server.address, options=[*UNLIMITED, *OWN_CONNECTION, *options])


@pytest.fixture
def channel(server):
    with connect(server) as channel:
        yield channel
