"""Puts the native libraries of native.lock.toml under the dependencies folder.

usage: native.py DEPENDENCIES_FOLDER [--check]

What is there with the right version is left alone; `--check` only says whether anything is missing (exit
status 1). Files appear whole: each is written under a temporary name and renamed.
"""

import hashlib
import os
import pathlib
import platform
import subprocess
import sys
import tempfile
import tomllib
import zipfile

import elf

HERE = pathlib.Path(__file__).resolve().parent
LOCK = HERE / "native.lock.toml"
PLATFORMS = {"x86_64": "linux_amd64", "aarch64": "linux_arm64"}
# Every manylinux level that Debian 12 can load; pip takes only what is named.
GLIBC_MINORS = (5, 12, 17, 24, 26, 27, 28, 31, 34, 35, 36)


class SetupError(Exception):
    """One sentence for the person who runs the set-up."""


class Library:
    """One entry of the lock, resolved for this machine."""

    def __init__(self, entry: dict, machine: str):
        names = {"machine": machine, "platform": PLATFORMS[machine]}
        self.package = entry["package"]
        self.version = entry["version"]
        self.member = entry["member"].format(**names)
        self.target = entry["target"].format(**names)
        self.weaken = entry.get("weaken")
        self.sha256 = entry["sha256"][machine]

    @property
    def mark(self) -> str:
        """What the file under `target` was made from; a change of the lock changes it."""
        return f"{self.package}=={self.version} {self.sha256} {self.weaken or ''}".strip() + "\n"


def libraries() -> list[Library]:
    machine = platform.machine()
    if machine not in PLATFORMS or sys.platform != "linux":
        raise SetupError(f"no libraries are pinned for {sys.platform} on {machine}")
    with open(LOCK, "rb") as file:
        return [Library(entry, machine) for entry in tomllib.load(file)["library"]]


def is_present(library: Library, folder: pathlib.Path) -> bool:
    target = folder / library.target
    mark = folder / "marks" / target.name
    return target.exists() and mark.exists() and mark.read_text() == library.mark


def download(library: Library, into: pathlib.Path) -> pathlib.Path:
    """The wheel of `library`, fetched by pip and checked against the lock."""
    machine = platform.machine()
    requirement = into / "requirement.txt"
    requirement.write_text(f"{library.package}=={library.version} --hash=sha256:{library.sha256}\n")
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--only-binary=:all:"]
    command += ["--disable-pip-version-check", "--require-hashes", "-r", str(requirement)]
    command += ["--implementation", "cp", "--python-version", "3.11", "--platform", "any"]
    for minor in GLIBC_MINORS:
        command += ["--platform", f"manylinux_2_{minor}_{machine}"]
    command += ["--platform", f"manylinux2014_{machine}", "--dest", str(into)]
    if subprocess.run(command).returncode != 0:
        raise SetupError(f"{library.package} {library.version} could not be fetched (see above)")
    wheel = next(into.glob("*.whl"))
    actual = hashlib.sha256(wheel.read_bytes()).hexdigest()
    if actual != library.sha256:
        raise SetupError(f"{wheel.name} has sha256 {actual}, but {library.sha256} is pinned: refused")
    return wheel


def install(library: Library, folder: pathlib.Path) -> None:
    with tempfile.TemporaryDirectory(dir=folder, prefix=".fetch-") as scratch:
        wheel = download(library, pathlib.Path(scratch))
        with zipfile.ZipFile(wheel) as archive:
            image = bytearray(archive.read(library.member))
    note = ""
    if library.weaken:
        note = f", {elf.weaken_undefined(image, library.weaken)} symbols made weak"
    write_whole(folder / library.target, bytes(image), mode=0o755)
    write_whole(folder / "marks" / pathlib.Path(library.target).name, library.mark.encode())
    print(f"  {library.target} from {library.package} {library.version}{note}", flush=True)


def write_whole(path: pathlib.Path, content: bytes, mode: int = 0o644) -> None:
    """Writes a file so that it is either absent, as before, or complete, whatever interrupts."""
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}-")
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
        os.chmod(temporary, mode)
        os.replace(temporary, path)
    except BaseException:
        os.unlink(temporary)
        raise


def main(arguments: list[str]) -> int:
    folder = pathlib.Path(arguments[0])
    try:
        missing = [library for library in libraries() if not is_present(library, folder)]
        if "--check" in arguments:
            return 1 if missing else 0
        for library in missing:
            install(library, folder)
    except SetupError as error:
        print(f"setup: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
