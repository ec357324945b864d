# SPDX-License-Identifier: Apache-2.0
"""What recording costs a decode loop: every way in turn, round after round, as ratios to the bare
run of the same round."""
import os
import statistics
import subprocess
import time

from place import HERE, OutOfTime
from questions import facts
from recordings import LIMIT_S

# name, options of `gputrail record` (None: not recorded), what the build must have (an option of
# record or a command), options of decode.py, environment of the program of nvcc (None: cannot do it).
# Of that "" stands for the tool, and only the rest is for decode.py, too.
WAYS = (
    ("nothing", None, None, [], {}),
    ("host only", ["--host-only"], None, [], {}),
    ("graph level", ["--detail=graph"], "--detail", [], {}),
    ("node level, no call paths", ["--callpath=off"], None, [], {}),
    ("full, call paths", [], None, [], {}),
    ("auto, 2 %", ["--detail=auto", "--max-overhead=2%"], "--max-overhead", [], {}),
    ("sampled", ["--detail=sampled"], "--detail", [], {}),
    ("full, SM activity at 1 kHz", ["--sm-activity=1000"], "--sm-activity", [], {}),
    ("CUDA events", [], None, [], {"GPUTRAIL_CUPTI": "events"}),
    ("attached, idle", ["--delay=100000"], "--delay", [], {}),
    ("after stop", [], "ctl", ["--stop"], {"GPU_TEST_STOP": ""}),
    ("torch.profiler", None, None, ["--profiler=torch"], None),
    ("Proton", None, None, ["--profiler=proton"], None),
)
BARS = {"graph level": (3, 1), "full, call paths": (3, 3), "attached, idle": (0.1, 0.1),
        "after stop": (0.1, 0.1)}       # percent: eager, graph


def missing(place, need):
    if need is None:
        return None
    known = place.has_option(need) if need.startswith("--") else place.has_command(need)
    return None if known else f"not in this build ({need})"


def measure(place, command, options, environment):
    """{"eager": ns, "graph": ns} of a run, or a reason."""
    program = command
    if options is not None:
        file = os.path.join(place.scratch, "overhead.db")
        simulated = ["--sim"] if place.simulated else []
        command = [place.tool, "record", "-f", "-q", "-o", file, *simulated, *options, "--", *command]
    try:
        result = place.run(command, LIMIT_S, place.environment(program, **environment))
    except subprocess.TimeoutExpired:
        return f"took more than {LIMIT_S} s"
    said = facts(result.stdout)
    if "eager_step_ns" not in said:
        return said.get("cannot") or f"status {result.returncode}: {result.stderr.strip()[-160:]}"
    return {"eager": float(said["eager_step_ns"]), "graph": float(said["graph_step_ns"])}


def one_round(place, ways, found):
    """Adds to `found`; False: there was no bare run to compare with."""
    bare = None
    for name, options, need, command, environment in ways:
        if isinstance(found[name], str):
            continue
        times = missing(place, need) or measure(place, command, options, environment)
        if isinstance(times, str):
            found[name] = times
        elif name == "nothing":
            bare = times
            found[name].append((1.0, 1.0, times))
        elif bare:
            found[name].append((times["eager"] / bare["eager"], times["graph"] / bare["graph"], times))
    return bare is not None


def in_turn(place, ways, rounds, seconds=None):
    """{way: [(eager, graph) ratios to the bare run of the same round] or a reason}; as many rounds as
    there is time for."""
    found = {way[0]: [] for way in ways}
    begin = time.monotonic()
    for done in range(rounds):
        took = (time.monotonic() - begin) / max(done, 1)
        if done and seconds and time.monotonic() - begin + took > seconds:
            break
        try:
            if not one_round(place, ways, found):
                break
        except OutOfTime:       # what was measured of this round counts
            break
    return found


def percent(ratios, which):
    values = [(r[which] - 1) * 100 for r in ratios]
    return statistics.median(values), min(values), max(values)


def show(results, title, found):
    rows = []
    for name, ratios in found.items():
        if isinstance(ratios, str) or not ratios:
            rows.append((name, ratios or "no bare run to compare with", "", "", ""))
            continue
        cells = []
        for which, loop in ((0, "eager"), (1, "graph")):
            middle, low, high = percent(ratios, which)
            cells += [f"{statistics.median(r[2][loop] for r in ratios) / 1000:.1f}",
                      "" if name == "nothing" else f"{middle:+.2f} % ({low:+.2f} to {high:+.2f})"]
        rows.append((name, *cells))
    rounds = max((len(r) for r in found.values() if isinstance(r, list)), default=0)
    results.line(f"{title[:-1]}; {rounds} rounds:")
    results.table(("way", "eager step, us", "slower by", "graph step, us", "slower by"), rows)


def check_bars(place, results, found, what):
    """On a GPU only: what simulated steps cost says nothing."""
    if found["nothing"] == []:
        results.skip(what, "no time left (--minutes)")
        return
    if place.simulated:
        done = [name for name, r in found.items() if isinstance(r, list) and r]
        results.check("nothing" in done and "full, call paths" in done,
                      f"{what}: the table was measured", ", ".join(done))
        return
    for name, bars in BARS.items():
        ratios = found.get(name)
        if not isinstance(ratios, list) or not ratios:
            results.skip(f"{what}: {name}", ratios or "not measured")
            continue
        for which, loop in ((0, "eager"), (1, "graph")):
            middle = percent(ratios, which)[0]
            results.check(middle <= bars[which], f"{what}, {loop}: {name} within {bars[which]} %",
                          f"{middle:+.2f} %")
    ours, theirs = found.get("full, call paths"), found.get("torch.profiler")
    if isinstance(ours, list) and ours and isinstance(theirs, list) and theirs:
        mine, other = percent(ours, 0)[0], percent(theirs, 0)[0]
        results.check(mine <= other / 4, f"{what}, eager: at most a quarter of torch.profiler's",
                      f"{mine:+.2f} % and {other:+.2f} %")


def run(place, results, small, python=None):
    """python: an interpreter whose torch sees a GPU; None: only the loop of nvcc."""
    results.section("Overhead")
    rounds = 1 if small else 7
    programs = place.programs()
    if isinstance(programs, dict):
        steps = {"GPU_TEST_STEPS": "5" if small else "500"}
        left = place.time_left()
        found = in_turn(place, [
            (name, options, need, [programs["static"], "decode"],
             {**steps, **{key: value or place.tool for key, value in environment.items()}})
            for name, options, need, _, environment in WAYS if environment is not None], rounds,
            left and left * (0.3 if python else 0.9))
        show(results, "300 empty kernels a step, one by one and as one graph, static runtime:", found)
        check_bars(place, results, found, "empty kernels")
    if not python:
        results.skip("overhead of a transformer's decode loop", "no torch with a GPU")
        return
    script = [python, os.path.join(HERE, "decode.py"), f"--tool={place.tool}"]
    found = in_turn(place, [(name, options, need, [*script, *more],
                             {**place.torch_environment(),
                              **{key: value for key, value in (environment or {}).items() if value}})
                            for name, options, need, more, environment in WAYS], rounds, place.time_left())
    show(results, "A small transformer's decode step in PyTorch, eager and as CUDA graph:", found)
    check_bars(place, results, found, "transformer")

