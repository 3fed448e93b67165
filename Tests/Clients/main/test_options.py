"""Every option of the server has its three spellings: flag, variable and TOML key."""

import os
import subprocess

from support.server import ROOT, program

VALUES = {
    "tier_locations": "/srv/cold",
    "engine": "duckdb",
    "engine_write": "around",
    "cache_engine": "duckdb",
    "cache_connection": ":memory:",
    "cache_policy": "lfu",
    "log_level": "debug",
    "log_format": "json",
    "engine_options": "a=b",
    "allowed_directories": "/srv",
    "port": "6001",
    "http_port": "6002",
}


def printed(home, *arguments, **variables):
    kept = {key: value for key, value in os.environ.items() if not key.startswith("HYPRSTREAM_")}
    result = subprocess.run(
        [str(program()), "--print-config", *arguments],
        capture_output=True,
        text=True,
        timeout=60,
        env=kept | {"HOME": str(home)} | variables,
    )
    assert result.returncode == 0, result.stderr
    return result.stdout


def options(text):
    """Name, value as TOML and origin of every line of a printed configuration."""
    for line in text.splitlines():
        if line and not line.startswith("#"):
            setting, _, origin = line.rpartition(" # ")
            name, _, value = setting.partition(" = ")
            yield name, value.strip(), origin.strip()


def value_for(name, default):
    if name in VALUES:
        return VALUES[name]
    if default in ("true", "false"):
        return "true"
    if default.isdigit():
        return "77"
    if default.strip('"')[:1].isdigit() and name != "host":
        return "128MiB" if name.endswith("bytes") or name == "memory_limit" else "9s"
    return "text"


def test_flags(tmp_path):
    arguments, flags = [], {}
    for name, default, _ in options(printed(tmp_path)):
        flag = "--" + name.replace("_", "-")
        flags[name] = flag
        value = value_for(name, default)
        arguments += [flag] if default in ("true", "false") else [flag, value]
    assert len(flags) > 40
    for name, value, origin in options(printed(tmp_path, *arguments)):
        assert origin == flags[name], name
        if name == "engine_options":
            assert value == '{ "a" = "b" }'
        elif value != '"********"':
            assert value_for(name, value).strip('"') in value, name


def test_variables_and_files(tmp_path):
    variables = {}
    for name, default, _ in options(printed(tmp_path)):
        variables["HYPRSTREAM_" + name.upper()] = value_for(name, default)
    text = printed(tmp_path, **variables)
    for name, _, origin in options(text):
        assert origin == "HYPRSTREAM_" + name.upper(), name
    file = tmp_path / "config.toml"
    file.write_text(text)
    again = printed(tmp_path, "--config", str(file))
    assert [line[:2] for line in options(again)] == [line[:2] for line in options(text)]
    for name, _, origin in options(again):
        assert origin == f"{file}: {name}", name


def test_the_documentation_lists_every_option(tmp_path):
    text = (ROOT / "docs" / "configuration.md").read_text()
    for name, default, _ in options(printed(tmp_path)):
        flag = "--" + name.replace("_", "-")
        assert any(line.startswith(f"| `{flag}`") and f"| `{default}` |" in line for line in text.splitlines()), flag


def test_options_without_an_effect_say_so(tmp_path, start_server):
    marked = {
        line.split("`")[1]
        for line in (ROOT / "docs" / "configuration.md").read_text().splitlines()
        if line.startswith("| `--") and "○" in line
    }
    helped = subprocess.run([str(program()), "server", "--help"], capture_output=True, text=True, timeout=60).stdout
    said, flag = set(), None
    for line in helped.splitlines():
        if line.startswith("  --"):
            flag, said_here = line.split()[0].split("/")[0], ""
        if flag:
            said_here += " " + line.strip()
            if "(not acted on yet)" in said_here:
                said.add(flag)
    assert said == marked
    server = start_server("--max-batch-bytes", "1MiB")
    assert "--max-batch-bytes is read, but nothing acts on it yet" in server.errors()
