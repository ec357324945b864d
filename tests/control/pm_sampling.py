# SPDX-License-Identifier: Apache-2.0
"""PM sampling at 1 kHz: rows against what the simulated CUPTI says it sampled, its clocks, a full buffer,
what becomes of a CUPTI that refuses, lacks, hangs or dies. Prints TAP."""
import os
import signal
import sqlite3
import subprocess
import sys
import time

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "analysis"))
import tap
from tap import equal, ok

if os.environ.get("sanitizers"):
    print("1..0 # SKIP sanitizers and LD_PRELOAD")
    sys.exit()

TOP = os.environ.get("top_builddir", ".")
PROGRAM = os.path.join(TOP, "tests", "control-activity")
COSTS = tap.path("costs")
with open(COSTS, "w", encoding="utf-8") as costs:
    costs.write("wide fixed_us=2000 tensor=0.5 bytes=2e9\n")
WORK = ("rest", "200", "run", "wide", "1056", "256", "100", "rest", "100")
METRICS = ("gpu_busy_ppm", "sm_active_ppm", "occupancy_ppm", "tensor_ppm", "dram_ppm",
           "pcie_tx_bytes_per_s", "pcie_rx_bytes_per_s", "nvlink_tx_bytes_per_s", "nvlink_rx_bytes_per_s")


class Recorded:
    def __init__(self, name, *work, options=("--sm-activity=1000",), meanwhile=None, **env):
        self.file, self.truth = tap.path(name + ".db"), tap.path(name + ".truth")
        command = [os.path.join(TOP, "cmd", "gputrail"), "record", "--sim", "-o", self.file, *options, "--",
                   PROGRAM, *(work or WORK)]
        with subprocess.Popen(command, env={**os.environ, "SIMCUDA_COSTS": COSTS,
                                            "SIMCUPTI_PM_TRUTH": self.truth, **env},
                              stderr=subprocess.PIPE, text=True) as process:
            if meanwhile:
                meanwhile(process.pid)
            self.message = process.communicate(timeout=60)[1]
        self.status = process.returncode
        self.db = sqlite3.connect(self.file)
        self.origin = int(self.ask("SELECT value FROM meta WHERE key = 'origin'")[0][0])
        self.source, self.note, self.overflows = self.ask(
            "SELECT source, note, overflows FROM activity_source")[0]

    def ask(self, sql):
        return self.db.execute(sql).fetchall()

    def rows(self):
        """(begin, end, ppm of the SMs), in CLOCK_MONOTONIC"""
        return [(self.origin + start, self.origin + start + dur, active) for start, dur, active in
                self.ask("SELECT start_ns, dur_ns, sm_active_ppm FROM activity ORDER BY start_ns")]

    def sampled(self):
        """The same as CUPTI sampled it; the first sample after each start is not to be believed."""
        with open(self.truth, encoding="utf-8") as file:
            lines = [[int(field) for field in line.split()] for line in file]
        return [tuple(line[:3]) for line in lines if not line[3]]


def sampler_of(recorder):
    """The process that samples, once it does."""
    for _ in range(200):
        for task in os.listdir(f"/proc/{recorder}/task"):
            with open(f"/proc/{recorder}/task/{task}/children", encoding="utf-8") as children:
                for child in children.read().split():
                    with open(f"/proc/{child}/cmdline", "rb") as line:
                        if line.read().split(b"\0")[1:2] == [b"sample"]:
                            return int(child)
        time.sleep(0.02)
    return None


# --- samples, and when they were ---------------------------------------------------------------------
r = Recorded("truth", SIMCUPTI_PM_CLOCK="monotonic")
equal((r.source, r.note, r.overflows), ("pm_sampling", "", 0), "PM sampling gives the figures")
equal(r.rows(), r.sampled(), "every sample is there, to the nanosecond")
ok(r.ask("SELECT max(sm_active_ppm) > 900000 AND min(sm_active_ppm) = 0 AND max(tensor_ppm) > 400000 AND"
         " max(dram_ppm) > 100000 FROM activity")[0][0], "the work was seen, and the rest around it")
asked, reached, samples = r.ask("SELECT asked_period_ns, period_ns, samples FROM activity_source")[0]
ok(asked == 1000000 <= reached + 10000 and samples == len(r.rows()), "period as asked for and as reached",
   asked, reached)
ok(r.ask("SELECT count(memory_used_bytes) FROM activity")[0][0] > 1, "NVML adds memory now and then")
ok("SM activity" not in r.message, "nothing to complain about", r.message)
r = Recorded("realtime")
rows, sampled = r.rows(), r.sampled()
ok(len(rows) == len(sampled) and all(abs(a[0] - b[0]) < 100000 and a[2] == b[2]
                                     for a, b in zip(rows, sampled)),
   "samples in CLOCK_REALTIME: within 0.1 ms", len(rows), len(sampled), rows[:1], sampled[:1])
r = Recorded("own", SIMCUPTI_PM_CLOCK="gpu")
rows, sampled = r.rows(), r.sampled()
late = [a[0] - b[0] for a, b in zip(rows, sampled)]
ok(len(rows) == len(sampled) and late and min(late) >= 0 and late == sorted(late, reverse=True),
   "samples in a clock of the GPU: never before they happened, and no worse with time", late[:2], late[-2:])
r = Recorded("sysclk", SIMCUPTI_PM_CLOCK="monotonic", SIMCUPTI_PM_SYSCLK_ONLY="1")
equal((r.source, r.rows() == r.sampled() != []), ("pm_sampling", True), "GPUs that count their own clock")
r = Recorded("full", SIMCUPTI_PM_CLOCK="monotonic", SIMCUPTI_PM_FULL_AT="40")
ok(r.overflows > 1 and r.rows() == r.sampled() and len(r.rows()) > 39,
   "a full buffer is emptied and counted", r.overflows, len(r.rows()))
r = Recorded("duration", "rest", "700", options=("--sm-activity=1000", "--duration=0.4"),
             SIMCUPTI_PM_CLOCK="monotonic")
ok(set(r.rows()) <= set(r.sampled()) and len(r.rows()) < len(r.sampled()),
   "what was sampled while nothing is recorded is left out", len(r.rows()), len(r.sampled()))

# --- counters that there are not -----------------------------------------------------------------------
r = Recorded("few", SIMCUPTI_PM_ONE_PASS="3")
equal(r.ask("SELECT " + ", ".join(f"count({m}) > 0" for m in METRICS) + " FROM activity")[0],
      (1, 1, 1, 0, 0, 0, 0, 0, 0), "what does not fit into one pass is unknown")
r = Recorded("lacks", SIMCUPTI_PM_LACKS="pcie")
equal(r.ask("SELECT " + ", ".join(f"count({m}) > 0" for m in METRICS) + " FROM activity")[0],
      (1, 1, 1, 1, 1, 0, 0, 1, 1), "what a GPU does not have, too")

# --- refusals: NVML instead ------------------------------------------------------------------------------
for name, fail, reason in (
        ("not permitted", "cuptiPmSamplingEnable=35", "needs CAP_SYS_ADMIN"),
        ("not permitted to look", "cuptiPmSamplingGetCounterAvailability=35", "needs CAP_SYS_ADMIN"),
        ("used by another tool", "cuptiPmSamplingEnable=7", "somebody else samples this GPU"),
        ("no profiler", "cuptiProfilerInitialize=999", "profiler does not start: CUPTI_ERROR_UNKNOWN (999)"),
        ("no metric", "cuptiProfilerHostConfigAddMetrics=1", "has none of the counters"),
        ("no start", "cuptiPmSamplingStart=999", "PM sampling does not start")):
    r = Recorded(name.replace(" ", "-"), "rest", "500", SIMCUPTI_PM_FAIL=fail)
    ok(r.status == 0 and r.source == "gpm" and reason in r.note and "9 times a second" in r.note and
       reason in r.message, f"{name}: GPM, and why", r.source, r.note, r.message)
r = Recorded("old", "rest", "500", SIMCUPTI_RELEASE="12.5")
ok(r.source == "gpm" and "no PM sampling" in r.note, "CUPTI 12.5 has none", r.note)
for release in ("12.6", "12.8", "13.2", "13.5"):       # whose structures differ
    r = Recorded(release, SIMCUPTI_RELEASE=release, SIMCUPTI_PM_CLOCK="monotonic")
    equal((r.source, r.rows() == r.sampled() != []), ("pm_sampling", True), f"CUPTI {release} has")
r = Recorded("both", "rest", "400", SIMCUPTI_PM_FAIL="cuptiPmSamplingEnable=35", SIMNVML_FAIL="nvmlInit_v2=9")
ok(r.source == "none" and "CAP_SYS_ADMIN" in r.note and "Driver not loaded (9)" in r.note,
   "neither of both: both reasons", r.note)
r = Recorded("hang", "rest", "300", SIMCUPTI_PM_FAIL="cuptiPmSamplingStart=0")
ok(r.status == 0 and r.source == "none" and "did not answer" in r.note, "a CUPTI that hangs keeps nobody",
   r.source, r.note)
killed = []
r = Recorded("killed", "rest", "700", SIMCUPTI_PM_CLOCK="monotonic",
             meanwhile=lambda pid: (time.sleep(0.4), killed.append(sampler_of(pid)),
                                    killed[0] and os.kill(killed[0], signal.SIGKILL)))
ok(killed[0] and r.status == 0 and "without a word" in r.note, "the process that samples may die",
   killed, r.source, r.note)
equal(r.ask("SELECT value FROM meta WHERE key = 'state'")[0][0], "complete", "and the file is finished")
left = []
r = Recorded("end", "rest", "300", meanwhile=lambda pid: left.append(sampler_of(pid)))
ok(left[0] and not os.path.exists(f"/proc/{left[0]}"), "it ends with the recording", left)
tap.done()
