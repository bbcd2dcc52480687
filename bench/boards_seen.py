"""Boards as users have them: of each protocol, and deaf for a while after an answer."""

from __future__ import annotations

import json
from statistics import median

from board import emulator, wire_limit
from clients import OURS, UPSTREAM, run
from measure import SMALL, Counts, ms
from report import Section, goal

FOUND, PYTHON = 0.8, 0.1
"""Seconds within which a healthy board of any protocol has answered, and for the start of Python."""
REST = 3.0
"""Seconds that a deaf board may cost more than its wire time and its rests."""
OPTIONAL = ("balancing_status",)
"""0.5.0 never reads it."""
_KINDS = {
    "A5": "protocol=a5",
    "A5, host 0x80 only": "protocol=a5&host=80",
    "P81": "protocol=p81",
    "D2": "protocol=d2",
}


def first_answers(counts: Counts) -> Section:
    """How long a user waits for --soc of a board that was never asked before."""
    rows, data = [], {}
    for name, options in _KINDS.items():
        with emulator(f"cells={SMALL.cells}&sensors={SMALL.sensors}&latency=25&{options}") as path:
            taken = []
            for _ in range(counts.memory):
                done = run([OURS.command, "-d", path, "--soc"])
                if done.code:
                    raise RuntimeError(f"{name}: {done.stderr.strip()}")
                taken.append(done.seconds)
        rows.append(
            [name, ms(median(taken)), goal(median(taken), FOUND + 0.1, "<= 0.8 s and 0.1 s of Python")]
        )
        data[name] = taken
    header = ["board", "daly-bms-cli --soc", "goal"]
    return Section("A board of each protocol, not known before (25 ms)", header, rows, data)


def deaf_boards(_counts: Counts) -> Section:
    """--all of a board that hears nothing for some time after each answer."""
    rows, data = [], {}
    for deaf in (0, 20, 60, 150, 250):
        options = f"{SMALL.options(25)}&deaf={deaf}"
        least = wire_limit(SMALL, 25) + 9 * deaf / 1000
        seconds, missing = {}, {}
        for client in (OURS, UPSTREAM):
            with emulator(options) as path:
                done = run([client.command, "-d", path, "--all"])
            seconds[client.name], missing[client.name] = done.seconds, _missing(done.stdout)
        told = [f"{ms(seconds[client.name])}, {missing[client.name]}" for client in (OURS, UPSTREAM)]
        whole = "met" if missing[OURS.name] == "complete" else "MISSED"
        within = goal(seconds[OURS.name] - least, REST, "within 3 s more")
        rows.append([f"{deaf} ms", ms(least), *told, f"complete: {whole}, {within}"])
        data[str(deaf)] = {"seconds": seconds, "missing": missing}
    header = ["deaf for", "wire and rests", OURS.name, UPSTREAM.name, "goals"]
    return Section(f"--all of a board that is deaf after an answer ({SMALL}, 25 ms)", header, rows, data)


def _missing(printed: str) -> str:
    try:
        document = json.loads(printed)
    except ValueError:
        return "nothing"
    named = [
        name for name, section in document.items() if (not section and section != []) or _failed(section)
    ]
    named = [name for name in named if name != "balancing_status"]
    return f"without {', '.join(named)}" if named else "complete"


def _failed(section: object) -> bool:
    return isinstance(section, dict) and "error" in section
