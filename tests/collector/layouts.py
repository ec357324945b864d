#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Recordings with the CUPTI of every release, whole and with everything that can go wrong in it: what
came has the times of the truth file, what did not is counted, and the program never notices. TAP."""
import concurrent.futures
import os
import re
import shutil
import sqlite3
import subprocess
import sys
import tempfile

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from truth import read_file, read_truth  # noqa: E402

TOP, BUILD = os.environ["top_srcdir"], os.environ["top_builddir"]
with open(os.path.join(TOP, "simcuda", "cupti_release.c"), encoding="utf-8") as source:
    RELEASES = re.findall(r'\{ "([\d.]+)", \d+, \d+ \}', source.read())
with open(os.path.join(TOP, "simcuda", "cupti_records.def"), encoding="utf-8") as source:
    CHANGED = set(re.findall(r"^SIZE\((?:kernel|memcpy|memcpy2|memset), (\d+),", source.read(), re.M))
# Those whose records of GPU work differ from the release before.
LAYOUTS = [r for r in RELEASES if "{}{:02}".format(*map(int, r.split("."))) in CHANGED]
LAUNCHES = 60
GPU = ("kernel", "copy", "set")


class Run:
    def __init__(self, folder, release, settings):
        self.file, truth = os.path.join(folder, "run.db"), os.path.join(folder, "truth")
        result = subprocess.run(
            [os.path.join(BUILD, "cmd", "gputrail"), "record", "--sim", "-q", "-o", self.file, "--",
             os.path.join(BUILD, "tests", "collector-workload"), "launches", str(LAUNCHES)],
            env={**os.environ, "SIMCUDA_TRUTH": truth, "SIMCUPTI_RELEASE": release, **settings},
            capture_output=True, text=True, timeout=60, check=False)
        self.status, self.errors = result.returncode, result.stderr
        wanted, found = read_truth([truth]), read_file(self.file)
        self.work = sum(sum(wanted[kind].values()) for kind in GPU)
        self.kernels = sum(wanted["kernel"].values())
        self.missing = sum(sum((wanted[kind] - found[kind]).values()) for kind in GPU)
        # What has no times has None there; all else must be true.
        wrong = [item for kind in GPU for item in found[kind] - wanted[kind]]
        self.untimed = sum(found[kind][item] for kind in GPU for item in found[kind] - wanted[kind]
                           if item[-1] is None)
        self.wrong = [item for item in wrong if item[-1] is not None]
        self.db = sqlite3.connect(self.file)
        self.counters = dict(self.db.execute("SELECT name, sum(value) FROM counter GROUP BY name"))
        self.launches = self.one("SELECT count(*) FROM launch")
        self.orphans = self.one("SELECT count(*) FROM orphan")
        self.backend, self.note = self.db.execute("SELECT backend, backend_note FROM process").fetchone()

    def one(self, sql):
        return self.db.execute(sql).fetchone()[0]

    def counted(self, name):
        return self.counters.get(name, 0)


def whole(run):
    return run.backend == "cupti" and not run.missing and not run.orphans and not run.untimed


def dropped(run):
    """Which lie at the end of a buffer is up to the simulator; every seventh is lost."""
    return run.untimed == run.missing == run.counted("cupti_dropped") == run.work // 7 == \
        run.counted("gpu_missing") > 0


def bad_times(run):
    return run.untimed == run.missing == run.counted("cupti_bad_times") == run.kernels // 5 > 0


def host_only(run):
    return run.backend == "none" and run.missing == run.untimed == run.work


def refused(run):
    return host_only(run) and run.counted("cupti_refused") == 1 and "error 39" in run.note


def newer(run):
    return host_only(run) and "newer than the driver" in run.note


def hung(run):
    """What was flushed before the hang is there; the end was waited for and given up."""
    return run.counted("flush_timeouts") == 1 and run.missing == run.untimed


CASES = (
    ("whole", {}, whole),
    ("unordered", {"SIMCUPTI_UNORDERED": "1"}, whole),
    ("records dropped", {"SIMCUPTI_DROP": "7"}, dropped),
    ("times of zero", {"SIMCUPTI_ZERO_TIMES": "5"}, bad_times),
    ("reversed times", {"SIMCUPTI_REVERSED_TIMES": "5"}, bad_times),
    ("held by another tool", {"SIMCUPTI_REFUSE": "39", "GPUTRAIL_EVENTS": "off"}, refused),
    ("newer than the driver", {"SIMCUPTI_NEWER_THAN_DRIVER": "1", "GPUTRAIL_EVENTS": "off"},
     newer),
    ("a flush that hangs", {"SIMCUPTI_HANG_FLUSH": "1"}, hung),
)


def try_one(job):
    (name, settings, holds), release = job
    with tempfile.TemporaryDirectory(dir=FOLDER) as folder:
        run = Run(folder, release, settings)
        good = run.status == 0 and run.launches == LAUNCHES and not run.wrong and holds(run)
        return name, None if good else f"{release}: status {run.status}, {run.launches} launches, " \
            f"{run.missing} missing, {run.untimed} without times of {run.work}, {run.orphans} orphans, " \
            f"{run.backend} '{run.note}', {run.counters}, wrong: {run.wrong[:2]}"


if os.environ.get("sanitizers"):
    print("1..0 # SKIP preloading needs a build without sanitizers")
    sys.exit(0)
FOLDER = tempfile.mkdtemp(prefix="gputrail-test.")
try:
    # Those that hang take two seconds each, in which nothing happens: side by side.
    jobs = sorted(((case, r) for case in CASES for r in (LAYOUTS if case[1] else RELEASES)),
                  key=lambda j: j[0][2] is not hung)
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        results = list(pool.map(try_one, jobs))
finally:
    shutil.rmtree(FOLDER, True)
for number, (name, _, _) in enumerate(CASES, 1):
    wrong = [text for case, text in results if case == name and text]
    done = sum(case == name for case, _ in results)
    print(f"{'not ok' if wrong or not done else 'ok'} {number} - {name}: {done} releases of CUPTI")
    for text in wrong[:5]:
        print("#", text)
print(f"1..{len(CASES)}")
