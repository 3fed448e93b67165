"""Fixtures that every client test shares. Needs the standard library and pytest only: the folders beside this
file run in Python environments of their own."""

import pathlib
import sys
import zlib

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))

from support.server import Server  # noqa: E402


@pytest.fixture(scope="session")
def server(tmp_path_factory):
    """A server that many tests share; each uses tables of its own."""
    with Server(tmp_path_factory.mktemp("server") / "log") as running:
        yield running
        assert running.is_running(), running.errors()


@pytest.fixture
def start_server(tmp_path):
    """A function that starts a server with options for one test; it is stopped at the end."""
    started: list[Server] = []

    def start(*options: str, **settings) -> Server:
        started.append(Server(tmp_path / f"log-{len(started)}", *options, **settings))
        return started[-1]

    yield start
    for running in started:
        if running.is_running():
            running.stop()


@pytest.fixture
def raw(server):
    """A Flight SQL client whose messages the test writes itself."""
    from support.raw import Raw

    with Raw(server.url) as client:
        yield client


@pytest.fixture
def unique(request):
    """A name for a table that no other test uses."""
    return f"t_{zlib.crc32(request.node.nodeid.encode()):08x}"
