# SPDX-License-Identifier: Apache-2.0
"""What each idle interval of a recorded demo was planted as, against what the recording says.

The simulator writes down every operation and why it did not start earlier, the server when and by
which thread a plant was done. An interval has a plant's cause if the plant took it; those of which
it took a part only (the machine did something else with the thread, too) count for nobody."""
import csv
import io
import os
import sqlite3
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "demo"))
from servers import Run, tap  # noqa: E402

US = 1000


# The server runs in real time: a machine that is busy with other things makes it late at places where
# nothing was planted. What is wrong with a rule shows in every recording, so the best of some counts.
TRIES = 3
# Longer than a plant can be: the machine took the thread away. From 10 ms on that looks like a gap between
# requests (bubbles.md); between launches that come every 40 us, sooner like another cause.
STALL = 10000 * US
STALLS = {"launch-bound": 80 * US, "tensormap-in-loop": 200 * US, "sync-per-layer": 1000 * US,
          "request-gaps": 10**12}
BOUNDARY = 5 * US      # gaps up to this of work that was submitted are boundaries, whatever the host did


def reason(row, by_id):
    """Why an operation did not start earlier: what holds up an operation of no length holds up the
    next one in its stream."""
    while row["cause"] == "stream" and row["waited_for"] in by_id:
        before = by_id[row["waited_for"]]
        if before["kind"] not in ("wait", "record", "memory") or before["end_ns"] != before["start_ns"]:
            break
        row = before
    return row["cause"]


class Recorded:
    """A demo with its truth: `idle` are (start, end, next operation, cause that the file tells);
    `op["before"]` is the operation before."""

    def __init__(self, plant, steps, *options, **env):
        name = tap.path("plant.db")
        truth = tap.path("plant.truth")
        for file in (truth, truth + ".plants"):
            if os.path.exists(file):
                os.unlink(file)
        result = tap.run("demo", "-f", "-o", name, f"--steps={steps}", f"--plant={plant}",
                         f"--truth={truth}", *options, cwd=tap.TMP, env={"LD_LIBRARY_PATH": None, **env})
        tap.equal(result.returncode, 0, f"{plant or 'healthy'}: recorded")
        self.file, self.plant = name, plant
        with sqlite3.connect(name) as db:
            self.origin = int(db.execute("SELECT value FROM meta WHERE key = 'origin'").fetchone()[0])
        db.close()
        self.data = tap.report_json(name)
        self.facts = [(what, begin - self.origin, end - self.origin, thread)
                      for what, begin, end, thread, _ in Run.read_facts(truth + ".plants")]
        self.memory_calls, self.operations = [], []
        self.idle = self.intervals(truth)

    def intervals(self, truth):
        """Idle time of the first device by the simulator, each with the cause in the recording."""
        rows = self.operations = Run.read_operations(truth)
        self.memory_calls = [row["submit_ns"] - self.origin for row in rows
                             if row["kind"] in ("alloc", "free", "memory")]
        by_id = {row["id"]: row for row in rows}
        for row in rows:
            row["cause"] = reason(row, by_id)
        ops = [row for row in rows if row["kind"] in ("kernel", "copy", "set")
               and row["status"] == "done" and row["device"] == "0"]
        idle, last = [], None
        for op in sorted(ops, key=lambda row: (row["start_ns"], row["end_ns"])):
            if last and op["start_ns"] > last["end_ns"]:
                op["before"] = last
                idle.append((last["end_ns"] - self.origin, op["start_ns"] - self.origin, op))
            if not last or op["end_ns"] >= last["end_ns"]:
                last = op
        table = tap.run("export", "--csv=bubbles_trace", self.file).stdout
        told = {int(row["start_ns"]): row for row in csv.DictReader(io.StringIO(table))
                if row["gpu"] == "0"}
        missing = [start for start, _, _ in idle if start not in told]
        tap.equal((len(missing), len(told)), (0, len(idle)),
                  f"{self.plant or 'healthy'}: the idle intervals are the simulator's")
        return [(start, end, op, told[start]["cause"]) for start, end, op in idle if start in told]

    def since_warm_up(self):
        """Those of the time that counts."""
        return [i for i in self.idle if i[0] >= self.data["warm_up_ns"]]


def taken(run, start, end, thread, plant):
    """How much of an interval a plant took, and whether it had begun before."""
    windows = [(max(start, begin), min(end, to), begin <= start <= to)
               for what, begin, to, who in run.facts
               if what == plant and begin < end and to > start and thread in (who, None)]
    return sum(to - begin for begin, to, _ in windows), any(held for _, _, held in windows)


# How a plant shows: it takes most of an interval itself; it holds the thread when the interval
# begins; it is spread over the launches of a step. The simulator's reason decides first.
def took(run, start, end, op, plant):
    part = taken(run, start, end, op["tid"] if plant != "request-gaps" else None, plant)[0]
    return None if 0.02 < part / (end - start) < 0.5 else part * 2 >= end - start


def held(run, start, end, op, plant):
    part, at_start = taken(run, start, end, op["tid"], plant)
    return at_start or (None if part else False)


def spread(run, start, end, op, plant):
    return taken(run, start, end, op["tid"], plant)[0] > 0


def between_uploads(_run, _start, _end, op, _plant):
    return op["copy_kind"] == op["before"]["copy_kind"] == "HtoD"


def after_readback(run, start, end, op, plant):
    return op["before"]["copy_kind"] == "DtoH" and spread(run, start, end, op, plant)


def late_by_itself(run, start, end, op, plant):
    """The host may be late without a plant, too: that counts for nobody."""
    return took(run, start, end, op, plant) or (None if op["cause"] == "submit" else False)


def at_memory_call(run, start, end, _op, plant):
    """The server allocates without a plant, too: that counts for nobody."""
    is_held = held(run, start, end, _op, plant)
    if is_held or not any(start <= at <= end for at in run.memory_calls):
        return is_held
    return None


class Score:
    """Time of a cause: planted, told, and both."""

    def __init__(self, run, plant, cause, how, reasons=("submit",)):
        self.planted = self.told = self.both = self.unclear = 0
        for start, end, op, told in run.since_warm_up():
            ns = end - start
            is_planted = op["cause"] in reasons and (how is None or how(run, start, end, op, plant))
            if how and ns <= BOUNDARY and told == "kernel_boundary":
                is_planted = None
            is_stall = ns >= STALLS.get(plant, STALL)
            looks_planted = plant == "request-gaps" and ns >= STALL and op["cause"] in reasons
            if is_planted is None or (how and is_stall and
                                      (is_planted or spread(run, start, end, op, plant))) or \
               (looks_planted and not is_planted):
                self.unclear += ns
                continue
            self.planted += ns * is_planted
            self.told += ns * (told == cause)
            self.both += ns * (is_planted and told == cause)

    def __str__(self):
        return (f"planted {self.planted / 1e6:.3f} ms, told {self.told / 1e6:.3f} ms, both "
                f"{self.both / 1e6:.3f} ms, unclear {self.unclear / 1e6:.3f} ms")

    def holds(self):
        return (0 < self.planted and self.both >= 0.98 * max(self.planted, self.told)
                and abs(self.told - self.planted) <= 0.02 * self.planted)

    def check(self, name):
        """Recall and precision of 98 % of the time, the total within 2 %."""
        tap.ok(self.planted > 0, f"{name}: there is some", self)
        tap.ok(self.both >= 0.98 * self.planted, f"{name}: 98 % of it is told", self)
        tap.ok(self.both >= 0.98 * self.told, f"{name}: 98 % of what is told is it", self)
        tap.ok(abs(self.told - self.planted) <= 0.02 * self.planted, f"{name}: its time", self)
