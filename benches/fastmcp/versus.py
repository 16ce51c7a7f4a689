"""homer-export-mcp against a FastMCP server with the same tool. `run` starts this program.

In each round, the servers take turns. Figures are medians; ratios compare figures of one run.
"""

import argparse
import shutil
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path

from figures import median, number, spread, table, write
from programs import OURS, THEIRS, Kind, Programs, Server, Size
from sessions import homer_alone

SIZES = [
    Size("3 KB", 1),
    Size("10 KB", 3),
    Size("1 MB", 300),
    Size("9 MB", 2750),
    Size("92 MB", 28_000),
]
SMALL, TEN_KB, ONE_MB, NINE_MB, LARGE = SIZES
TRANSPORTS = ["stdio", "HTTP"]
DELAYS_MS = [0, 50]
AT_ONCE = [1, 8, 64]
WANTED = 5.0


@dataclass
class Plan:
    """How often and how long; the second values are for --quick."""

    rounds: int
    rounds_9_mb: int
    rounds_92_mb: int
    rate_rounds: int
    rate_s: float
    cold_starts: int
    warm_starts: int


FULL = Plan(31, 11, 3, 5, 0.5, 3, 11)
QUICK = Plan(5, 3, 1, 1, 0.3, 1, 3)


@dataclass
class Row:
    """A comparison. Times are better if they are low, rates if they are high."""

    transport: str
    what: str
    ours: list[float]
    theirs: list[float]
    low_is_better: bool = True
    delay_ms: int = 0
    at_once: int = 1
    note: str = ""

    @property
    def ratio(self) -> float:
        ours, theirs = median(self.ours), median(self.theirs)
        return theirs / ours if self.low_is_better else ours / theirs

    def cells(self) -> list[str]:
        return [spread(self.ours), spread(self.theirs), f"{number(self.ratio)} ×"]


@dataclass
class Bench:
    programs: Programs
    plan: Plan
    times: list[Row] = field(default_factory=list)
    equal_bytes: list[Row] = field(default_factory=list)
    rates: list[Row] = field(default_factory=list)
    others: list[list[str]] = field(default_factory=list)
    starts: list[Row] = field(default_factory=list)

    def start(self, kind: Kind, transport: str, homer: str) -> Server:
        if transport == "stdio":
            return self.programs.stdio(kind, homer)
        return self.programs.http(kind, homer)

    def rounds(self, size: Size) -> int:
        rounds = {NINE_MB.name: self.plan.rounds_9_mb, LARGE.name: self.plan.rounds_92_mb}
        return rounds.get(size.name, self.plan.rounds)

    def in_turns(self, servers: list[Server], rounds: int, size: Size) -> list[list[float]]:
        """The times of single calls in ms, for each server. The first round is a warm-up."""
        times = [[] for _ in servers]
        for turn in range(rounds + 1):
            for server, kept in zip(servers, times, strict=True):
                _, elapsed = server.run(0, 1, size)
                self.programs.remove_captures()
                if turn > 0 or rounds == 1:
                    kept.append(1000 * elapsed)
        return times

    def compare(self, transport: str, size: Size):
        """Single calls. Over HTTP, what is too large for a result is saved in a file."""
        homer = self.programs.homer(size)
        default = OURS
        if transport == "HTTP" and size.calls >= NINE_MB.calls:
            default = Kind(OURS.name, True, mode="file")
        kinds = [default, THEIRS]
        if size.calls < NINE_MB.calls:
            kinds += [Kind("", True, mode="base64"), Kind("", False, once=True)]
            kinds.append(Kind("", True, all_profiles=True))
        servers = [self.start(kind, transport, homer) for kind in kinds]
        times = self.in_turns(servers, self.rounds(size), size)
        note = "file"
        if transport == "HTTP" and default is OURS:
            note = "link" if size is ONE_MB else "embedded"
        self.times.append(Row(transport, size.name, times[0], times[1], note=note))
        if len(times) > 2:
            self.equal_bytes.append(Row(transport, size.name, times[2], times[3]))
            row = Row(transport, size.name, times[4], times[1], note="3 requests to Homer")
            self.equal_bytes.append(row)
        if size is LARGE and transport == "stdio":
            peaks = [server.memory_mib("VmHWM") for server in servers]
            self.memory("peak, 92 MB over stdio", peaks)
        for server in servers:
            server.close()
        report(self.times[-1])

    def compare_rates(self, transport: str, size: Size, delay_ms: int):
        """Calls per second, with so many at once. Each round goes on for a fixed time."""
        homer = self.programs.homer(size, delay_ms)
        servers = [self.start(kind, transport, homer) for kind in (OURS, THEIRS)]
        for at_once in AT_ONCE:
            rates = [[], []]
            for turn in range(self.plan.rate_rounds + 1):
                for server, kept in zip(servers, rates, strict=True):
                    # The first round is a warm-up, which opens the connections.
                    seconds = self.plan.rate_s if turn else 0
                    calls, elapsed = server.run(seconds, at_once, size)
                    self.programs.remove_captures()
                    if turn:
                        kept.append(calls / elapsed)
            row = Row(transport, size.name, *rates, False, delay_ms, at_once)
            self.rates.append(row)
            report(row)
        if size is TEN_KB and not delay_ms:
            peaks = [server.memory_mib("VmHWM") for server in servers]
            self.memory(f"peak, 64 calls of 10 KB at once, {transport}", peaks)
        if size is ONE_MB and not delay_ms:
            peaks = [server.memory_mib("VmHWM") for server in servers]
            self.memory(f"peak, 64 calls of 1 MB at once, {transport}", peaks)
        for server in servers:
            server.close()

    def memory(self, what: str, values: list[float]):
        ours, theirs = values
        self.others.append([f"memory: {what}", number(ours), number(theirs)])
        self.others[-1].append(f"{number(theirs / ours)} ×")

    def idle_memory(self):
        homer = self.programs.homer(TEN_KB)
        servers = [self.programs.stdio(kind, homer) for kind in (OURS, THEIRS)]
        self.memory("after tools/list", [server.memory_mib("VmRSS") for server in servers])
        self.in_turns(servers, 100, TEN_KB)
        self.memory("after 100 calls of 10 KB", [server.memory_mib("VmRSS") for server in servers])
        for server in servers:
            server.close()

    def compare_starts(self):
        """From the start of the process to the response to tools/list, over stdio."""
        homer = self.programs.homer(SMALL)
        caches = self.programs.folder / "caches"
        variables = {
            True: {"XDG_CACHE_HOME": str(caches / "ours")},
            False: {"PYTHONPYCACHEPREFIX": str(caches / "theirs")},
        }

        def start(kind: Kind) -> float:
            begin = time.perf_counter()
            server = self.programs.stdio(kind, homer, **variables[kind.ours])
            elapsed = time.perf_counter() - begin
            server.close()
            return 1000 * elapsed

        cold, warm = [[], []], [[], []]
        for _ in range(self.plan.cold_starts):
            shutil.rmtree(caches, ignore_errors=True)
            for kind, kept in zip((OURS, THEIRS), cold, strict=True):
                kept.append(start(kind))
        for _ in range(self.plan.warm_starts):
            for kind, kept in zip((OURS, THEIRS), warm, strict=True):
                kept.append(start(kind))
        for name, times in (("cold", cold), ("warm", warm)):
            self.starts.append(Row("stdio", f"start to tools/list, {name}", *times))
            report(self.starts[-1])

    def homer_rows(self) -> list[list[str]]:
        """What the fake Homer does without a server between, with the same client."""
        rows = []
        for size in (SMALL, TEN_KB, ONE_MB, NINE_MB, LARGE):
            port = int(self.programs.homer(size).rsplit(":", 1)[1])
            session = homer_alone(port)

            def check(response, size=size):
                assert response.length >= size.bytes, response.length

            seconds = 2 * self.plan.rate_s
            cells = []
            for at_once in AT_ONCE if size.calls < NINE_MB.calls else [1]:
                session.run(0, at_once, check)
                calls, elapsed = session.run(seconds, at_once, check)
                cells.append(number(calls / elapsed))
            session.close()
            rows.append([size.name, *cells, *[""] * (len(AT_ONCE) - len(cells))])
        return rows


def report(row: Row):
    """Progress, for who waits."""
    what = f"{row.transport} {row.what} {row.note} {row.delay_ms} ms, {row.at_once} at once"
    print(what, *row.cells(), sep=" | ", file=sys.stderr, flush=True)


def goals(bench: Bench) -> list[list[str]]:
    """The targets, and the worst row of each."""
    rows = []

    def goal(name: str, candidates: list[Row], wanted: float):
        worst = min(candidates, key=lambda row: row.ratio)
        where = f"{worst.transport}, {worst.what}, {worst.at_once} at once"
        where += f", {worst.delay_ms} ms at Homer" if worst.delay_ms else ""
        reached = "yes" if worst.ratio >= wanted else "**no**"
        found = f"{number(worst.ratio)} × ({where})"
        rows.append([name, f"≥ {wanted:g} ×", found, reached])

    quick = [row for row in bench.rates if not row.delay_ms]
    for transport in TRANSPORTS:
        for row in bench.times:
            if row.transport == transport:
                goal(f"faster per call, {transport}, {row.what}", [row], WANTED)
        for at_once in (8, 64):
            rows_at = [r for r in quick if (r.transport, r.at_once) == (transport, at_once)]
            goal(f"more calls per second, {transport}, {at_once} at once", rows_at, WANTED)
    everything = bench.times + bench.rates
    goal("never slower, without a delay", [r for r in everything if not r.delay_ms], 1.0)
    goal("never slower, 50 ms at Homer", [r for r in everything if r.delay_ms], 1.0)
    return rows


INTRODUCTION = (
    "`homer-export-mcp` (release build) and `benches/fastmcp/server.py`, a FastMCP server with the "
    "same tool, take turns. The FastMCP server sends one request to Homer with a shared httpx "
    "client and returns base64, unchecked. Ours checks every byte, writes the report, and returns "
    "the capture as it does by default: over stdio in a file, over HTTP embedded (3 and 10 KB), as "
    "a link (1 MB), or in a file (`--output-dir`, 9 and 92 MB). Ours is asked for one search "
    "profile, so that both send one request to Homer. Values are medians, with quartiles in "
    "brackets. The ratio says how many times faster, or smaller, ours is. The client is written "
    "in Python, does not parse the results, and shares two cores with the servers and the fake "
    "Homer, which lowers the ratios of small calls."
)
EQUAL = (
    "The same bytes in the result: ours with `--result-mode base64`, FastMCP without the copy of "
    "the text that it adds as structured content by default. And ours as users call it, with three "
    "requests to Homer, one for each default search profile, against FastMCP's one."
)
HOMER = (
    "The fake Homer alone, calls per second with the same client. It is the same program for both "
    "servers. Where these figures are many times those above, it does not limit them."
)


def parts(bench: Bench, homer: list[list[str]]) -> list[str]:
    names = ["ours", "FastMCP", "ratio"]
    times = [[r.transport, r.what, r.note, *r.cells()] for r in bench.times]
    equal = [[r.transport, r.what, r.note or "base64", *r.cells()] for r in bench.equal_bytes]
    rates = [
        [r.transport, r.what, f"{r.delay_ms} ms", str(r.at_once), *r.cells()] for r in bench.rates
    ]
    starts = [[f"{r.what}, ms", *r.cells()] for r in bench.starts]
    memory = [[f"{row[0]}, MiB", *row[1:]] for row in bench.others]
    return [
        INTRODUCTION,
        "Milliseconds for a call, one at a time:",
        table(["transport", "capture", "ours returns", *names], times),
        EQUAL,
        table(["transport", "capture", "ours", *names], equal),
        "Calls per second:",
        table(["transport", "capture", "Homer takes", "at once", *names], rates),
        "Start and memory:",
        table(["", *names], starts + memory),
        HOMER,
        table(["capture", *[f"{at_once} at once" for at_once in AT_ONCE]], homer),
        "Goals; of several rows, the worst:",
        table(["goal", "", "found", "reached"], goals(bench)),
    ]


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("target", type=Path, help="cargo's target directory")
    parser.add_argument("--quick", action="store_true", help="few rounds; prints only")
    arguments = parser.parse_args()
    begin = time.monotonic()
    programs = Programs(arguments.target)
    bench = Bench(programs, QUICK if arguments.quick else FULL)
    try:
        bench.compare_starts()
        bench.idle_memory()
        homer = bench.homer_rows()
        for transport in TRANSPORTS:
            for size in SIZES:
                bench.compare(transport, size)
        for transport in TRANSPORTS:
            for size in (SMALL, TEN_KB, ONE_MB):
                for delay_ms in DELAYS_MS:
                    bench.compare_rates(transport, size, delay_ms)
    finally:
        programs.close()
    text = parts(bench, homer)
    print("\n\n".join(text))
    print(f"took {time.monotonic() - begin:.0f} s", file=sys.stderr)
    if not arguments.quick:
        write("Against FastMCP", "benches/fastmcp/run", text)


if __name__ == "__main__":
    main()
