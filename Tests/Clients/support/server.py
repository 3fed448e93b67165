"""Starts and stops the released program, as a user would."""

import os
import pathlib
import queue
import re
import signal
import subprocess
import threading

ROOT = pathlib.Path(__file__).resolve().parents[3]
READY = re.compile(r"listening on (grpc://[^:]+:(\d+))")
START_SECONDS = 30
STOP_SECONDS = 30


def program() -> pathlib.Path:
    """The executable under test: HYPRSTREAM_PROGRAM, else the release build."""
    named = os.environ.get("HYPRSTREAM_PROGRAM")
    return pathlib.Path(named) if named else ROOT / ".build" / "release" / "hyprstream"


class Server:
    """One process of the server on free ports; a context manager that stops it cleanly."""

    def __init__(self, log: pathlib.Path, *options: str, data_dir: pathlib.Path | None = None):
        self.log = log
        where = ["--data-dir", str(data_dir)] if data_dir else ["--ephemeral"]
        ports = [] if "--http-port" in options else ["--http-port", "0"]
        command = [str(program()), "--port", "0", *ports, *where, *options]
        environment = {key: value for key, value in os.environ.items() if not key.startswith("HYPRSTREAM_")}
        environment["HOME"] = str(log.parent)
        with open(log, "ab") as errors:
            self.process = subprocess.Popen(
                command, stdout=subprocess.PIPE, stderr=errors, text=True, env=environment, cwd=log.parent
            )
        self._lines: queue.Queue[str | None] = queue.Queue()
        threading.Thread(target=self._read, daemon=True).start()
        self.url, self.port = self._wait_until_ready()

    def _read(self) -> None:
        for line in self.process.stdout:
            self._lines.put(line)
        self._lines.put(None)

    def _wait_until_ready(self) -> tuple[str, int]:
        said = []
        while True:
            try:
                line = self._lines.get(timeout=START_SECONDS)
            except queue.Empty:
                self.kill()
                raise RuntimeError(f"the server was not ready within {START_SECONDS} s: {said}\n{self.errors()}")
            if line is None:
                raise RuntimeError(f"the server ended with {self.process.wait()}: {said}\n{self.errors()}")
            said.append(line)
            if match := READY.search(line):
                return match.group(1), int(match.group(2))

    @property
    def pid(self) -> int:
        return self.process.pid

    def errors(self) -> str:
        return self.log.read_text(errors="replace")[-4000:]

    def resident_bytes(self) -> int:
        """Memory of the process that is in RAM now."""
        return self._status("VmRSS")

    def peak_resident_bytes(self) -> int:
        return self._status("VmHWM")

    def _status(self, key: str) -> int:
        for line in pathlib.Path(f"/proc/{self.pid}/status").read_text().splitlines():
            if line.startswith(key + ":"):
                return int(line.split()[1]) * 1024
        raise KeyError(key)

    def is_running(self) -> bool:
        return self.process.poll() is None

    def stop(self, how: int = signal.SIGTERM) -> int:
        """Asks the server to end, waits, and returns its exit status."""
        if self.is_running():
            self.process.send_signal(how)
        try:
            return self.process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self.kill()
            raise RuntimeError(f"the server did not stop within {STOP_SECONDS} s\n{self.errors()}")

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()

    def __enter__(self) -> "Server":
        return self

    def __exit__(self, kind, *_) -> None:
        status = self.stop()
        if kind is None and status != 0:
            raise RuntimeError(f"the server ended with {status}\n{self.errors()}")
