# SPDX-License-Identifier: Apache-2.0
"""Ranges and marks of NVTX as they are recorded, against what the program wrote down."""
import os
import shlex
import sqlite3
import subprocess
import sys

sys.dont_write_bytecode = True
HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "control"))
from session import SHIM, SIM, Session, tap
from tap import equal, ok, skip

if os.environ.get("sanitizers"):
    print("1..0 # SKIP sanitizers and LD_PRELOAD")
    sys.exit()

STANDIN = os.path.join(os.environ.get("top_builddir", "."), "tests", "ranges-program")
HEADERS = os.environ.get("CUDA_INCLUDE") or "/nowhere"
KINDS = {1: "push", 2: "start", 3: "mark"}
SLACK_NS = 2000     # the recorder's clock is converted
ROWS = """SELECT r.kind, t.tid, r.level, l.domain, l.category, l.color, l.text,
    iif(r.payload_type = 1 AND r.payload < 0, printf('%u', r.payload), r.payload),
    r.start_ns, r.start_ns + r.dur_ns FROM range r JOIN thread t ON t.id = r.thread
    LEFT JOIN label l ON l.id = r.label"""


class Program(Session):
    """A recorded program that writes down what it marked."""
    def __init__(self, name, *options, env=None, program=(STANDIN,)):
        self.truth_of_ranges = tap.path(name + ".ranges")
        super().__init__(name, *options, env=dict(env or {}, NVTX_TRUTH=self.truth_of_ranges),
                         program=program)

    def texts(self):
        return dict(self.ask("SELECT l.text, count(*) FROM range r LEFT JOIN label l "
                             "ON l.id = r.label GROUP BY 1"))

    def differences(self):
        """Ranges of the truth that the file has not, and how many rows more it has by text."""
        origin, rows, missing = int(self.one("SELECT value FROM meta WHERE key = 'origin'")), {}, []
        for kind, tid, level, domain, category, color, text, payload, start, end in self.ask(ROWS):
            key = (KINDS[kind], tid, level or 0, domain or "", category or 0, color or 0, text or "",
                   "" if payload is None else str(payload))
            rows.setdefault(key, []).append((start + origin, end and end + origin))
        with open(self.truth_of_ranges, encoding="utf-8") as file:
            for kind, tid, level, domain, category, color, text, payload, *times in (
                    line.rstrip("\n").split("\t") for line in file):
                key = (kind, int(tid), int(level), domain, int(category), int(color), text, payload)
                a, b, c, d = (int(time) for time in times)
                fits = [row for row in rows.get(key, ())
                        if a - SLACK_NS <= row[0] <= b + SLACK_NS and
                        (kind == "mark" and row[1] is None or kind != "mark" and
                         row[1] is not None and c - SLACK_NS <= row[1] <= d + SLACK_NS)]
                if fits:
                    rows[key].remove(fits[0])
                else:
                    missing.append((key, times, rows.get(key)))
        more = {}
        for key, left in rows.items():
            if left:
                more[key[6]] = more.get(key[6], 0) + len(left)
        return missing, more


def everything(what, program):
    with Program(what, program=(program,)) as s:
        s.do("returns", "before", "init", "all", "launch 3", "threads 8 200", "pop", "returns")
    missing, more = s.differences()
    equal(missing, [], f"{what}: every range and mark, its words, level and times")
    # Those of "returns" besides: two ended, and three whose begin was told no text.
    equal(more, {"around": 8 * 199, "a": 1, "": 3}, f"{what}: and no others")
    equal(s.one("SELECT value FROM meta WHERE key = 'nvtx'"), "recorded", f"{what}: the file says so")
    equal(s.counters().get("range_unmatched"), 2, f"{what}: ends of what was not begun are counted")
    equal(s.losses(), {}, f"{what}: nothing lost")
    equal(s.one("SELECT count(DISTINCT id) FROM thread WHERE name = 'named thread'"), 8,
          f"{what}: names that threads were given")
    equal(s.ask("SELECT DISTINCT domain, category_name FROM label WHERE category = 7"),
          [("domain one", "seven")], f"{what}: names of domains and categories")
    equal(s.ask("SELECT typeof(payload), payload_type FROM range WHERE payload_type IS NOT NULL "
                "ORDER BY 2"), [("integer", 1), ("integer", 2), ("real", 3), ("integer", 5),
                                ("real", 6)], f"{what}: payloads keep their type")
    equal(s.one("SELECT count(*) FROM range r JOIN label l ON l.id = r.label "
                "WHERE r.end_thread IS NOT NULL AND l.text = 'across threads'"), 1,
          f"{what}: ended by another thread")


everything("stand-in", STANDIN)
if os.path.exists(os.path.join(HEADERS, "nvtx3", "nvToolsExt.h")):
    real = tap.path("real")
    subprocess.run([*shlex.split(os.environ.get("CC") or "cc"), "-std=gnu11", "-DREAL_NVTX",
                    "-I", os.path.join(HERE, "..", ".."), "-I", HEADERS,
                    os.path.join(HERE, "program.c"), "-o", real, "-ldl", "-lpthread"], check=True)
    everything("headers", real)
else:
    skip("the same with NVIDIA's headers", "no headers of NVTX 3")

with Program("open") as s:
    s.do("init", "open")
equal(s.texts(), {"pushed for good": 1, "started for good": 1}, "open at the end: there")
equal(s.one("SELECT count(dur_ns) FROM range"), 0, "open at the end: without a duration")
equal(s.counters().get("range_unended"), 2, "open at the end: counted")

with Program("fork") as s:
    s.do("push around", "fork", "launch 1", "push parent", "pop", "pop")
equal(s.texts(), {"parent": 1, "child with CUDA": 1}, "fork: the parent, and the child with CUDA")
equal(s.one("SELECT count(DISTINCT t.process) FROM range r JOIN thread t ON t.id = r.thread"), 2,
      "fork: each in its process")
equal(s.one("SELECT level FROM range r JOIN label l ON l.id = r.label WHERE text = 'child with CUDA'"),
      2, "fork: nested in what was open")

with Program("stop") as s:
    s.do("launch 1", "push around", "push taken", "pop")
    s.ctl("stop")
    s.do("push not taken", "pop", "push begun while stopped")
    s.ctl("start")
    s.do("pop", "push taken again", "pop", "pop")
equal(s.texts(), {"around": 1, "taken": 1, "taken again": 1},
      "gputrail ctl stop: nothing is taken, and ends find their begins")
equal(s.one("SELECT count(dur_ns) FROM range"), 3, "gputrail ctl stop: all of them ended")
equal(s.ask("SELECT l.text FROM range r JOIN label l ON l.id = r.label ORDER BY r.start_ns + r.dur_ns"),
      [("taken",), ("taken again",), ("around",)], "gputrail ctl stop: in the order of their ends")

with Program("many", "--ring-bytes=64K") as s:
    s.do("init", "many 1000000", "launch 1")
counters = s.counters()
ended = s.one("SELECT count(dur_ns) FROM range")
seen = 2 * ended + sum(counters.get(name, 0)
                       for name in ("range_unmatched", "range_unended", "lost_records"))
ok(ended > 0 and 2000000 <= seen <= 2000020, "a million ranges: each begin and each end is recorded "
   "or counted as lost", ended, counters)
ok(int(s.one("SELECT value FROM meta WHERE key = 'collector_max_rss_kb'")) < 200000,
   "a million ranges: the recorder's memory is bounded")
with Program("texts") as s:
    s.do("init", "texts 60000")
kept = s.one("SELECT count(DISTINCT text) FROM label")
ok(s.counters().get("lost_records", 0) > 0 or kept == 49152, "more texts than are kept: the cap", kept)
equal(s.counters().get("range_texts_full"), 60000 - 49152, "more texts than are kept: counted")

# --- who else there may be ---
with Program("other", env={"NVTX_INJECTION64_PATH": "/nowhere/tool.so"}) as s:
    s.do("launch 1", "push here", "pop")
equal(s.texts(), {}, "another tool named already: left to it")
equal(s.one("SELECT value FROM meta WHERE key = 'nvtx'"),
      "left to the tool that NVTX_INJECTION64_PATH names", "another tool: the file says so")
with Program("off", env={"GPUTRAIL_NVTX": "off"}) as s:
    s.do("launch 1", "push here", "pop")
equal((s.texts(), s.one("SELECT value FROM meta WHERE key = 'nvtx'")), ({}, "off"), "GPUTRAIL_NVTX=off")


def preloaded(name, **more):
    """What a program that is only preloaded leaves."""
    file = tap.path(name + ".db")
    subprocess.run([STANDIN], input="launch 1\npush here\npop\n", encoding="utf-8", check=True,
                   env=dict(os.environ, LD_PRELOAD=SHIM, LD_LIBRARY_PATH=SIM, GPUTRAIL_OUTPUT=file,
                            **more), stdout=subprocess.DEVNULL, timeout=60)
    for _ in range(600):
        if "complete" in tap.run("info", file).stdout:
            break
        subprocess.run(["sleep", "0.05"], check=False)
    info = tap.run("info", file).stdout
    return [line.split(None, 1)[1] for line in info.splitlines() if line.startswith("nvtx ")], \
        sqlite3.connect(file).execute("SELECT count(*) FROM range").fetchone()[0]


equal(preloaded("preload"), (["not recorded: NVTX_INJECTION64_PATH does not name libprofile.so"], 0),
      "LD_PRELOAD alone: the program's environment is left alone, and the file says what it lacks")
equal(preloaded("injected", NVTX_INJECTION64_PATH=SHIM), (["recorded"], 1),
      "LD_PRELOAD and NVTX_INJECTION64_PATH: recorded")

PYTHON = """
import ctypes, threading, nvtx
ctypes.CDLL("libcuda.so.1").cuInit(0)
@nvtx.annotate("decorated", color="blue", domain="py", category="cat", payload=42)
def work(n):
    with nvtx.annotate("inside", domain="py"):
        return n and work(n - 1)
work(2)
threads = [threading.Thread(target=work, args=(1,)) for _ in range(4)]
[t.start() for t in threads]
[t.join() for t in threads]
r = nvtx.start_range("started")
nvtx.mark("marked", payload=1.5)
nvtx.end_range(r)
print("ok")
"""
python = os.environ.get("PYTHON3") or sys.executable
if subprocess.run([python, "-c", "import nvtx; nvtx.annotate"], check=False, capture_output=True).returncode:
    skip("Python's nvtx", "the package nvtx is not installed")
else:
    with Program("python", program=(python, "-c", PYTHON)) as s:
        pass
    equal(s.texts(), {"decorated": 11, "inside": 11, "started": 1, "marked": 1}, "Python's nvtx")
    equal(s.ask("SELECT DISTINCT domain, category_name, payload FROM range r JOIN label l "
                "ON l.id = r.label WHERE text = 'decorated'"), [("py", "cat", 42)],
          "Python's nvtx: domain, category, payload")
    equal(s.one("SELECT max(level) FROM range"), 5, "Python's nvtx: nesting")
tap.done()
