"""The examples work as they are printed."""

import pathlib
import re
import subprocess
import sys

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[3]
EXAMPLES = ROOT / "examples" / "python"
sys.path.insert(0, str(EXAMPLES))


def test_the_metrics_client(server, unique):
    from metrics_client import MetricsClient, now

    name = f"example.{unique}"
    with MetricsClient(server.url) as client:
        client.set_metric(name, 1.0)
        assert client.set_metrics_batch([(name, now(), 2.0), (name, now(), 3.0)]) == 2
        rows = client.query_metrics(name, since="5 minutes").to_pylist()
        assert sorted(row["value"] for row in rows) == [1.0, 2.0, 3.0]
        assert sum(row["count"] for row in client.get_metrics_window(name, "1h").to_pylist()) == 3
        with pytest.raises(ValueError):
            client.get_metrics_window(name, "2w")


def test_the_machine_sends_its_figures(server):
    command = [sys.executable, str(EXAMPLES / "machine_metrics.py"), "--url", server.url, "--for", "2.5", "--plain"]
    result = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert result.returncode == 0, result.stderr
    assert "cpu.busy_percent" in result.stdout and "memory.used_bytes" in result.stdout


def test_the_python_of_the_readme(server):
    blocks = re.findall(r"```python\n(.*?)```", (ROOT / "README.md").read_text(), re.DOTALL)
    assert blocks
    for block in blocks:
        program = block.replace("grpc://localhost:50051", server.url)
        result = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60)
        assert result.returncode == 0, result.stderr
