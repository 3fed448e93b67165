"""The rules that scripts/check enforces find what they are for, and leave honest code alone."""

import pathlib
import subprocess
import sys

import pytest

LIB = pathlib.Path(__file__).resolve().parents[2] / "scripts" / "lib"
sys.path.insert(0, str(LIB))

import source  # noqa: E402
import tidy  # noqa: E402


@pytest.fixture
def repository(tmp_path):
    """A function that writes files into an empty repository and returns what tidy says about it."""
    subprocess.run(["git", "init", "-q", str(tmp_path)], check=True)

    def problems(files: dict[str, str], targets: list[dict] | None = None) -> str:
        for name, text in files.items():
            path = tmp_path / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        checker = tidy.Tidy(tmp_path, {"targets": targets or []})
        checker.run()
        return "\n".join(checker.problems)

    return problems


def target(name, *depends, kind="regular"):
    return {"name": name, "type": kind, "dependencies": [{"byName": [other, None]} for other in depends]}


def test_a_target_may_not_depend_on_its_own_level(repository):
    assert "GRPC depends on DuckDB" in repository({}, [target("GRPC", "DuckDB"), target("DuckDB")])
    assert repository({}, [target("GRPC", "Columnar"), target("Columnar")]) == ""


def test_a_target_without_a_level_is_named(repository):
    assert "target Novelty has no level" in repository({}, [target("Novelty")])


def test_pure_targets_import_nothing_of_the_machine(repository):
    files = {"Sources/Columnar/A.swift": "internal import NIOCore\nlet now = ContinuousClock.now\n"}
    found = repository(files, [target("Columnar")])
    assert "Columnar must not import NIOCore" in found
    assert "must not use ContinuousClock" in found


def test_foundation_is_kept_out_of_the_core(repository):
    files = {"Sources/GRPC/A.swift": "import Foundation\n"}
    assert "does without Foundation" in repository(files, [target("GRPC")])


def test_a_c_target_has_one_importer_and_stays_hidden(repository):
    files = {
        "Sources/DuckDB/A.swift": "public import CDuckDB\n",
        "Sources/Engine/A.swift": "private import CDuckDB\n",
    }
    found = repository(files, [target("DuckDB"), target("Engine")])
    assert "imports the C target CDuckDB as public" in found
    assert "is imported by DuckDB, Engine" in found


@pytest.mark.parametrize(
    "line, word",
    [
        ("  fatalError(\"no\")", "fatalError"),
        ("  let x = try! f()", "try!"),
        ("  let x = y as! Int", "as!"),
        ("  let x = first!.count", "force unwrap"),
        ("  // TODO: later", "unfinished"),
        ('  let path = "/ro' + 'ot/x"', "one machine"),
    ],
)
def test_words_that_may_not_stand_in_sources(repository, line, word):
    assert word in repository({"Sources/GRPC/A.swift": f"func f() {{\n{line}\n}}\n"})


def test_honest_code_passes(repository):
    text = 'func f() -> Bool {\n  // fatalError(, try! and x!.y in a comment\n  let s = "try! fatalError("\n  return a != b && !c\n}\n'
    assert repository({"Sources/GRPC/A.swift": text}) == ""


def test_long_functions_files_and_protocols_are_found(repository):
    body = "\n".join(f"  step({n})" for n in range(90))
    requirements = "\n".join(f"  func f{n}()" for n in range(7))
    text = f"func long(_ a: Int) throws -> Int {{\n{body}\n}}\nprotocol Wide {{\n{requirements}\n}}\n"
    found = repository({"Sources/GRPC/A.swift": text + "//\n" * 600})
    assert "func long has 92 lines" in found
    assert "protocol Wide has 7 requirements" in found
    assert "limit" in found and "lines; 600" in found


def test_a_requirement_without_a_body_is_not_taken_for_the_next_one():
    text = "protocol P {\n  func a()\n  func b(_ x: [Int]) async throws -> String\n}\nfunc c() {\n}\n"
    assert [name for name, _, _ in source.bodies(text, source.HEAD)] == ["func c"]


def test_weakening_refuses_what_is_no_library():
    import elf

    with pytest.raises(elf.NotAnELFLibrary):
        elf.weaken_undefined(bytearray(b"MZ" + bytes(100)), "Py")
