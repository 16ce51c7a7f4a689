"""Medians, quartiles, tables, and the section of docs/benchmarks.md that they go into."""

import statistics
import textwrap
from pathlib import Path

PAGE = Path(__file__).resolve().parents[2] / "docs/benchmarks.md"
COLUMNS = 100


def number(value: float) -> str:
    """With three digits, or all of a larger number."""
    if value >= 100:
        return f"{value:.0f}"
    return f"{value:.1f}" if value >= 10 else f"{value:.2f}"


def median(values: list[float]) -> float:
    return statistics.median(values)


def spread(values: list[float]) -> str:
    """The median and the quartiles."""
    if len(values) < 2:
        return number(values[0])
    low, middle, high = statistics.quantiles(values, n=4, method="inclusive")
    return f"{number(middle)} [{number(low)}–{number(high)}]"


def table(head: list[str], rows: list[list[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def write(title: str, command: str, parts: list[str]):
    """Replaces the section of this title, or appends it. Prose is wrapped; tables are not."""
    heading = f"## {title}\n"
    wrapped = [part if part.startswith("|") else textwrap.fill(part, COLUMNS) for part in parts]
    section = "\n\n".join([f"{heading}\n`{command}`", *wrapped]) + "\n"
    before, found, after = PAGE.read_text().partition(heading)
    if found:
        next_section = after.find("\n## ")
        rest = after[next_section:] if next_section >= 0 else ""
    else:
        before, rest = before.rstrip() + "\n\n", ""
    PAGE.write_text(before + section + rest)
