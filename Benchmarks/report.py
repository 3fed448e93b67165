"""Values of both servers, round by round, and the table that is printed from them."""

import json
import statistics

OURS, PEER = "hyprstream", "pyarrow"


class Report:
    """Collects one value per server and round for each quantity."""

    def __init__(self):
        self.rows: dict[str, dict] = {}

    def add(self, name: str, unit: str, server: str, value: float, *, aim: float | None = None, higher: bool = True) -> None:
        """`aim` is the ratio ours ÷ peer that is wanted: at least when `higher` is better, else at most."""
        row = self.rows.setdefault(name, {"unit": unit, "aim": aim, "higher": higher, OURS: [], PEER: []})
        row[server].append(value)

    def lines(self) -> list[str]:
        head = f"{'':58} {'hyprstream':>24} {'peer':>24}   ratio (of each round)"
        return [head, *(self._line(name, row) for name, row in self.rows.items())]

    def _line(self, name: str, row: dict) -> str:
        text = f"{name + ' [' + row['unit'] + ']':58} {spread(row[OURS]):>24} {spread(row[PEER]):>24}"
        ratios = self.ratios(row)
        if not ratios:
            return text
        middle = statistics.median(ratios)
        text += f"   {middle:5.2f} ({min(ratios):.2f} to {max(ratios):.2f})"
        if row["aim"] is not None:
            reached = middle >= row["aim"] if row["higher"] else middle <= row["aim"]
            text += f"  {'reached' if reached else 'NOT reached'}: {'≥' if row['higher'] else '≤'} {row['aim']}"
        return text

    @staticmethod
    def ratios(row: dict) -> list[float]:
        return [our / their for our, their in zip(row[OURS], row[PEER]) if their]

    def json(self) -> str:
        out = []
        for name, row in self.rows.items():
            ratios = self.ratios(row)
            out.append({"name": name, **row, "ratio": statistics.median(ratios) if ratios else None})
        return json.dumps(out, indent=1)


def spread(values: list[float]) -> str:
    if not values:
        return "–"
    middle = statistics.median(values)
    return f"{short(middle)} ({short(min(values))}–{short(max(values))})" if len(values) > 1 else short(middle)


def short(value: float) -> str:
    """Three significant digits, with thousands where they help."""
    if abs(value) >= 1e6:
        return f"{value / 1e6:.3g}M"
    if abs(value) >= 1e4:
        return f"{value / 1e3:.3g}k"
    return f"{value:.3g}" if abs(value) < 1000 else f"{value:.0f}"
