"""Sends this machine's CPU, memory, disk and network figures to Hyprstream and shows the last windows, live.

usage: machine_metrics.py [--url grpc://localhost:50051] [--every 0.1] [--for SECONDS] [--plain]

The figures come from /proc, so this runs on Linux. Stop it with Ctrl-C.
"""

from __future__ import annotations

import argparse
import pathlib
import sys
import time

from metrics_client import MetricsClient, now

PROC = pathlib.Path("/proc")
SECTOR_BYTES = 512
SHOW_EVERY_SECONDS = 1.0
CLEAR = "\x1b[H\x1b[2J"


class Machine:
    """Figures of the machine since the last look."""

    def __init__(self):
        self.last_time = time.monotonic()
        self.last = self.counters()

    def counters(self) -> dict[str, float]:
        """What only ever grows: processor ticks, bytes of disks and of networks."""
        cpu = [float(word) for word in (PROC / "stat").read_text().split("\n", 1)[0].split()[1:]]
        found = {"ticks": sum(cpu[:8]), "idle": cpu[3] + cpu[4], "read": 0.0, "written": 0.0, "received": 0.0, "sent": 0.0}
        for line in (PROC / "diskstats").read_text().splitlines():
            words = line.split()
            if (pathlib.Path("/sys/block") / words[2]).exists() and not words[2].startswith(("loop", "ram", "dm-")):
                found["read"] += float(words[5]) * SECTOR_BYTES
                found["written"] += float(words[9]) * SECTOR_BYTES
        for line in (PROC / "net/dev").read_text().splitlines()[2:]:
            name, _, rest = line.partition(":")
            if name.strip() != "lo":
                words = rest.split()
                found["received"] += float(words[0])
                found["sent"] += float(words[8])
        return found

    def figures(self) -> dict[str, float]:
        moment, counters = time.monotonic(), self.counters()
        seconds = max(moment - self.last_time, 1e-6)
        change = {key: counters[key] - self.last[key] for key in counters}
        self.last_time, self.last = moment, counters
        ticks = change["ticks"]
        memory = dict(line.split(":") for line in (PROC / "meminfo").read_text().splitlines())
        total, available = (float(memory[key].split()[0]) * 1024 for key in ("MemTotal", "MemAvailable"))
        return {
            "cpu.busy_percent": 100 * (ticks - change["idle"]) / ticks if ticks else 0.0,
            "cpu.load_1m": float((PROC / "loadavg").read_text().split()[0]),
            "memory.used_bytes": total - available,
            "disk.read_bytes_per_s": change["read"] / seconds,
            "disk.written_bytes_per_s": change["written"] / seconds,
            "network.received_bytes_per_s": change["received"] / seconds,
            "network.sent_bytes_per_s": change["sent"] / seconds,
        }


def show(client: MetricsClient, sent: int, plain: bool) -> None:
    """The last windows of each metric, and the latest value with its running average; 80 characters wide."""
    table = client.query("""
        SELECT w.metric_id, w.window_start, w.count, w.avg, w.min, w.max, last.value, last.running
        FROM metrics_5m AS w
        JOIN (SELECT metric_id, arg_max(value, timestamp) AS value,
                     arg_max(value_running_window_avg, timestamp) AS running
              FROM metrics WHERE timestamp >= now() - INTERVAL '10 minutes' GROUP BY metric_id) AS last USING (metric_id)
        WHERE w.window_start >= now() - INTERVAL '10 minutes'
        ORDER BY w.metric_id, w.window_start DESC
    """)
    lines = [f"{sent} values sent", ""]
    lines.append(f"{'metric':28}{'from':>6}{'rows':>5}{'average':>8}{'least':>8}{'most':>8}{'now':>8}{'running':>8}")
    for row in table.to_pylist():
        start = row["window_start"].astimezone().strftime("%H:%M")
        numbers = "".join(f"{short(row[key]):>8}" for key in ("avg", "min", "max", "value", "running"))
        lines.append(f"{row['metric_id']:28}{start:>6}{row['count']:>5}{numbers}")
    print(("" if plain else CLEAR) + "\n".join(lines), flush=True)


def short(value: float) -> str:
    for limit, unit in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if abs(value) >= limit:
            return f"{value / limit:.1f} {unit}"
    return f"{value:.1f}"


def run(options: argparse.Namespace) -> None:
    machine, sent = Machine(), 0
    end = time.monotonic() + options.seconds if options.seconds else float("inf")
    next_look = time.monotonic() + options.every
    next_show = time.monotonic() + SHOW_EVERY_SECONDS
    with MetricsClient(options.url) as client:
        while time.monotonic() < end:
            time.sleep(max(0.0, next_look - time.monotonic()))
            next_look += options.every
            moment = now()
            sent += client.set_metrics_batch((name, moment, value) for name, value in machine.figures().items())
            if time.monotonic() >= next_show:
                show(client, sent, options.plain)
                next_show += SHOW_EVERY_SECONDS


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--url", default="grpc://localhost:50051")
    parser.add_argument("--every", type=float, default=0.1, help="seconds between two looks at the machine")
    parser.add_argument("--for", dest="seconds", type=float, default=0, help="stop after so many seconds")
    parser.add_argument("--plain", action="store_true", help="do not clear the screen between tables")
    try:
        run(parser.parse_args())
    except KeyboardInterrupt:
        pass
    return 0


if __name__ == "__main__":
    sys.exit(main())
