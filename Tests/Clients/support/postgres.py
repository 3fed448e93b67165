"""A PostgreSQL server of a test's own, on a free port of the loopback."""

import os
import pathlib
import pwd
import shutil
import socket
import subprocess
import tempfile
import time

PASSWORD = "s3cret/ä:@?"


def programs() -> pathlib.Path:
    for folder in sorted(pathlib.Path("/usr/lib/postgresql").glob("*/bin"), reverse=True):
        if (folder / "initdb").exists():
            return folder
    raise RuntimeError("no PostgreSQL programs were found: run scripts/setup, or apt-get install postgresql")


def free_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return taken.getsockname()[1]


class Postgres:
    """Started by `with`. Logs into its own folder, and is gone with it afterwards."""

    def __init__(self, *settings: str) -> None:
        self.bin = programs()
        self.settings = settings
        self.port = free_port()
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="hyprstream-pg-"))
        self.process = None

    def __enter__(self) -> "Postgres":
        if os.getuid() == 0:
            user = pwd.getpwnam("postgres")
            os.chown(self.folder, user.pw_uid, user.pw_gid)
        password = self.folder / "password"
        password.write_text(PASSWORD + "\n")
        self.own(password)
        self.run(
            "initdb", "--pgdata", str(self.folder / "data"), "--username", "postgres", "--pwfile", str(password), "--auth", "scram-sha-256",
            "--encoding", "UTF8", "--locale", "C.UTF-8", "--no-sync",
        )
        self.start()
        return self

    def __exit__(self, *_) -> None:
        self.stop()
        shutil.rmtree(self.folder, ignore_errors=True)

    def own(self, path: pathlib.Path) -> None:
        if os.getuid() == 0:
            user = pwd.getpwnam("postgres")
            os.chown(path, user.pw_uid, user.pw_gid)

    def command(self, program: str, *arguments: str) -> list[str]:
        command = [str(self.bin / program), *arguments]
        return ["runuser", "-u", "postgres", "--", *command] if os.getuid() == 0 else command

    def run(self, program: str, *arguments: str) -> None:
        done = subprocess.run(self.command(program, *arguments), capture_output=True, text=True, cwd="/")
        if done.returncode != 0:
            raise RuntimeError(f"{program}: {done.stderr}")

    def start(self) -> None:
        settings = [f"port={self.port}", "listen_addresses=127.0.0.1", f"unix_socket_directories={self.folder}", "shared_buffers=256MB", *self.settings]
        arguments = [part for setting in settings for part in ("-c", setting)]
        log = self.folder / "log"
        self.run("pg_ctl", "start", "--wait", "--pgdata", str(self.folder / "data"), "--log", str(log), "--options", " ".join(arguments))

    def stop(self, mode: str = "immediate") -> None:
        if (self.folder / "data" / "postmaster.pid").exists():
            self.run("pg_ctl", "stop", "--wait", "--pgdata", str(self.folder / "data"), "--mode", mode)

    def restart(self) -> None:
        self.stop()
        self.start()

    def uri(self, database: str = "postgres", user: str | None = "postgres", password: str | None = PASSWORD, options: str = "") -> str:
        from urllib.parse import quote

        login = f"{quote(user)}:{quote(password, safe='')}@" if user and password else f"{quote(user)}@" if user else ""
        return f"postgresql://{login}127.0.0.1:{self.port}/{database}{'?' + options if options else ''}"

    def connect(self, database: str = "postgres"):
        """By the ADBC driver itself, for what is put there and looked up beside the server under test."""
        import adbc_driver_manager.dbapi

        driver = pathlib.Path(__file__).resolve().parents[3] / ".deps" / "lib" / "libadbc_driver_postgresql.so"
        return adbc_driver_manager.dbapi.connect(driver=str(driver), db_kwargs={"uri": self.uri(database)}, autocommit=True)

    def execute(self, *statements: str) -> None:
        with self.connect() as connection, connection.cursor() as cursor:
            for statement in statements:
                cursor.execute(statement)

    def rows(self, sql: str) -> list[tuple]:
        with self.connect() as connection, connection.cursor() as cursor:
            cursor.execute(sql)
            return cursor.fetchall()
