# SPDX-License-Identifier: Apache-2.0
"""Without CUPTI: CUDA events around a part of the launches, or host times; always said."""
import csv
import os
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from session import Session, tap
from tap import equal, ok

if os.environ.get("sanitizers"):
    print("1..0 # SKIP sanitizers and LD_PRELOAD")
    sys.exit()

WORK = ("launch 300",) * 10 + ("replay 40", "copy 5")


def truth_of(session):
    with open(session.truth, newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE))


for name, env, note in (
        ("refused", {"SIMCUPTI_REFUSE": "39"}, "another tool holds CUPTI in this process (error 39)"),
        ("no-library", {"GPUTRAIL_CUPTI": "/nowhere/libcupti.so"}, "no libcupti found"),
        ("newer", {"SIMCUPTI_NEWER_THAN_DRIVER": "1"}, "newer than the driver"),
        ("chosen", {"GPUTRAIL_CUPTI": "events"}, "leaves it alone")):
    with Session(name, env=env) as s:
        s.do(*WORK)
    backend, why = s.ask("SELECT backend, backend_note FROM process")[0]
    ok(backend == "events" and note in why and "CUDA events" in why, f"{name}: the file says so", why)
    equal(s.levels(), ["events"], f"{name}: and that it is not all")
    taken = s.one("SELECT count(gpu_dur_ns) FROM launch")
    ok(s.one("SELECT count(*) FROM launch") == 3000 and 90 < taken < 300,
       f"{name}: every call, times of a sixteenth", taken)
    graphs = s.one("SELECT count(gpu_dur_ns) FROM graph_launch")
    ok(s.one("SELECT count(*) FROM graph_launch") == 40 and 5 < graphs < 35,
       f"{name}: and of half of the graph launches", graphs)
    losses = {key: value for key, value in s.losses().items() if not key.startswith("cupti_")}
    equal(losses, {}, f"{name}: nothing lost")
    # 5 us each, and what lies between an event and the kernel behind it: 1 us here, always.
    low, high = s.ask("SELECT min(gpu_dur_ns), max(gpu_dur_ns) FROM launch")[0]
    ok(0 < low and s.one("SELECT avg(gpu_dur_ns) FROM launch") < 12000, f"{name}: durations", low, high)
    origin = int(s.one("SELECT value FROM meta WHERE key = 'origin'"))
    calls = s.ask("SELECT start_ns, gpu_delay_ns FROM launch WHERE gpu_dur_ns IS NOT NULL")
    ok(all(delay > -1000000 for _, delay in calls), f"{name}: no work begins long before its call")
    row = [r for r in tap.report_json(s.file)["samples"] if r["name"] == "quick"][0]
    ok(row["measured"] == taken and row["missing"] == 3000 - taken, f"{name}: the rest is estimated", row)
    ok(abs(row["total_ns"] - 5000 * 3000) < row["error_ns"] < row["total_ns"],
       f"{name}: right within the bound", row)
    text = tap.run("report", s.file).stdout
    ok("ONLY SAMPLED GPU TIMES" in text, f"{name}: the report says so")

# A device with nothing else to do meets the event before the launch is there: that it waited for the
# launch, however slow the host, is not the kernel's time.
with Session("one-by-one", env={"GPUTRAIL_CUPTI": "events", "SIMCUDA_SUBMIT_NS": "3000"}) as s:
    for _ in range(400):
        s.do("launch 1")
times = [ns for ns, in s.ask("SELECT gpu_dur_ns FROM launch WHERE gpu_dur_ns ORDER BY 1")]
row = [r for r in tap.report_json(s.file)["samples"] if r["name"] == "quick"][0]
ok(2000 < times[len(times) // 2] < 7500, "one by one: the wait for the launch is left out", times)
ok(abs(row["total_ns"] - 5000 * 400) < row["error_ns"], "one by one: right within the bound", row)

# Where events take longer than is published of them, that is measured, and the bound knows it.
for takes in (1500, 4000):
    with Session(f"events-{takes}", env={"GPUTRAIL_CUPTI": "events", "SIMCUDA_EVENT_NS": str(takes)}) as s:
        s.do(*WORK)
    measured = int(s.one("SELECT value FROM meta WHERE key = 'event_pair_ns'"))
    ok(measured >= takes - 1, f"events of {takes} ns: measured, never as less", measured)
    row = [r for r in tap.report_json(s.file)["samples"] if r["name"] == "quick"][0]
    ok(0 < row["total_ns"] - 5000 * 3000 < row["error_ns"], f"events of {takes} ns: right within the bound", row)

# Nothing is inserted while anything captures, into whatever stream: the simulator, as the driver,
# would make events nodes of the graph, or fail the capture.
with Session("capture", env={"GPUTRAIL_CUPTI": "events"}) as s:
    s.do("launch 200")
    for _ in range(40):
        s.do("capture 30", "legacy 5")
    s.do("launch 200")
truth = truth_of(s)
graphs = {r["graph"] for r in truth if r["kind"] == "graph"}
equal([sum(r["graph"] == g and r["kind"] == "kernel" for r in truth) for g in sorted(graphs)],
      [30] * 40, "capture: each graph has its kernels")
equal(sum(r["graph"] != "0" and r["kind"] == "record" for r in truth), 0, "capture: and no event")
equal(s.counters().get("captured_launches"), 1200, "capture: launches into them are told apart")
equal(s.counters().get("event_failures"), None, "capture: none of our events was captured")
equal(s.ask("SELECT count(*), count(gpu_dur_ns) FROM launch l JOIN shape h ON h.id = l.shape "
            "WHERE h.grid_x = 9"), [(1200, 0)], "capture: no launch beside one is timed")
equal(s.status, 0, "capture: none failed")
ok(sum(r["kind"] == "record" for r in truth) > 10, "capture: events before and after")

# A forked child has no events of its parent's, and its own when it starts CUDA itself.
with Session("fork", env={"GPUTRAIL_CUPTI": "events"}) as s:
    s.do("launch 100", "fork", "launch 100")
equal(s.ask("SELECT DISTINCT backend FROM process"), [("events",)], "fork: parent and child")
equal(s.status, 0, "fork: both live")

with Session("levels", env={"GPUTRAIL_CUPTI": "events"}) as s:
    s.do("launch 400")
    s.ctl("stop")
    s.do("launch 400")
    s.ctl("start")
    s.do("launch 400")
    s.ctl("detail", "host")
    s.do("launch 400")
equal(s.one("SELECT count(*) FROM launch"), 1200, "ctl: stop and start")
equal(s.levels(), ["events", "off", "events", "host"], "ctl: the file says all of it")

with Session("host", env={"SIMCUPTI_REFUSE": "39", "GPUTRAIL_EVENTS": "off"}) as s:
    s.do("launch 10")
equal(s.ask("SELECT backend FROM process"), [("none",)], "GPUTRAIL_EVENTS=off: host times")
ok("host times only" in s.one("SELECT backend_note FROM process"), "and the file says so")

# Somebody else holds CUPTI and has a name: the file tells it. Once that one lets go, it can be had.
with Session("holder") as s:
    s.do("launch 1")
    s.ctl("stop")
    s.do("subscribe Some Profiler")
    s.ctl("start")
    s.do("launch 200")
    status = s.ctl("status")
    s.ctl("stop")
    s.do("release")
    s.ctl("start")
    s.do("launch 50")
ok("Some Profiler holds CUPTI" in status, "who holds CUPTI is named", status)
equal(s.levels(), ["full", "off", "events", "off", "full"], "and is taken when it is free")
tap.done()
