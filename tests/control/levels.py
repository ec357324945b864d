# SPDX-License-Identifier: Apache-2.0
"""What each level of detail takes, windows of time and of cuProfilerStart, gputrail ctl."""
import os
import subprocess
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from session import PROGRAM, SHIM, SIM, Session, tap
from tap import equal, ok

if os.environ.get("sanitizers"):
    print("1..0 # SKIP sanitizers and LD_PRELOAD")
    sys.exit()

WORK = ("launch 20", "replay 10", "copy 5")
CALLS = "(SELECT count(*) FROM launch), (SELECT count(*) FROM graph_launch), " \
    "(SELECT count(*) FROM copy WHERE graph_launch IS NULL)"
TIMES = "(SELECT count(gpu_dur_ns) FROM launch), (SELECT count(gpu_dur_ns) FROM graph_launch), " \
    "(SELECT count(gpu_dur_ns) FROM copy WHERE graph_launch IS NULL)"


def recorded(name, *options, work=WORK, env=None):
    with Session(name, *options, env=env) as s:
        s.do(*work)
    return s


s = recorded("full")
equal(s.ask(f"SELECT {CALLS}")[0], (20, 10, 5), "full: every call")
equal(s.ask(f"SELECT {TIMES}")[0], (20, 10, 5), "full: and its GPU times")
equal(s.one("SELECT count(*) FROM node"), 40, "full: kernels inside graphs")
equal(s.levels(), ["full"], "full: the file says so")
equal(s.losses(), {}, "full: nothing lost")
work = 20 + 10 * 5 + 5      # a graph has four kernels and a set
equal((s.counters()["gpu_joined"], s.counters()["cupti_records"]), (work, work),
      "full: every GPU record is joined, and counted")
ok(f"{work} GPU operations, 100.00 % joined" in tap.run("report", s.file).stdout,
   "full: the report says so")

s = recorded("graph", "--detail=graph")
equal(s.ask(f"SELECT {CALLS}")[0], (20, 10, 5), "graph: every call")
equal(s.ask(f"SELECT {TIMES}")[0], (20, 10, 5), "graph: and its GPU times")
equal(s.ask("SELECT count(*), count(DISTINCT k.name), min(k.name) GLOB 'graph#*' FROM node n "
            "JOIN shape h ON h.id = n.shape JOIN kernel k ON k.id = h.kernel")[0], (10, 1, 1),
      "graph: one row for each launch of the graph")
with open(s.truth, encoding="utf-8") as file:
    rows = [line.rstrip("\n").split("\t") for line in file]
head, truth = rows[0], [dict(zip(rows[0], row)) for row in rows[1:]]
origin = int(s.one("SELECT value FROM meta WHERE key = 'origin'"))
equal(sorted((origin + a, b) for a, b in s.ask("SELECT start_ns, gpu_dur_ns FROM node")),
      sorted((int(r["start_ns"]), int(r["end_ns"]) - int(r["start_ns"])) for r in truth
             if r["kind"] == "graph"), "graph: times are the truth")
equal(s.levels(), ["graph"], "graph: the file says so")
equal(s.losses(), {}, "graph: nothing lost")
busy = tap.report_json(s.file)["devices"][0]["busy_ns"]
equal(tap.report_json(s.file, "--recount")["devices"][0]["busy_ns"], busy,
      "graph: busy time is that of the rows")

s = recorded("host", "--detail=host")
equal(s.ask(f"SELECT {CALLS}")[0], (20, 10, 5), "host: every call")
equal(s.ask(f"SELECT {TIMES}")[0], (0, 0, 0), "host: no GPU times")
equal(s.ask("SELECT backend, backend_note FROM process"), [("none", "no GPU times were asked for")],
      "host: the file says why")
equal(s.losses(), {}, "host: nothing lost")
s = recorded("host-only", "--host-only", work=("launch 1",))
equal(s.levels(), ["host"], "--host-only is the same")
s = recorded("environment", work=("launch 1",), env={"GPUTRAIL_DETAIL": "host"})
equal(s.levels(), ["host"], "so is GPUTRAIL_DETAIL=host")
s = recorded("both", "--detail=graph", work=("launch 1",), env={"GPUTRAIL_DETAIL": "host"})
equal(s.levels(), ["graph"], "an option goes before the environment")

preload = tap.path("preload.db")
environment = dict(os.environ, LD_PRELOAD=SHIM, LD_LIBRARY_PATH=SIM, GPUTRAIL_OUTPUT=preload,
                   GPUTRAIL_DETAIL="graph")
subprocess.run([PROGRAM], input="launch 3\nreplay 2\n", env=environment, encoding="utf-8",
               stdout=subprocess.DEVNULL, check=True, timeout=60)
for _ in range(600):
    result = tap.run("info", preload)
    if "complete" in result.stdout:
        break
    subprocess.run(["sleep", "0.05"], check=False)
equal(len(tap.report_json(preload)["detail"]), 1, "LD_PRELOAD alone: GPUTRAIL_DETAIL is known")
equal(tap.report_json(preload)["detail"][0]["level"], "graph", "LD_PRELOAD alone: and obeyed")

# --- windows of cuProfilerStart and cuProfilerStop ---
with Session("range", "--capture-range=cudaProfilerApi") as s:
    s.do("launch 7", "begin", "launch 3", "replay 2", "end", "launch 11", "begin", "launch 2", "end")
equal(s.ask(f"SELECT {CALLS}")[0], (5, 2, 0), "range: what is between, to the call")
equal(s.ask(f"SELECT {TIMES}")[0], (5, 2, 0), "range: all with GPU times")
equal(s.one("SELECT count(*) FROM node"), 8, "range: a graph captured inside is known")
equal(s.levels(), ["off", "full", "off", "full", "off"], "range: the file says so")
equal(s.losses(), {}, "range: nothing lost")
equal(s.ask("SELECT DISTINCT cause FROM detail WHERE id > 1"), [("range",)], "range: and why")
with Session("no-range") as s:
    s.do("begin", "launch 3", "end", "launch 2")
equal(s.ask(f"SELECT {CALLS}")[0], (5, 0, 0), "without the option the calls change nothing")
with Session("captured", "--capture-range=cudaProfilerApi") as s:
    s.do("replay 1", "begin", "replay 4", "capture 6", "end", "capture 2")
equal(s.one("SELECT count(*) FROM node"), 4 * 4 + 6, "range: graphs made before are replayed in it")
equal(s.counters().get("captured_launches"), 6, "range: launches into captures are no launches")
equal(s.losses(), {}, "range: nothing lost with captures")

# --- delay and duration: nothing is taken outside, and the file says when ---
with Session("delay", "--delay=3600") as s:
    s.do("launch 5")
    ok("stopped" in s.ctl("status"), "delay: not started yet")
equal(s.ask(f"SELECT {CALLS}")[0], (0, 0, 0), "delay: nothing before it is over")
with Session("begun", "--delay=0.2") as s:
    s.do("launch 5")
    while "stopped" in s.ctl("status"):
        pass
    s.ctl("start")              # answers once the process has followed
    s.do("launch 4")
equal(s.one("SELECT count(*) FROM launch WHERE gpu_dur_ns IS NOT NULL") >= 4, True,
      "delay: then everything")
# A machine that takes longer to start the program than the delay is gets no part without.
late = s.one("SELECT min(start_ns) FROM detail") > 0.15e9
ok(s.levels() == ["off", "full"] or late and s.levels() == ["full"], "delay: the file says when", s.levels())
with Session("duration", "--duration=0.2") as s:
    s.do("init")
    while "running" in s.ctl("status"):
        pass
    s.ctl("stop")
    s.do("launch 4")
equal(s.one("SELECT count(*) FROM launch"), 0, "duration: nothing after it")
equal(s.levels()[-1], "off", "duration: the file says when")

# --- gputrail ctl ---
with Session("ctl") as s:
    s.do("launch 4")
    status = s.ctl("status")
    ok("running" in status and "cupti" in status, "ctl status", status)
    s.ctl("mark", "before the stop, with ünïcode")
    s.ctl("stop")
    s.do("launch 100", "replay 3")
    ok("taken now: off" in s.ctl("status"), "ctl stop: status says so")
    s.ctl("start")
    s.do("launch 8", "replay 2")
    s.ctl("detail", "graph")
    s.do("replay 5")
    s.ctl("detail", "host")
    s.do("launch 16")
    s.ctl("detail", "full")
    s.do("launch 32")
equal(s.one("SELECT count(*) FROM launch"), 4 + 8 + 16 + 32, "ctl: what ran while it was recorded")
equal(s.one("SELECT count(gpu_dur_ns) FROM launch"), 4 + 8 + 32, "ctl: GPU times but for host")
equal(s.one("SELECT count(*) FROM node"), 2 * 4 + 5, "ctl: nodes, then graphs as one")
equal(s.levels(), ["full", "off", "full", "graph", "host", "full"], "ctl: the file says all of it")
equal(s.losses(), {}, "ctl: nothing lost")
marks = tap.report_json(s.file)["marks"]
equal([mark["text"] for mark in marks], ["before the stop, with ünïcode"], "ctl mark: in the file")
stopped = s.one("SELECT start_ns FROM detail WHERE level = 'off'")
last = s.one("SELECT max(start_ns) FROM launch WHERE start_ns < ?", stopped)
ok(last < marks[0]["start_ns"] < stopped, "ctl mark: at its instant")
ok("before the stop" in tap.run("report", s.file).stdout, "the report shows marks")
trace = tap.run("export", "--trace", s.file).stdout
ok('"before the stop' in trace, "the trace has them")

# A stop lets go of CUPTI while kernels of before are still running; their times come all the same.
with Session("drain") as s:
    s.do("slow 3")
    s.ctl("stop")
    s.do("init")
equal(s.ask("SELECT count(*), count(gpu_dur_ns) FROM launch")[0], (3, 3), "stop: work in flight is kept")
with Session("let-go") as s:
    s.do("launch 1")
    s.ctl("stop")
    s.do("subscribe x", "release")      # it lets go a moment after it has stopped
    s.ctl("start")
    s.do("launch 2")
equal(s.one("SELECT count(gpu_dur_ns) FROM launch"), 3, "stop: CUPTI is free for others, start has it back")

with Session("recorder") as s:
    s.do("init")
    result = tap.run("ctl", "stop", str(s.recorder.pid))
    equal(result.returncode, 0, "ctl: a recorder stands for all that it records")
    s.do("launch 5", "fork")
equal(s.one("SELECT count(*) FROM launch WHERE thread IN (SELECT id FROM thread WHERE process = 1)"), 0,
      "ctl: it stops")
equal(s.one("SELECT count(gpu_dur_ns) FROM launch"), 5, "ctl: a child that comes later is recorded")

for words, status, text in (
        (("stop", "999999999"), 3, "no process"), (("stop", "1x"), 2, "no process id"),
        (("stop", str(os.getpid())), 3, "not recorded"), ((), 2, "start, stop"),
        (("detail", str(os.getpid()), "much"), 2, "full, graph"),
        (("mark", str(os.getpid())), 2, "one more word")):
    result = tap.run("ctl", *words)
    ok(result.returncode == status and text in result.stderr, f"ctl {' '.join(words)[:30]}",
       result.returncode, result.stderr)
for option, text in (("--detail=most", "takes full"), ("--delay=-1", "takes a number"),
                     ("--duration=0", "above 0"), ("--capture-range=nvtx", "cudaProfilerApi")):
    result = tap.run("record", option, "--", "true")
    ok(result.returncode == 2 and text in result.stderr, f"record {option}", result.stderr)
result = tap.run("record", "--delay=1", "--capture-range=cudaProfilerApi", "--", "true")
ok(result.returncode == 2 and "excludes" in result.stderr, "a delay and a range exclude each other")
tap.done()
