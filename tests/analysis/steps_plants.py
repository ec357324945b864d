#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Steps of the demo servers: what is found is what the servers wrote down, whatever is planted."""
import csv
import io
import os
import sqlite3
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "demo"))
from servers import skip_without_simulator, tap  # noqa: E402

STEPS = 80
# Settings that change what a step looks like; rates make steps differ from each other.
SETTINGS = (("healthy", ()), ("eager", ("--plant=no-graphs",)),
            ("mixed", ("--plant=sync-per-layer:0.3,small-copies,tiny-kernels:0.5",)),
            ("recaptured", ("--plant=graph-recapture,jit-in-loop,request-gaps",)),
            ("launch-bound", ("--plant=launch-bound,sync-readback", "--seed=7")),
            ("python", ("--python", "--plant=kv-offload,redundant-copies:0.4")))


def record(options):
    """The file, its launches by thread as (host start, tid), and the true steps."""
    file, truth = tap.path("steps.db"), tap.path("truth")
    result = tap.run("demo", "-o", file, f"--steps={STEPS}", "--truth", truth, *options, cwd=tap.TMP,
                     env={"LD_LIBRARY_PATH": None})
    if result.returncode:
        raise RuntimeError(result.stderr)
    db = sqlite3.connect(file)
    origin = int(db.execute("SELECT value FROM meta WHERE key = 'origin'").fetchone()[0])
    launches = db.execute("SELECT l.start_ns, tid FROM (SELECT start_ns, thread FROM launch UNION ALL"
                          " SELECT start_ns, thread FROM graph_launch) l"
                          " JOIN thread t ON t.id = l.thread ORDER BY 1").fetchall()
    db.close()
    with open(truth + ".steps", encoding="utf-8") as lines:
        rows = [line.rstrip("\n").split("\t") for line in lines if not line.startswith("#")]
    steps = [(int(begin) - origin, int(end) - origin, int(tid), phase)
             for _, begin, end, tid, phase in rows]
    return file, launches, steps


def first_and_last(launches, begin, end, tid):
    """The first and the last launch of a thread within a time."""
    inside = [at for at, thread in launches if thread == tid and begin <= at <= end]
    return (inside[0], inside[-1]) if inside else None


def check(name, options):
    file, launches, truth = record(options)
    wanted = {}
    for begin, end, tid, phase in truth:
        bounds = first_and_last(launches, begin, end, tid)
        if bounds:
            wanted[bounds] = phase
    result = tap.run("export", "--csv=gputrail_steps", file)
    tap.equal(result.returncode, 0, f"{name}: exported")
    found = {}
    for row in csv.DictReader(io.StringIO(result.stdout)):
        begin = int(row["start_ns"])
        bounds = first_and_last(launches, begin, begin + int(row["duration_ns"]), int(row["tid"]))
        found[bounds] = row["phase"]
    right = [bounds for bounds in found if bounds in wanted]
    tap.ok(len(wanted) >= STEPS - 1, f"{name}: the truth has the steps", len(wanted))
    tap.ok(len(right) >= 0.98 * len(wanted), f"{name}: 98 % of the steps begin and end right",
           f"{len(right)} of {len(wanted)}, {len(found)} found")
    tap.ok(len(found) <= 1.02 * len(wanted), f"{name}: and hardly any others", len(found))
    phases = sum(found[bounds] == wanted[bounds] for bounds in right)
    tap.ok(phases >= 0.95 * len(right), f"{name}: prefill and decode told apart",
           f"{phases} of {len(right)}")
    if os.environ.get("STEPS_SHOW"):
        print(f"# {name}: {len(right)} right of {len(wanted)}, {len(found)} found, "
              f"{phases} phases right")


skip_without_simulator()
for setting in SETTINGS:
    check(*setting)
tap.done()
