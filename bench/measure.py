"""The measurements. Clients take turns, so that a busy moment of the machine meets all of them."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from contextlib import ExitStack
from statistics import median
from typing import NamedTuple

from board import ROOT, Pack, emulator, wire_limit
from clients import OURS, UPSTREAM, Client, Worker, cli_peak_memory, cli_seconds, run
from report import Section, goal

SMALL = Pack(14, 1)
PACKS = (SMALL, Pack(16, 4), Pack(48, 16))
CLIENTS = (OURS, UPSTREAM)
TEST_PYTHON = str(ROOT / ".venv" / "test" / "bin" / "python")
"""Has bleak and what the stand-in needs."""


class Counts(NamedTuple):
    """How often each thing is measured."""

    warm: int
    cold: int
    lost: int
    memory: int
    imports: int
    ports: int
    sessions: int


FULL = Counts(warm=15, cold=20, lost=80, memory=3, imports=40, ports=5, sessions=20)
QUICK = Counts(warm=2, cold=2, lost=30, memory=1, imports=5, ports=1, sessions=3)


def ms(seconds: float) -> str:
    return f"{seconds * 1000:.0f} ms"


def warm_times(pack: Pack, latency: int, count: int) -> dict[str, dict[str, list[float]]]:
    """Seconds and CPU seconds of each get_all, by who read, in turns over a board each."""
    who = {"default": (OURS, "default"), "pause=0": (OURS, "0"), "upstream": (UPSTREAM, "default")}
    times: dict[str, dict[str, list[float]]] = {name: {"seconds": [], "cpu": []} for name in who}
    with ExitStack() as stack:
        workers = {}
        for name, (client, pause) in who.items():
            path = stack.enter_context(emulator(pack.options(latency)))
            workers[name] = stack.enter_context(Worker(client, "get_all", pause, [path]))
            workers[name].read(pack)
        for _ in range(count):
            for name, worker in workers.items():
                answer = worker.read(pack)
                times[name]["seconds"].append(answer["seconds"])
                times[name]["cpu"].append(answer["cpu"])
    return times


def warm(counts: Counts) -> list[Section]:
    """Readings over an open connection as a ratio to the wire's limit, and the CPU time they take."""
    rows, data, cpu = [], [], {}
    for pack in PACKS:
        for latency in (0, 25):
            times = warm_times(pack, latency, counts.warm)
            limit = wire_limit(pack, latency)
            medians = {name: median(taken["seconds"]) for name, taken in times.items()}
            rows.append(warm_row(pack, latency, limit, medians))
            data.append(
                {
                    "cells": pack.cells,
                    "sensors": pack.sensors,
                    "latency_ms": latency,
                    "limit_s": limit,
                    "median_s": medians,
                    "samples": times,
                }
            )
            cpu[pack, latency] = times
    header = ["pack", "board's delay", "wire limit", OURS.name, "with pause=0", UPSTREAM.name, "goals"]
    return [
        Section("get_all() over an open connection, and its ratio to the wire limit", header, rows, data),
        cpu_time(cpu[SMALL, 25]),
    ]


def warm_row(pack: Pack, latency: int, limit: float, medians: dict[str, float]) -> list[str]:
    ratios = {name: taken / limit for name, taken in medians.items()}
    goals = [goal(ratios["pause=0"], 1.02, "pause=0 <= 1.02")]
    if latency == 25:
        goals.insert(0, goal(ratios["default"], 1.15, "<= 1.15"))
    figures = [f"{ms(medians[name])} ({ratios[name]:.3f})" for name in ("default", "pause=0", "upstream")]
    return [str(pack), f"{latency} ms", ms(limit), *figures, ", ".join(goals)]


def cpu_time(times: dict[str, dict[str, list[float]]]) -> Section:
    spent = {name: 100 * sum(taken["cpu"]) / len(taken["cpu"]) for name, taken in times.items()}
    ratio = spent["default"] / spent["upstream"]
    row = [f"100 x get_all(), {SMALL}", f"{spent['default']:.2f} s", f"{spent['upstream']:.2f} s"]
    row += [f"{ratio:.2f}", goal(ratio, 1.0, "ratio <= 1.00")]
    return Section("CPU time", ["what", OURS.name, UPSTREAM.name, "ratio", "goal"], [row], spent)


def cold(counts: Counts) -> Section:
    """One command from start to exit, as a user waits for it; both command lines take turns."""
    rows, data = [], {}
    with emulator(SMALL.options(25)) as path:
        for flag in ("--soc", "--all"):
            taken: dict[str, list[float]] = {client.name: [] for client in CLIENTS}
            for _ in range(counts.cold):
                for client in CLIENTS:
                    taken[client.name].append(cli_seconds(client, path, flag))
            ours, theirs = (median(taken[client.name]) for client in CLIENTS)
            verdict = goal(ours / theirs, 1.0, "ratio <= 1.00")
            rows.append([f"daly-bms-cli {flag}", ms(ours), ms(theirs), f"{ours / theirs:.2f}", verdict])
            data[flag] = taken
    header = ["command", OURS.name, UPSTREAM.name, "ratio", "goal"]
    return Section(f"One command from start to exit ({SMALL}, 25 ms)", header, rows, data)


def silent(_counts: Counts) -> Section:
    """A board that never answers."""
    rows, data = [], {}
    for client in CLIENTS:
        with emulator(f"{SMALL.options(25)}&fault=asleep") as path:
            done = run([client.command, "-d", path, "--soc"])
        lines = len(done.stderr.splitlines())
        verdict = goal(done.seconds, 5.0, "<= 5 s") if client is OURS else ""
        rows.append([client.name, f"{done.seconds:.2f} s", str(done.code), str(lines), verdict])
        data[client.name] = {"seconds": done.seconds, "exit": done.code, "stderr_lines": lines}
    header = ["who", "--soc ends after", "exit code", "lines on stderr", "goal"]
    return Section("A silent line", header, rows, data)


def one_loss(client: Client, count: int) -> tuple[float, list[float]]:
    """Median time that one lost reply adds to get_soc, and all times; some replies of the board are lost."""
    with ExitStack() as stack:
        path = stack.enter_context(emulator(f"{SMALL.options(25)}&fault=drop-reply:0.1&seed=1"))
        worker = stack.enter_context(Worker(client, "get_soc", "default", [path]))
        times = [worker.read(SMALL)["seconds"] for _ in range(count)]
    usual = median(times)
    longer = [taken - usual for taken in times if taken - usual > 0.1]
    if not longer:
        raise RuntimeError("the emulator lost no reply: take another seed")
    once = [extra for extra in longer if extra < 1.5 * min(longer)]
    return median(once), times


def lost(counts: Counts) -> Section:
    """What one lost reply costs."""
    rows, data = [], {}
    for client in CLIENTS:
        extra, times = one_loss(client, counts.lost)
        verdict = goal(extra, 0.7, "< 0.7 s") if client is OURS else ""
        rows.append([client.name, ms(extra), verdict])
        data[client.name] = {"extra_s": extra, "samples_s": times}
    return Section("One lost reply", ["who", "added time", "goal"], rows, data)


def memory(counts: Counts) -> Section:
    """Peak resident memory of a command."""
    rows, data = [], {}
    with emulator(SMALL.options(0)) as path:
        for client in CLIENTS:
            peaks = [cli_peak_memory(client, path, "--all") for _ in range(counts.memory)]
            verdict = goal(max(peaks), 20, "< 20 MB") if client is OURS else ""
            rows.append([client.name, f"{max(peaks):.1f} MB", verdict])
            data[client.name] = peaks
    return Section("Peak memory of daly-bms-cli --all", ["who", "resident", "goal"], rows, data)


def imports(counts: Counts) -> Section:
    """What `import dalybms` adds to the start of the interpreter."""
    commands = {client.name: [client.python, "-c", "import dalybms"] for client in CLIENTS}
    commands["bare interpreter"] = [OURS.python, "-c", "pass"]
    taken: dict[str, list[float]] = {name: [] for name in commands}
    for _ in range(counts.imports):
        for name, command in commands.items():
            taken[name].append(run(command).seconds)
    bare = median(taken["bare interpreter"])
    rows = []
    for client in CLIENTS:
        extra = median(taken[client.name]) - bare
        verdict = goal(extra, 0.015, "<= 15 ms") if client is OURS else ""
        rows.append([client.name, f"{extra * 1000:.1f} ms", verdict])
    return Section("import dalybms beside the bare interpreter", ["who", "added", "goal"], rows, taken)


def ports(counts: Counts) -> Section:
    """Sixteen boards on sixteen ports, a thread each, beside one board."""
    taken: dict[str, list[float]] = {"1 port": [], "16 ports": []}
    with ExitStack() as stack:
        paths = [stack.enter_context(emulator(SMALL.options(25))) for _ in range(17)]
        workers = {
            "1 port": stack.enter_context(Worker(OURS, "get_all", "default", paths[:1])),
            "16 ports": stack.enter_context(Worker(OURS, "get_all", "default", paths[1:])),
        }
        for worker in workers.values():
            worker.read(SMALL)
        for _ in range(counts.ports):
            for name, worker in workers.items():
                taken[name].append(worker.read(SMALL)["seconds"])
    one, many = median(taken["1 port"]), median(taken["16 ports"])
    row = [ms(one), ms(many), f"{many / one:.2f}", goal(many / one, 1.2, "ratio <= 1.20")]
    return Section(
        f"get_all() of 16 ports in 16 threads ({SMALL}, 25 ms)",
        ["1 port", "16 ports", "ratio", "goal"],
        [row],
        taken,
    )


def radio(counts: Counts) -> Section:
    """What Bluetooth costs beside the radio itself; needs dbus-daemon."""
    title, header = "Bluetooth, on a stand-in for BlueZ", ["what", "median", "goal"]
    if not shutil.which("dbus-daemon"):
        return Section(title, header, [["not measured: dbus-daemon is not installed", "", ""]], {})
    taken = json.loads(
        subprocess.run(
            [TEST_PYTHON, str(ROOT / "bench" / "radio.py"), "200", str(counts.sessions)],
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            stdout=subprocess.PIPE,
            timeout=120,
            check=True,
        ).stdout
    )
    handover, session = median(taken["handover"]), median(taken["session"])
    rows = [
        [
            "hand-over between threads, per request",
            f"{1000 * handover:.2f} ms",
            goal(handover, 0.001, "< 1 ms"),
        ],
        ["scan, connect, get_soc(), close", ms(session), goal(session, 0.1, "< 100 ms")],
    ]
    return Section(title, header, rows, taken)
