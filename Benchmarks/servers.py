"""The two servers of a measurement, ours and the peer, started alike and watched from outside."""

import os
import pathlib
import queue
import re
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.request

import pyarrow.flight as flight

ROOT = pathlib.Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "Tests" / "Clients"))

from support.raw import Raw  # noqa: E402

READY = re.compile(r"listening on (grpc://[^:]+:(\d+))")
TICKS = os.sysconf("SC_CLK_TCK")
START_SECONDS = 60


class Process:
    """A server on a free port. `start_seconds` is the time from its start until it said that it is ready."""

    def __init__(self, name: str, command: list[str], folder: pathlib.Path):
        self.name = name
        self.http_port = 0
        started = time.perf_counter()
        with open(folder / f"{name}.log", "ab") as log:
            self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=log, text=True, cwd=folder)
        lines: queue.Queue[str | None] = queue.Queue()
        threading.Thread(target=self._read, args=(lines,), daemon=True).start()
        while True:
            line = lines.get(timeout=START_SECONDS)
            if line is None:
                raise RuntimeError(f"{name} ended with {self.process.wait()}; see {folder / (name + '.log')}")
            if match := READY.search(line):
                break
        self.start_seconds = time.perf_counter() - started
        self.url, self.port = match.group(1), int(match.group(2))

    def _read(self, lines: queue.Queue) -> None:
        for line in self.process.stdout:
            lines.put(line)
        lines.put(None)

    def client(self) -> Raw:
        client = Raw(self.url)
        client.checks_schemas = False
        return client

    def cpu_seconds(self) -> float:
        """Processor time of the process so far, in user and kernel."""
        fields = pathlib.Path(f"/proc/{self.process.pid}/stat").read_text().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / TICKS

    def resident_megabytes(self, key: str = "VmRSS") -> float:
        for line in pathlib.Path(f"/proc/{self.process.pid}/status").read_text().splitlines():
            if line.startswith(key + ":"):
                return int(line.split()[1]) / 1024
        return 0.0

    def open_files(self) -> int:
        return len(list(pathlib.Path(f"/proc/{self.process.pid}/fd").iterdir()))

    def metrics(self) -> str:
        """What the server counts, for Prometheus. Ours only."""
        with urllib.request.urlopen(f"http://127.0.0.1:{self.http_port}/metrics") as answer:
            return answer.read().decode()

    def stop(self) -> None:
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(20)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


def ours(program: str, folder: pathlib.Path, data: pathlib.Path | None = None) -> Process:
    where = ["--data-dir", str(data)] if data else ["--ephemeral"]
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        http_port = free.getsockname()[1]
    server = Process("hyprstream", [program, "--port", "0", "--http-port", str(http_port), *where], folder)
    server.http_port = http_port
    return server


def peer(folder: pathlib.Path, data: pathlib.Path | None = None) -> Process:
    command = [sys.executable, str(ROOT / "Benchmarks" / "peers" / "flight_peer.py"), "0"]
    return Process("pyarrow", command + ([str(data)] if data else []), folder)


__all__ = ["ROOT", "Process", "Raw", "flight", "ours", "peer"]
