"""`hyprstream sql` as a person at a terminal uses it: a real pseudo-terminal, keys and what appears."""

import json
import os
import signal
import subprocess

import pexpect
import pytest

from support.server import program

PROMPT = "hyprstream> "
MORE = "         -> "


def environment(server, home) -> dict[str, str]:
    kept = {key: value for key, value in os.environ.items() if not key.startswith("HYPRSTREAM_")}
    return kept | {"HYPRSTREAM_URL": server.url, "HOME": str(home), "TERM": "xterm", "LC_ALL": "C.UTF-8"}


def run(server, home, *arguments, text=None):
    return subprocess.run(
        [str(program()), "sql", *arguments],
        input=text,
        capture_output=True,
        text=True,
        timeout=60,
        env=environment(server, home),
        stdin=subprocess.DEVNULL if text is None else None,
    )


@pytest.fixture
def shell(server, tmp_path):
    """A shell in a terminal of 100 columns, at its first prompt."""
    child = pexpect.spawn(
        str(program()), ["sql"], env=environment(server, tmp_path), encoding="utf-8", timeout=30, dimensions=(40, 100)
    )
    child.expect_exact(PROMPT)
    yield child
    child.close(force=True)


def leave(child):
    child.sendeof()
    child.expect(pexpect.EOF)
    child.close()
    assert child.exitstatus == 0


def test_a_table_with_its_time(shell):
    shell.sendline("SELECT 42 AS answer, 'ü' AS letter;")
    shell.expect_exact("│ answer  │ letter  │")
    shell.expect_exact("│ integer │ varchar │")
    shell.expect_exact("│      42 │ ü       │")
    shell.expect_exact("1 row")
    shell.expect(r"Time: [0-9.]+ ms")
    shell.expect_exact(PROMPT)
    leave(shell)


def test_a_statement_over_several_lines(shell):
    shell.sendline("SELECT 'a;")
    shell.expect_exact(MORE)
    shell.sendline("b' AS x,")
    shell.expect_exact(MORE)
    shell.sendline("7 * 6 AS y;")
    shell.expect_exact("a;\\nb")
    shell.expect_exact("42")
    shell.expect_exact(PROMPT)


def test_interrupt_at_the_prompt_gives_the_line_up(shell):
    shell.send("SELECT nonsense FROM")
    shell.send("\x03")
    shell.expect_exact("^C\r\n")
    shell.expect_exact(PROMPT)
    shell.sendline("SELECT 1 + 1 AS two;")
    shell.expect_exact("│       2 │")
    shell.expect_exact(PROMPT)
    leave(shell)


def test_interrupt_stops_the_statement_on_the_server(shell, server):
    shell.sendline("SELECT count(*) AS never FROM range(100000000) a, range(100000000) b;")
    shell.expect("[⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏]")  # It runs, and says so.
    shell.send("\x03")
    shell.expect_exact("interrupted")
    shell.expect_exact(PROMPT)
    shell.sendline("SELECT 'still here' AS x;")
    shell.expect_exact("│ still here │")
    shell.expect_exact(PROMPT)
    leave(shell)


def test_a_mistake_does_not_end_the_shell(shell):
    shell.sendline("SELECT nope;")
    shell.expect_exact("error: ")
    shell.expect_exact("nope")
    shell.expect_exact(PROMPT)
    shell.sendline("\\nope")
    shell.expect_exact("there is no command \\nope")
    shell.expect_exact(PROMPT)
    leave(shell)


def test_a_long_table_is_cut(shell):
    shell.sendline("SELECT i, repeat('wide ', 100) AS w FROM range(10000) t(i);")
    shell.expect_exact("│   9999 │")
    shell.expect_exact("10,000 rows (40 shown)")
    shell.expect_exact(PROMPT)
    assert all(len(line) <= 100 for line in shell.before.splitlines())


def test_commands(shell, unique):
    shell.sendline(f"CREATE TABLE {unique} (id INTEGER NOT NULL, name VARCHAR);")
    shell.expect_exact("ok")
    shell.expect_exact(PROMPT)
    shell.sendline(f"\\d {unique}")
    shell.expect_exact("│ id      │ INTEGER │ NO")
    shell.expect_exact(PROMPT)
    shell.sendline("\\dt")
    shell.expect_exact(f"│ {unique} ")
    shell.expect_exact(PROMPT)
    shell.sendline("\\x")
    shell.expect_exact(PROMPT)
    shell.sendline("SELECT 1 AS first, 2 AS second;")
    shell.expect_exact("first  │ 1")
    shell.expect_exact("second │ 2")
    shell.expect_exact(PROMPT)
    shell.sendline("\\q")
    shell.expect(pexpect.EOF)


def test_commands_in_the_middle_of_a_statement(shell):
    shell.sendline("SELECT 6 *")
    shell.expect_exact(MORE)
    shell.sendline("\\d no_such_thing")
    shell.expect_exact("there is no table or view no_such_thing")
    shell.expect_exact(MORE)
    shell.sendline("7 AS y;")
    shell.expect_exact("42")
    shell.expect_exact(PROMPT)


def test_tab_completes_words_and_names(shell, unique):
    shell.sendline(f"CREATE TABLE {unique} (stripe_width INTEGER);")
    shell.expect_exact("ok")
    shell.expect_exact(PROMPT)
    shell.send("SELE\t")
    shell.expect_exact("CT ")  # Only what is new is drawn.
    shell.send("count(*) FROM " + unique[:-2])
    for _ in range(30):  # The shell asks for names in the background.
        shell.send("\t")
        if shell.expect_exact([unique[-2:] + " ", pexpect.TIMEOUT], timeout=1) == 0:
            break
    shell.sendline(";")
    shell.expect_exact("│            0 │")
    shell.expect_exact(PROMPT)


def test_the_place_of_a_refusal_is_marked(shell):
    shell.sendline("SELECT 1, getenv('HOME');")
    shell.expect_exact("LINE 1: SELECT 1, getenv('HOME')")
    shell.expect(r"\n {18}\^")
    shell.expect_exact(PROMPT)


def test_progress_of_a_long_statement(shell, unique):
    shell.sendline(f"CREATE TABLE {unique} AS SELECT i FROM range(3000000) t(i);")
    shell.expect_exact("ok")
    shell.expect_exact(PROMPT)
    shell.sendline(f"SELECT count(*) FROM {unique} a, range(200000) b WHERE a.i * b.range % 7 = 3;")
    shell.expect(r"[0-9.]+ s  [0-9]+ %")
    shell.send("\x03")
    shell.expect_exact("interrupted")
    shell.expect_exact(PROMPT)


def test_results_to_a_file(shell, tmp_path):
    path = tmp_path / "result.csv"
    for line in ["\\format csv", f"\\o {path}", "SELECT 1 AS a, 'x,y' AS b;", "\\o"]:
        shell.sendline(line)
        shell.expect_exact(PROMPT)
    assert path.read_text() == 'a,b\n1,"x,y"\n'


def test_the_history_is_kept(shell, server, tmp_path):
    shell.sendline("SELECT 'remember me' AS x;")
    shell.expect_exact("│ remember me │")
    shell.expect_exact(PROMPT)
    leave(shell)
    assert (tmp_path / ".hyprstream_history").stat().st_mode & 0o777 == 0o600
    again = pexpect.spawn(
        str(program()), ["sql"], env=environment(server, tmp_path), encoding="utf-8", timeout=30, dimensions=(40, 100)
    )
    again.expect_exact(PROMPT)
    again.send("\x1b[A\r")
    again.expect_exact("│ remember me │")
    again.close(force=True)


# Without a terminal


@pytest.mark.parametrize(
    ("form", "expected"),
    [
        ("csv", "i,s\n1,a\n,\n"),
        ("jsonl", '{"i":1,"s":"a"}\n{"i":null,"s":null}\n'),
        ("markdown", "| i | s |\n| ---: | --- |\n| 1 | a |\n| NULL | NULL |\n"),
    ],
)
def test_formats(server, tmp_path, form, expected):
    result = run(server, tmp_path, "--format", form, "-c", "SELECT * FROM (VALUES (1, 'a'), (NULL, NULL)) t(i, s)")
    assert (result.returncode, result.stdout, result.stderr) == (0, expected, "")


def test_json_of_nested_values(server, tmp_path):
    sql = "SELECT [1, NULL] AS l, {'a': 'x', 'b': [true]} AS s, MAP {'k': 1.5} AS m, DATE '2024-02-29' AS d, 'nan'::DOUBLE AS n"
    result = run(server, tmp_path, "--format", "json", "-c", sql)
    assert json.loads(result.stdout) == [
        {"l": [1, None], "s": {"a": "x", "b": [True]}, "m": {"k": 1.5}, "d": "2024-02-29", "n": "nan"}
    ]


def test_an_arrow_stream(server, tmp_path):
    import pyarrow as pa

    result = subprocess.run(
        [str(program()), "sql", "--format", "arrow", "-c", "SELECT i, i::VARCHAR AS s FROM range(100000) t(i)"],
        capture_output=True,
        timeout=60,
        env=environment(server, tmp_path),
    )
    table = pa.ipc.open_stream(result.stdout).read_all()
    assert table.num_rows == 100_000 and table["s"][99_999].as_py() == "99999"


def test_statements_from_a_pipe_end_at_the_first_mistake(server, tmp_path, unique):
    text = f"CREATE TABLE {unique} (i INTEGER);\nINSERT INTO {unique}\nVALUES (1), (2);\nSELEC 1;\nDROP TABLE {unique};\n"
    result = run(server, tmp_path, text=text)
    assert result.returncode == 1
    assert result.stdout == "ok\n2 rows changed\n"
    assert "SELEC" in result.stderr and "^" in result.stderr
    result = run(server, tmp_path, "--format", "csv", "-c", f"SELECT sum(i) AS s FROM {unique}; SELECT 5 AS f")
    assert result.stdout == "s\n3\nf\n5\n"


def test_a_reader_that_goes_away(server, tmp_path):
    command = f"{program()} sql --format csv -c 'SELECT * FROM range(10000000)' | head -n 2"
    result = subprocess.run(command, shell=True, capture_output=True, text=True, timeout=60, env=environment(server, tmp_path))
    assert result.stdout == "range\n0\n" and result.stderr == ""


def test_interrupt_without_a_terminal(server, tmp_path):
    process = subprocess.Popen(
        [str(program()), "sql", "-c", "SELECT 'begun' AS x", "-c", "SELECT count(*) FROM range(100000000) a, range(100000000) b"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environment(server, tmp_path),
    )
    while "1 row" not in process.stdout.readline():
        pass
    process.send_signal(signal.SIGINT)
    assert process.wait(30) in (1, 130)


def test_nobody_answers(server, tmp_path):
    result = run(server, tmp_path, "--url", "grpc://127.0.0.1:1", "-c", "SELECT 1")
    assert result.returncode == 2 and "no server answers at grpc://127.0.0.1:1" in result.stderr


def test_the_quick_start_in_two_shells(server, tmp_path, unique):
    (tmp_path / "one").mkdir()
    (tmp_path / "two").mkdir()
    waiting, typing = (
        pexpect.spawn(
            str(program()), ["sql", "--url", server.url], env=environment(server, tmp_path / name), encoding="utf-8",
            timeout=20, dimensions=(40, 160))
        for name in ("one", "two"))
    for child in (waiting, typing):
        child.expect("> ")
    waiting.sendline(f'CREATE STREAM {unique} WITH (FORMAT = "JSON");')
    waiting.expect("ok")
    waiting.sendline(f"SELECT * FROM {unique} WHERE humidity > 70 EMIT CHANGES;")
    for _ in range(1_000):
        typing.sendline("show queries;")
        if typing.expect([unique, "0 rows|no rows"]) == 0:
            break
    for temperature, humidity in ((22, 80), (15, 20), (31, 76)):
        typing.sendline(f"INSERT INTO {unique} (temperature, humidity) VALUES ({temperature}, {humidity});")
        typing.expect("1 row changed")
    waiting.expect_exact('{"temperature":22,"humidity":80}')
    waiting.expect_exact('{"temperature":31,"humidity":76}')
    typing.sendline(":h")
    typing.expect("EMIT CHANGES")
    typing.sendline("terminate query all;")
    typing.expect("ok")
    waiting.expect("TERMINATE QUERY")
    for child in (waiting, typing):
        child.sendline(":q")
        child.expect(pexpect.EOF)
