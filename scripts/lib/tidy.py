"""The rules of the design that a program can check. Prints each violation; exit status 1 when there is one.

usage: tidy.py ROOT [--package DUMP.json]      (DUMP is what `swift package dump-package` prints)
"""

import ast
import json
import os
import pathlib
import re
import subprocess
import sys
import tomllib

import source

HERE = pathlib.Path(__file__).resolve().parent
FILE_LINES = 600
FUNCTION_LINES = 80
REQUIREMENTS = 6
NOT_IN_PURE = re.compile(r"^(Foundation\w*|NIO\w*|Dispatch|Logging|Metrics|ServiceLifecycle|System\w*)$")
NOT_WORDS_IN_PURE = re.compile(r"\b(ContinuousClock|SuspendingClock|clock_gettime|fopen|gettimeofday)\b")
FOUNDATION = re.compile(r"^Foundation\w*$")
NOT_IN_SOURCES = [
    (re.compile(r"\bfatalError\("), "fatalError: a trap from outside is a crash from outside"),
    (re.compile(r"\btry!"), "try!"),
    (re.compile(r"\bas!"), "as!"),
    (re.compile(r"[\w)\]]!\s*(?=[.\[(])(?!=)"), "a force unwrap"),
]
UNFINISHED = re.compile(r"\b(TODO|FIXME|XXX)\b")
SLEEP = re.compile(r"\b(Task\.sleep|usleep|sleep)\s*\(")
# A helper that waits until a count has stopped growing: there is no event for that.
MAY_SLEEP = {"Tests/GRPCTests/Support.swift"}
MACHINE_PATH = re.compile(r"(?<![\w.$}])/(?:work|home|root|Users)/[\w.-]+")
TEXT_SUFFIXES = {".swift", ".py", ".md", ".toml", ".sh", ".proto", ".h", ".c", ".S", ".slt", ".sql", ".json", ".yml", ""}


class Tidy:
    def __init__(self, root: pathlib.Path, package: dict):
        self.root = root
        self.package = package
        self.problems: list[str] = []
        with open(HERE / "targets.toml", "rb") as file:
            self.table = tomllib.load(file)
        listed = subprocess.run(
            ["git", "ls-files", "--cached", "--others", "--exclude-standard"],
            cwd=root, check=True, capture_output=True, text=True,
        )
        self.files = [root / line for line in listed.stdout.splitlines() if (root / line).is_file()]

    def say(self, path: pathlib.Path | str, line: int, what: str) -> None:
        name = path.relative_to(self.root) if isinstance(path, pathlib.Path) else path
        self.problems.append(f"{name}:{line}: {what}" if line else f"{name}: {what}")

    def run(self) -> None:
        targets = {target["name"]: target for target in self.package["targets"]}
        self.check_levels(targets)
        self.check_imports(targets)
        for path in self.files:
            if path.is_symlink() or path.suffix not in TEXT_SUFFIXES:
                continue
            text = path.read_text(errors="replace")
            self.check_text(path, text)
            if path.suffix == ".swift" and "Generated" not in path.parts:
                self.check_swift(path, text)
            if path.suffix == ".py":
                self.check_python(path, text)
        self.check_scripts()

    # Targets

    def check_levels(self, targets: dict) -> None:
        for name, target in targets.items():
            if target["type"] == "test":
                continue
            if name not in self.table:
                self.say("Package.swift", 0, f"target {name} has no level in scripts/lib/targets.toml")
                continue
            for other in dependencies(target):
                if other in self.table and self.table[other]["level"] >= self.table[name]["level"]:
                    self.say("Package.swift", 0, f"{name} depends on {other}, which is not on a lower level")

    def check_imports(self, targets: dict) -> None:
        importers: dict[str, set[str]] = {}
        for name, target in targets.items():
            if target["type"] == "test":
                continue
            for path in self.swift_files(name, target):
                self.check_file_imports(name, path, importers)
        for name, rule in self.table.items():
            allowed = set(rule.get("importers", []))
            who = importers.get(name, set())
            if rule.get("c") and (who - allowed if allowed else len(who) > 1):
                self.say(f"target {name}", 0, f"is imported by {', '.join(sorted(who))}; one Swift target may")

    def check_file_imports(self, name: str, path: pathlib.Path, importers: dict[str, set[str]]) -> None:
        rule = self.table.get(name, {})
        text = path.read_text()
        foundation = rule.get("foundation", False) or rule.get("tool", False)
        for access, module in source.imports(text):
            if self.table.get(module, {}).get("c"):
                importers.setdefault(module, set()).add(name)
                if access in ("public", "package"):
                    self.say(path, 0, f"imports the C target {module} as {access}")
            if rule.get("pure") and NOT_IN_PURE.match(module):
                self.say(path, 0, f"{name} must not import {module}")
            elif FOUNDATION.match(module) and not foundation:
                self.say(path, 0, f"{name} does without Foundation, but imports {module}")
        if rule.get("pure"):
            for number, line in enumerate(source.blanked(text).split("\n"), 1):
                if match := NOT_WORDS_IN_PURE.search(line):
                    self.say(path, number, f"{name} must not use {match.group(1)}")

    def swift_files(self, name: str, target: dict) -> list[pathlib.Path]:
        folder = self.root / (target.get("path") or f"Sources/{name}")
        return [path for path in self.files if path.suffix == ".swift" and folder in path.parents]

    # Files

    def check_text(self, path: pathlib.Path, text: str) -> None:
        is_rule = path.parent == HERE
        for number, line in enumerate(text.split("\n"), 1):
            if UNFINISHED.search(line) and path.suffix in (".swift", ".c", ".h", ".S") and not is_rule:
                self.say(path, number, "unfinished work is an issue, not a comment")
            if not is_rule and (match := MACHINE_PATH.search(line)):
                self.say(path, number, f"the path {match.group(0)} exists on one machine only")

    def check_swift(self, path: pathlib.Path, text: str) -> None:
        lines = text.count("\n")
        if lines > FILE_LINES:
            self.say(path, 0, f"{lines} lines; {FILE_LINES} is the limit")
        for name, first, body in source.bodies(text, source.HEAD):
            if len(body) > FUNCTION_LINES:
                self.say(path, first, f"{name} has {len(body)} lines; {FUNCTION_LINES} is the limit")
        for name, first, body in source.bodies(text, source.PROTOCOL):
            count = sum(1 for line in body if source.REQUIREMENT.match(line))
            if count > REQUIREMENTS:
                self.say(path, first, f"protocol {name} has {count} requirements; {REQUIREMENTS} is the limit")
        parts = path.relative_to(self.root).parts
        clean = source.blanked(text).split("\n")
        for number, line in enumerate(clean, 1):
            if parts[0] == "Sources":
                for pattern, what in NOT_IN_SOURCES:
                    if pattern.search(line):
                        self.say(path, number, f"{what} is not used in Sources")
            if parts[0] == "Tests" and SLEEP.search(line) and "/".join(parts) not in MAY_SLEEP:
                self.say(path, number, "tests wait for an event, not for time")

    def check_python(self, path: pathlib.Path, text: str) -> None:
        try:
            tree = ast.parse(text)
        except SyntaxError as error:
            self.say(path, error.lineno or 0, f"does not parse: {error.msg}")
            return
        if text.count("\n") > FILE_LINES:
            self.say(path, 0, f"{text.count(chr(10))} lines; {FILE_LINES} is the limit")
        for node in ast.walk(tree):
            if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
                length = (node.end_lineno or node.lineno) - node.lineno + 1
                if length > FUNCTION_LINES:
                    self.say(path, node.lineno, f"{node.name} has {length} lines; {FUNCTION_LINES} is the limit")

    def check_scripts(self) -> None:
        for path in self.files:
            if path.parent in (self.root / "scripts", self.root / ".ci") and not os.access(path, os.X_OK):
                self.say(path, 0, "is not executable")
            if path.suffix == "" and path.read_bytes()[:20].startswith(b"#!/usr/bin/env bash"):
                if subprocess.run(["bash", "-n", str(path)], capture_output=True).returncode:
                    self.say(path, 0, "is not valid bash")


def dependencies(target: dict) -> list[str]:
    """Names of what a target depends on, products of other packages included."""
    names = []
    for dependency in target["dependencies"]:
        for kind in ("byName", "target", "product"):
            if kind in dependency:
                names.append(dependency[kind][0])
    return names


def main(arguments: list[str]) -> int:
    root = pathlib.Path(arguments[0]).resolve()
    if "--package" in arguments:
        text = pathlib.Path(arguments[arguments.index("--package") + 1]).read_text()
    else:
        command = ["swift", "package", "dump-package"]
        text = subprocess.run(command, cwd=root, check=True, capture_output=True, text=True).stdout
    tidy = Tidy(root, json.loads(text))
    tidy.run()
    for problem in tidy.problems:
        print(problem)
    print(f"tidy: {len(tidy.files)} files, {len(tidy.problems)} problems", file=sys.stderr)
    return 1 if tidy.problems else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
