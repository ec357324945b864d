# SPDX-License-Identifier: Apache-2.0
"""Measured activity: what the simulated NVML says of the simulated GPU against the truth file,
where it comes from, and what becomes of an NVML that is absent, refuses, lies or hangs."""
import os
import sqlite3
import statistics
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
SHIM = os.path.join(TOP, "libprofile", ".libs", "libprofile.so")
SIM = os.path.abspath(os.path.join(TOP, "simcuda", ".libs"))
COSTS = tap.path("costs")
with open(COSTS, "w", encoding="utf-8") as costs:
    costs.write("wide fixed_us=2000 tensor=0.5 bytes=2e9\nnarrow fixed_us=2000\ntail fixed_us=2000\n")
SMS, WARPS = 132, 64        # of an H200; 8 blocks of 256 threads fit on an SM
METRICS = ("gpu_busy_ppm", "sm_active_ppm", "occupancy_ppm", "tensor_ppm", "dram_ppm",
           "pcie_rx_bytes_per_s")


class Recorded:
    def __init__(self, name, *work, options=("--sm-activity",), command=None, **env):
        self.file, self.truth = tap.path(name + ".db"), tap.path(name + ".truth")
        result = tap.run("record", "--sim", "-o", self.file, *options, "--", *(command or [PROGRAM, *work]),
                         env={"SIMCUDA_COSTS": COSTS, "SIMCUDA_TRUTH": self.truth, **env})
        self.message, self.status = result.stderr, result.returncode
        self.db = sqlite3.connect(self.file)

    def ask(self, sql):
        return self.db.execute(sql).fetchall()

    def source(self):
        return self.ask("SELECT source, note FROM activity_source ORDER BY device")[0]


def shares(row):
    """What an operation uses while it runs, from its shape alone."""
    use = dict.fromkeys(METRICS, 0.0)
    took = int(row["end_ns"]) - int(row["start_ns"])
    if row["kind"] == "copy":
        use["pcie_rx_bytes_per_s"] = int(row["bytes"]) / took * 1e9 if row["copy_kind"] == "HtoD" else 0
        return use
    blocks, room = int(row["grid"].split(",")[0]), SMS * 8
    waves = -(-blocks // room)
    last = blocks - (waves - 1) * room
    use["gpu_busy_ppm"] = 1e6
    use["sm_active_ppm"] = 1e6 * (waves - 1 + min(1, last / SMS)) / waves
    use["occupancy_ppm"] = 1e6 * blocks / waves * 8 / (SMS * WARPS)
    if row["name"] == "wide":
        use["tensor_ppm"] = use["sm_active_ppm"] / 2
        use["dram_ppm"] = 1e6 * 2e9 / 4917 / took
    return use


def read_truth(r):
    with open(r.truth, encoding="utf-8") as file:
        rows = [line.rstrip("\n").split("\t") for line in file]
    origin = int(r.ask("SELECT value FROM meta WHERE key = 'origin'")[0][0])
    work = [dict(zip(rows[0], row)) for row in rows[1:]]
    return [(int(w["start_ns"]) - origin, int(w["end_ns"]) - origin, shares(w)) for w in work
            if w["kind"] in ("kernel", "copy")]


def mean_of(work, metric, start, end):
    return sum(max(0, min(to, end) - max(at, start)) * use[metric] for at, to, use in work) / (end - start)


# --- against the truth -------------------------------------------------------------------------
r = Recorded("truth", "rest", "150", "hold", "512", "run", "wide", "1056", "256", "200", "rest", "150",
             "run", "narrow", "33", "256", "200", "run", "tail", "1122", "256", "150", "send", "256",
             "rest", "150")
rows = r.ask(f"SELECT start_ns, dur_ns, {', '.join(METRICS)} FROM activity ORDER BY start_ns")
work = read_truth(r)
equal(r.source(), ("gpm", ""), "GPM gives the figures")
ok(len(rows) > 4, "there are samples", rows)
for i, metric in enumerate(METRICS):
    measured = [row[2 + i] for row in rows]
    wanted = [mean_of(work, metric, row[0], row[0] + row[1]) for row in rows]
    total = [sum(v * row[1] for v, row in zip(values, rows)) for values in (measured, wanted)]
    ok(total[1] > 0 and abs(total[0] / total[1] - 1) < 0.05, f"{metric}: in all as planted", total)
    worst = max(wanted)
    error = statistics.median(abs(a - b) for a, b in zip(measured, wanted)) / worst
    ok(error < 0.03, f"{metric}: and sample by sample", error, measured, wanted)
equal(r.ask("SELECT max(memory_used_bytes) >> 20, max(memory_reserved_bytes) >> 20 FROM activity")[0],
      (768, 600), "memory used and reserved")
equal(r.ask("SELECT count(*) FROM activity a JOIN activity b ON b.start_ns > a.start_ns AND"
            " b.start_ns < a.start_ns + a.dur_ns")[0][0], 0, "stretches do not overlap")
period, samples, cost = r.ask("SELECT period_ns, samples, cost_ns FROM activity_source")[0]
ok(period >= 110e6 and samples == len(rows) and 0 < cost, "period, samples and cost are in the file",
   period, samples, cost)
ok("SM activity" not in r.message, "nothing to complain about", r.message)

# --- how often -------------------------------------------------------------------------------------
r = Recorded("off", "run", "wide", "1056", "256", "3", options=())
equal(r.ask("SELECT (SELECT count(*) FROM activity), (SELECT count(*) FROM activity_source)")[0], (0, 0),
      "not measured unless asked for")
r = Recorded("fast", "rest", "400", options=("--sm-activity=1000",), SIMCUPTI_PM_FAIL="cuptiPmSamplingEnable=35")
source, note = r.source()
ok(source == "gpm" and "9 times a second" in note and note in r.message and
   r.ask("SELECT asked_period_ns FROM activity_source")[0][0] == 1000000,
   "1 kHz: what NVML can, and the message and the file say so", r.source(), r.message)
r = Recorded("slow", "rest", "900", options=("--sm-activity=2.5Hz",))
periods = [row[0] for row in r.ask("SELECT dur_ns FROM activity ORDER BY start_ns")]
# One that comes late makes the next one shorter; the last one ends with the program.
ok(periods and sum(periods) >= 395e6 * (len(periods) - 1), "2.5 Hz", periods)
for wrong in ("0", "-1", "20000", "often", "1e-9", "nan"):
    result = tap.run("record", "--sim", f"--sm-activity={wrong}", "--", "true")
    ok(result.returncode == 2 and "--sm-activity takes" in result.stderr, f"--sm-activity={wrong} is refused",
       result.stderr)

# --- other sources, refusals -------------------------------------------------------------------------
BUSY = ("run", "wide", "864", "256", "400")
r = Recorded("a100", *BUSY, options=("--sm-activity", "--sim=A100"))
source, note = r.source()
busy, active = r.ask("SELECT max(gpu_busy_ppm), max(sm_active_ppm) FROM activity")[0]
ok(source == "utilization" and "Hopper" in note and busy == 1000000 and active is None and note in r.message,
   "before Hopper: utilisation, and what it is", r.source(), busy, active, r.message)
for name, fail, wanted, reason in (
        ("no driver", "nvmlInit_v2=9", "none", "NVML does not start: Driver not loaded (9)"),
        ("no permission", "nvmlGpmSampleGet=4,nvmlDeviceGetUtilizationRates=4", "none",
         "Insufficient permissions (4)"),
        ("no permission for GPM", "nvmlGpmQueryDeviceSupport=4", "utilization", "Insufficient permissions (4)"),
        ("unknown device", "nvmlDeviceGetHandleByUUID=6", "none", "does not give out this GPU: Not found (6)"),
        ("no room", "nvmlGpmSampleAlloc=20", "utilization", "(20)"),
        ("no memory figures", "nvmlDeviceGetMemoryInfo_v2=3", "gpm", ""),
        ("lost", "nvmlGpmSampleGet=15@5", "gpm", "ended early, GPM gives no sample: GPU is lost (15)"),
        ("no metrics", "nvmlGpmMetricsGet=999", "gpm", "")):
    r = Recorded(name.replace(" ", "-"), "rest", "700" if "@" in fail else "150", SIMNVML_FAIL=fail)
    source, note = r.source()
    ok(r.status == 0 and source == wanted and reason in note and (note in r.message or not note),
       f"{name}: {wanted}", r.source(), r.message)
r = Recorded("lacks", "rest", "300", SIMNVML_NO_METRIC="5")
ok(r.ask("SELECT count(tensor_ppm) = 0 AND count(sm_active_ppm) > 0 FROM activity")[0][0],
   "a metric that a device lacks is unknown, not 0")
r = Recorded("garbage", "rest", "300", SIMNVML_GARBAGE="1")
ok(r.status == 0 and not r.ask("SELECT 1 FROM activity WHERE gpu_busy_ppm + sm_active_ppm IS NOT NULL"),
   "figures that cannot be are not believed", r.message)
r = Recorded("mig", *BUSY, SIMNVML_MIG="1")
ok(r.source()[0] == "gpm" and r.ask("SELECT max(sm_active_ppm) FROM activity")[0][0] > 900000,
   "an instance of MIG is found by its own uuid", r.source())
r = Recorded("mig-none", "rest", "200", SIMNVML_MIG="1", SIMNVML_FAIL="nvmlGpmQueryDeviceSupport=3")
ok(r.source()[0] == "none" and "which NVML does not have with MIG" in r.source()[1],
   "MIG without GPM: nothing, and why", r.source())
began = time.monotonic()
r = Recorded("hang", "rest", "400", SIMNVML_FAIL="nvmlGpmSampleGet=0@3")
ok(r.status == 0 and "did not answer" in r.source()[1] and time.monotonic() - began < 30,
   "an NVML that hangs keeps nobody", r.source(), r.message)
equal(r.ask("SELECT value FROM meta WHERE key = 'state'")[0][0], "complete", "and the file is finished")

# --- clocks, power, other processes --------------------------------------------------------------------
CAPPED = {"SIMNVML_CLOCK_MHZ": "1188", "SIMNVML_POWER_MW": "690000"}     # of 1980 MHz


def finding(recorded, name):
    found = [f for f in tap.report_json(recorded.file)["findings"] if f["name"] == name]
    return (found[0]["lost_ns"], found[0]["concerned_ns"], found[0]["advice"]) if found else None


r = Recorded("power", *BUSY, SIMNVML_REASONS="132", **CAPPED)
equal(r.ask("SELECT DISTINCT sm_clock_khz, power_mw, power_capped_ppm, thermal_capped_ppm FROM activity"),
      [(1188000, 690000, 1000000, 0)], "clock, power, and what keeps clocks down, as planted")
lost, concerned, text = finding(r, "clocks-held-down") or (0, 0, "")
busy = r.ask("SELECT sum(gpu_busy_ppm * dur_ns / 1e6) FROM activity")[0][0]
# Less than all samples' where the first of them count as the warm-up.
ok("because of power" in text and ("60 %" in text or "60.0 %" in text) and 0.5 < concerned / busy < 1.01 and
   abs(lost / concerned - 0.4) < 0.001, "finding: power keeps the clocks at 60 %, which costs 40 %", lost, concerned, text)
r = Recorded("heat", *BUSY, options=("--sm-activity=1000",), SIMNVML_REASONS="64", **CAPPED)
lost, concerned, text = finding(r, "clocks-held-down") or (0, 0, "")
ok("because of heat" in text and r.source()[0] == "pm_sampling", "the same from PM sampling: heat", lost, text)
r = Recorded("idle-clock", *BUSY, SIMNVML_REASONS="1", **CAPPED)
equal(finding(r, "clocks-held-down"), None, "a low clock that nothing limits is no finding")
shell = f"env -u LD_PRELOAD '{PROGRAM}' run wide 864 256 500 & '{PROGRAM}' rest 1200; wait"
r = Recorded("other", command=["sh", "-c", shell])
ok((finding(r, "other-process") or (0, 0))[1] > 5e8, "finding: another process uses the GPU",
   finding(r, "other-process"))
r = Recorded("alone", *BUSY, "rest", "300")
equal(finding(r, "other-process"), None, "and not where it is the recorded one")

# --- no library, preload alone, processes that die -----------------------------------------------------
bare = tap.path("bare")
os.mkdir(bare)
for name in ("libcuda.so.1", "libcupti.so.13"):
    os.symlink(os.path.join(SIM, name), os.path.join(bare, name))
with open(os.path.join(bare, "libnvidia-ml.so.1"), "w", encoding="utf-8") as file:
    file.write("not a library\n")
out = tap.path("bare.db")
result = tap.run("record", "--sm-activity", "-o", out, "--", PROGRAM, "rest", "200",
                 env={"LD_LIBRARY_PATH": bare})
found = sqlite3.connect(out).execute("SELECT source, note FROM activity_source").fetchall()
ok(result.returncode == 0 and found and found[0][0] == "none" and "there is no NVML" in found[0][1] and
   "there is no NVML" in result.stderr, "without NVML: said", found, result.stderr)
preload = tap.path("preload.db")
subprocess.run([PROGRAM, "rest", "300", *BUSY], check=True, timeout=60,
               env=dict(os.environ, LD_PRELOAD=SHIM, LD_LIBRARY_PATH=SIM, GPUTRAIL_OUTPUT=preload,
                        GPUTRAIL_SM_ACTIVITY="on", SIMCUDA_METERS=tap.path("meters"), SIMCUDA_COSTS=COSTS))
for _ in range(600):
    if "complete" in tap.run("info", preload).stdout:
        break
    time.sleep(0.05)
found = sqlite3.connect(preload).execute("SELECT count(*), max(sm_active_ppm) FROM activity").fetchone()
ok(found[0] and found[1] > 900000, "preload alone: GPUTRAIL_SM_ACTIVITY=on", found)
shell = f"'{PROGRAM}' hold 64 run wide 1056 256 500 die; '{PROGRAM}' rest 600"
r = Recorded("died", command=["sh", "-c", shell])
last = r.ask("SELECT gpu_busy_ppm, memory_used_bytes FROM activity ORDER BY start_ns DESC LIMIT 1")[0]
equal(last, (0, 0), "what a killed process used is used no more")
tap.done()
