"""Makes a lock file of exact versions and sha256 sums from a list of Python requirements.

usage: lock.py LIST.in

Versions are the newest that fit together for Debian 12's Python; the sums cover the wheels of that Python and the
next two, on x86_64 and aarch64. Packages under the line that begins with `# alone:` are taken as they are, without
what they ask for. Writes LIST.lock beside the list.
"""

import json
import pathlib
import platform
import subprocess
import sys
import tempfile

PYTHONS = ("3.11", "3.12", "3.13")
MACHINES = ("x86_64", "aarch64")
GLIBC_MINORS = (5, 12, 17, 24, 26, 27, 28, 31, 34, 35, 36)


def report(arguments: list[str]) -> list[dict]:
    """What pip would install, as it reports it, without installing anything."""
    with tempfile.TemporaryDirectory() as scratch:
        path = pathlib.Path(scratch) / "report.json"
        command = [sys.executable, "-m", "pip", "install", "--quiet", "--dry-run", "--ignore-installed"]
        command += ["--disable-pip-version-check", "--report", str(path), *arguments]
        subprocess.run(command, check=True)
        return json.loads(path.read_text())["install"]


def pins(packages: list[dict]) -> dict[str, str]:
    return {item["metadata"]["name"]: item["metadata"]["version"] for item in packages}


def sums(packages: list[dict]) -> dict[str, str]:
    return {
        item["metadata"]["name"]: item["download_info"]["archive_info"]["hashes"]["sha256"]
        for item in packages
    }


def platform_arguments(python: str, machine: str, scratch: str) -> list[str]:
    arguments = ["--no-deps", "--only-binary=:all:", "--target", scratch, "--implementation", "cp"]
    arguments += ["--python-version", python, "--platform", f"manylinux2014_{machine}"]
    for minor in GLIBC_MINORS:
        arguments += ["--platform", f"manylinux_2_{minor}_{machine}"]
    return arguments


def lock(path: pathlib.Path) -> str:
    text = path.read_text()
    followed, _, alone = text.partition("# alone:")
    alone_lines = [line for line in alone.splitlines()[1:] if line and not line.startswith("#")]
    with tempfile.TemporaryDirectory() as scratch:
        listed = pathlib.Path(scratch) / "list"
        listed.write_text(followed)
        found = report(["--only-binary=:all:", "-r", str(listed)])
        found += report(["--no-deps", *alone_lines]) if alone_lines else []
        versions = pins(found)
        collected = {name: {value} for name, value in sums(found).items()}
        exact = [f"{name}=={version}" for name, version in versions.items()]
        for python in PYTHONS:
            for machine in MACHINES:
                try:
                    others = report([*platform_arguments(python, machine, scratch), *exact])
                except subprocess.CalledProcessError:
                    print(f"lock: no complete set for Python {python} on {machine}", file=sys.stderr)
                    continue
                for name, value in sums(others).items():
                    collected[name].add(value)
    lines = [f"# Made by scripts/lib/lock.py from {path.name}; do not edit.\n"]
    for name in sorted(versions, key=str.lower):
        hashes = " ".join(f"\\\n    --hash=sha256:{value}" for value in sorted(collected[name]))
        lines.append(f"{name}=={versions[name]} {hashes}\n")
    return "".join(lines)


def main(arguments: list[str]) -> int:
    path = pathlib.Path(arguments[0])
    if sys.version_info[:2] != tuple(map(int, PYTHONS[0].split("."))) or platform.machine() not in MACHINES:
        print(f"lock: run with Python {PYTHONS[0]}", file=sys.stderr)
        return 1
    path.with_suffix(".lock").write_text(lock(path))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
