# SPDX-License-Identifier: Apache-2.0
"""The reports about ranges, against a computation by brute force."""
import csv
import io
import json
import os
import random
import re
import shutil
import sqlite3
import statistics
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "analysis"))
from fixture import Fixture
from tap import done, equal, ok, path, run

PUSH, START, MARK = 1, 2, 3


def csv_of(file, report):
    result = run("export", f"--csv={report}", file)
    if result.returncode:
        raise RuntimeError(result.stderr)
    return list(csv.DictReader(io.StringIO(result.stdout)))


class Marked:
    """Three threads with random ranges, nested and not, and work that is launched in them."""
    def __init__(self, name, seed):
        self.rng, self.file = random.Random(seed), path(name + ".db")
        self.f, self.ranges, self.work = Fixture(self.file), [], []
        process = self.f.process(pid=100)
        device = self.f.device()
        context = self.f.add("context", process=process, device=device, handle=1, number=1)
        self.stream = self.f.add("stream", process=process, context=context, device=device, handle=7,
                                 number=7)
        self.kernels = [self.f.shape(self.f.kernel(f"kernel{i % 3}", registers=32 + i), device,
                                     grid=(i + 1, 1, 1)) for i in range(4)]
        self.api = self.f.api("cuLaunchKernel")
        self.graph = self.f.add("graph", process=process, handle=5, number=5, nodes=2)
        self.labels = {}
        for tid in (101, 102, 103):
            thread = self.f.add("thread", process=process, tid=tid, name="t", start_ns=0)
            self.nested(thread, tid, 0, 1_000_000, 0)
            for _ in range(6):
                start, end = sorted(self.rng.sample(range(1_000_000), 2))
                self.range(thread, tid, START, start, end, None)
            self.f.add("range", start_ns=5, thread=thread, kind=MARK, label=self.label(None, "mark"))
            self.f.add("range", start_ns=7, thread=thread, kind=PUSH, label=self.label(None, "open"))
            for i in range(60):
                self.launch(thread, tid, self.rng.randrange(1_000_000), i % 7 == 0)
        other = self.f.add("thread", process=process, tid=104, name="t", start_ns=0)
        self.launch(other, 104, 500, False)
        self.f.close()

    def label(self, domain, text):
        key = (domain, text, self.rng.randrange(2))     # two colours of the same words
        if key not in self.labels:
            self.labels[key] = self.f.add("label", process=1, domain=domain, color=key[2], text=text)
        return self.labels[key]

    def range(self, thread, tid, kind, start, end, parent):
        domain, text = self.rng.choice([(None, "step"), (None, "layer"), ("lib", "step"), ("lib", None)])
        number = self.f.add("range", start_ns=start, dur_ns=end - start, thread=thread, kind=kind,
                            label=self.label(domain, text), level=0)
        row = dict(id=number, tid=tid, kind=kind, start=start, end=end, parent=parent, children=[],
                   name=f"{domain or ''}:{text or ''}", ops=[], kernels=[])
        if parent:
            parent["children"].append(row)
        self.ranges.append(row)
        return row

    def nested(self, thread, tid, low, high, depth, parent=None):
        at = low
        while depth < 4 and high - at > 2000 and self.rng.random() < 0.9:
            start = self.rng.randrange(at, high - 1000)
            end = self.rng.randrange(start + 500, high)
            self.nested(thread, tid, start + 1, end - 1, depth + 1,
                        self.range(thread, tid, PUSH, start, end, parent))
            at = end + 1

    def launch(self, thread, tid, at, is_graph):
        around = [r for r in self.ranges if r["tid"] == tid and r["start"] <= at < r["end"]]
        if is_graph:
            launch = self.f.add("graph_launch", start_ns=at, dur_ns=10, thread=thread, nodes=2,
                                stream=self.stream, graph=self.graph, gpu_delay_ns=900, gpu_dur_ns=300)
            for i in range(2):
                shape = self.rng.randrange(4)
                node = self.f.add("graph_node", graph=self.graph, node=i, stream=self.stream,
                                  shape=self.kernels[shape])
                self.f.add("replay", start_ns=at + 900 + 200 * i, gpu_dur_ns=100 + i,
                           graph_launch=launch, graph_node=node)
                self.done(around, at + 900 + 200 * i, 100 + i, shape)
            return
        shape, delay, dur = self.rng.randrange(4), self.rng.randrange(50, 5000), self.rng.randrange(900)
        self.f.add("launch", start_ns=at, dur_ns=10, gpu_delay_ns=delay, gpu_dur_ns=dur, thread=thread,
                   stream=self.stream, shape=self.kernels[shape], api=self.api)
        self.done(around, at + delay, dur, shape)
        if self.rng.random() < 0.3:
            self.f.add("copy", start_ns=at, dur_ns=10, gpu_delay_ns=delay, gpu_dur_ns=7, thread=thread,
                       stream=self.stream, kind=1, bytes=64, api=self.api)
            self.done(around, at + delay, 7, None)

    def done(self, around, start, dur, shape):
        if shape is not None:
            inner = max(around, key=lambda r: (r["start"], -r["end"], r["id"]), default=None)
            name = "" if not inner else inner["name"].removeprefix(":") + "/"
            self.work.append((f"{name}kernel{shape % 3}", dur, shape))
        for r in around:
            r["ops"].append((start, start + dur))
            if shape is not None:
                r["kernels"].append((f"kernel{shape % 3}", dur))


def style(r):
    return "StartEnd" if r["kind"] == START else "PushPop"


def level(r):
    return 0 if not r["parent"] else 1 + level(r["parent"])


def stack(r):
    return (stack(r["parent"]) if r["parent"] else "") + f":{r['id']}"


def five(values, prefix):
    return {prefix + "Avg (ns)": f"{statistics.mean(values):.1f}",
            prefix + "Med (ns)": f"{statistics.median(values):.1f}",
            prefix + "Min (ns)": str(min(values)), prefix + "Max (ns)": str(max(values)),
            prefix + "StdDev (ns)": f"{statistics.stdev(values) if len(values) > 1 else 0:.1f}"}


def grouped(items, key):
    groups = {}
    for item in items:
        groups.setdefault(key(item), []).append(item)
    return groups


def same_rows(got, wanted, name):
    order = lambda rows: sorted(tuple(sorted(row.items())) for row in rows)
    differing = [(a, b) for a, b in zip(order(got), order(wanted)) if a != b]
    ok(len(got) == len(wanted) > 0 and not differing, name, len(got), len(wanted), *differing[:2])


def check_sum(file, report, ranges, columns):
    total, wanted = sum(r["end"] - r["start"] for r in ranges), []
    for key, group in grouped(ranges, columns).items():
        durations = [r["end"] - r["start"] for r in group]
        wanted.append({"Time (%)": f"{100 * sum(durations) / total:.1f}",
                       "Total Time (ns)": str(sum(durations)), "Instances": str(len(group)),
                       **five(durations, ""), **dict(key)})
    same_rows(csv_of(file, report), wanted, report)


for seed in (1, 2):
    m = Marked(f"marked{seed}", seed)
    pushed = [r for r in m.ranges if r["kind"] == PUSH]
    check_sum(m.file, "nvtx_sum", m.ranges, lambda r: (("Style", style(r)), ("Range", r["name"])))
    check_sum(m.file, "nvtx_pushpop_sum", pushed, lambda r: (("Range", r["name"]),))
    check_sum(m.file, "nvtx_startend_sum", [r for r in m.ranges if r["kind"] == START],
              lambda r: (("Range", r["name"]),))

    children = lambda r: sum(c["end"] - c["start"] for c in r["children"])
    same_rows(csv_of(m.file, "nvtx_pushpop_trace"), [
        {"Start (ns)": str(r["start"]), "End (ns)": str(r["end"]), "Name": r["name"], "PID": "100",
         "Duration (ns)": str(r["end"] - r["start"]), "DurChild (ns)": str(children(r)),
         "DurNonChild (ns)": str(r["end"] - r["start"] - children(r)), "TID": str(r["tid"]),
         "Lvl": str(level(r)), "NumChild": str(len(r["children"])), "RangeId": str(r["id"]),
         "ParentId": str(r["parent"]["id"]) if r["parent"] else "", "RangeStack": stack(r),
         "NameTree": "  " * level(r) + r["name"]} for r in pushed], "nvtx_pushpop_trace")
    starts = [int(row["Start (ns)"]) for row in csv_of(m.file, "nvtx_pushpop_trace")]
    equal(starts, sorted(starts), "nvtx_pushpop_trace: in order")

    busy = [r for r in m.ranges if r["ops"]]
    first, last = lambda r: min(a for a, _ in r["ops"]), lambda r: max(b for _, b in r["ops"])
    nest = lambda r, value: "" if r["kind"] == START else str(value(r))
    same_rows(csv_of(m.file, "nvtx_gpu_proj_trace"), [
        {"Name": r["name"], "Projected Start (ns)": str(first(r)),
         "Projected Duration (ns)": str(last(r) - first(r)), "Orig Start (ns)": str(r["start"]),
         "Orig Duration (ns)": str(r["end"] - r["start"]), "Style": style(r), "PID": "100",
         "TID": str(r["tid"]), "NumGPUOps": str(len(r["ops"])), "Lvl": nest(r, level),
         "NumChild": nest(r, lambda r: len(r["children"])), "RangeId": str(r["id"]),
         "ParentId": nest(r, lambda r: r["parent"]["id"] if r["parent"] else ""),
         "RangeStack": nest(r, stack)} for r in busy], "nvtx_gpu_proj_trace")
    wanted = []
    for (name, kind), group in grouped(busy, lambda r: (r["name"], style(r))).items():
        spans, ops = [last(r) - first(r) for r in group], [len(r["ops"]) for r in group]
        mean = lambda value: f"{statistics.mean(map(value, group)):.1f}" if kind == "PushPop" else ""
        wanted.append({"Range": name, "Style": kind, "Total Proj Time (ns)": str(sum(spans)),
                       "Total Range Time (ns)": str(sum(r["end"] - r["start"] for r in group)),
                       "Range Instances": str(len(group)), **five(spans, "Proj "),
                       "Total GPU Ops": str(sum(ops)), "Avg GPU Ops": f"{statistics.mean(ops):.1f}",
                       "Avg Range Lvl": mean(level),
                       "Avg Num Child": mean(lambda r: len(r["children"]))})
    same_rows(csv_of(m.file, "nvtx_gpu_proj_sum"), wanted, "nvtx_gpu_proj_sum")
    wanted = []
    pairs = [(r, k, d) for r in m.ranges for k, d in r["kernels"]]
    for (name, kind, tid, kernel), group in grouped(
            pairs, lambda p: (p[0]["name"], style(p[0]), p[0]["tid"], p[1])).items():
        times = [d for _, _, d in group]
        wanted.append({"NVTX Range": name, "Style": kind, "PID": "100", "TID": str(tid),
                       "NVTX Inst": str(len({r["id"] for r, _, _ in group})),
                       "Kern Inst": str(len(group)), "Total Time (ns)": str(sum(times)),
                       **five(times, ""), "Kernel Name": kernel})
    same_rows(csv_of(m.file, "nvtx_kern_sum"), wanted, "nvtx_kern_sum")

    # Kernels behind the name of the range that began last around their launch.
    named = {name: (str(sum(d for _, d, _ in group)), str(len(group)))
             for name, group in grouped(m.work, lambda w: w[0]).items()}
    for report, key, count in (("cuda_gpu_kern_sum", "Name", "Instances"), ("cuda_gpu_sum", "Operation", "Instances"),
                               ("cuda_api_gpu_sum", "Operation", "Instances")):
        equal({r[key]: (r["Total Time (ns)"], r[count]) for r in csv_of(m.file, report + ":nvtx-name")
               if "kernel" in r[key]}, named, f"{report}:nvtx-name")
    equal(sorted((r["Name"], int(r["Duration (ns)"]), int(r["GrdX"])) for r in
                 csv_of(m.file, "cuda_gpu_trace:nvtx-name:base") if r["GrdX"]),
          sorted((name, dur, shape + 1) for name, dur, shape in m.work), "cuda_gpu_trace:nvtx-name:base")
    equal({r["Kernel Name"] for r in csv_of(m.file, "cuda_kern_exec_trace:nvtx-name")}, set(named),
          "cuda_kern_exec_trace:nvtx-name")
    sums = grouped(csv_of(m.file, "cuda_kern_exec_sum:nvtx-name"), lambda r: r["Kernel Name"])
    equal({name: str(sum(int(r["Count"]) for r in group)) for name, group in sums.items()},
          {name: count for name, (_, count) in named.items()}, "cuda_kern_exec_sum:nvtx-name")
    sums = grouped(csv_of(m.file, "cuda_gpu_kern_gb_sum:nvtx-name:mangled"), lambda r: r["Name"])
    equal({name: str(sum(int(r["Instances"]) for r in group)) for name, group in sums.items()},
          {name: count for name, (_, count) in named.items()}, "cuda_gpu_kern_gb_sum:nvtx-name:mangled")

same_rows([{k: r[k] for k in ("name", "style", "count", "total_ns", "operations", "host_ns", "self_ns")}
           for r in csv_of(m.file, "gputrail_ranges")], [
    {"name": name, "style": kind, "count": str(len(group)),
     "total_ns": str(sum(b - a for r in group for a, b in r["ops"]))
     if any(r["ops"] for r in group) else "",
     "operations": str(sum(len(r["ops"]) for r in group)),
     "host_ns": str(sum(r["end"] - r["start"] for r in group)),
     "self_ns": "" if kind == "StartEnd" else str(sum(r["end"] - r["start"] - children(r) for r in group))}
    for (name, kind), group in grouped(m.ranges, lambda r: (r["name"], style(r))).items()],
    "gputrail_ranges")
ok("lib:step" in run("report", m.file, "ranges").stdout, "report ranges")
report = json.loads(run("report", "--json", m.file).stdout)["ranges"]
same_rows([{k: "" if r[k] is None else str(r[k]) for k in ("name", "style", "count", "total_ns", "self_ns")}
           for r in report], [{k: r[k] for k in ("name", "style", "count", "total_ns", "self_ns")}
                              for r in csv_of(m.file, "gputrail_ranges")], "--json has the same")
with open(os.path.join(os.environ["top_srcdir"], "docs", "report-json.md"), encoding="utf-8") as file:
    equal(re.findall(r"^\| `ranges\[\]\.(\w+)`", file.read(), re.M), list(report[0]), "and its members are told")
text = run("export", "--openmetrics", m.file).stdout
equal({(n, k): int(v) for n, k, v in re.findall(r'^gputrail_ranges_total{name="(.*)",style="(.*)"} (\d+)$', text, re.M)},
      {(r["name"], r["style"]): r["count"] for r in report}, "and the metrics")
equal(round(sum(float(v) for v in re.findall(r"^gputrail_range_gpu_time_seconds_total{.*} ([0-9.]+)$", text, re.M)) * 1e9),
      sum(r["total_ns"] or 0 for r in report), "with their GPU time")
text = run("export", "--html", m.file).stdout
equal([name for name in {r["name"] for r in report} if f">{name}</td>" not in text], [], "and the page")

# --- the trace ---
trace = json.loads(run("export", "--trace", m.file).stdout)["traceEvents"]
spoken = lambda r: r["name"].split(":")[1]
notes = [e for e in trace if e.get("cat") == "user_annotation"]
equal(sorted((e["tid"], e["args"]["start ns"], e["args"]["duration ns"], e["name"],
              e["args"].get("domain", "")) for e in notes if e["ph"] == "X"),
      sorted((r["tid"], r["start"], r["end"] - r["start"], spoken(r), r["name"].split(":")[0])
             for r in pushed), "trace: ranges pushed and popped")
begun = {e["id"]: e for e in notes if e["ph"] == "b"}
ended = {e["id"]: e for e in notes if e["ph"] == "e"}
equal({i: (e["ts"], ended[i]["ts"], e["tid"]) for i, e in begun.items()},
      {r["id"]: (r["start"] // 1000, r["end"] // 1000, r["tid"]) for r in m.ranges
       if r["kind"] == START}, "trace: ranges started and ended")
equal([(e["tid"], e["name"], e["s"]) for e in notes if e["ph"] == "i"],
      [(tid, "mark", "t") for tid in (101, 102, 103)], "trace: marks")
crossing = 0
for track in {(e["pid"], e["tid"]) for e in notes}:
    stack_of_ends = []
    for e in sorted((e for e in trace if e["ph"] == "X" and (e["pid"], e["tid"]) == track),
                    key=lambda e: (e["ts"], -e["dur"])):
        while stack_of_ends and stack_of_ends[-1] <= e["ts"]:
            stack_of_ends.pop()
        crossing += bool(stack_of_ends) and stack_of_ends[-1] < e["ts"] + e["dur"]
        stack_of_ends.append(e["ts"] + e["dur"])
equal(crossing, 0, "trace: ranges and calls of a thread nest")

# --- SQL written for nsys's export ---
shutil.copy(m.file, path("views.db"))
db = sqlite3.connect(path("views.db"))
if not db.execute("SELECT 1 FROM sqlite_schema WHERE name = 'NVTX_EVENTS'").fetchone():
    with open(os.path.join(os.environ["top_srcdir"], "collector", "nsys_views.sql"),
              encoding="utf-8") as file:
        db.executescript(file.read())
rows = lambda sql: db.execute(sql).fetchall()
by_text = grouped(pushed, lambda r: spoken(r) or None)
equal(dict((t, (n, d)) for t, n, d in rows("""
    SELECT coalesce(n.text, s.value), COUNT(*), SUM(n.end - n.start) FROM NVTX_EVENTS n
    LEFT JOIN StringIds s ON s.id = n.textId WHERE n.eventType = 59 AND n.end IS NOT NULL GROUP BY 1""")),
      {t: (len(g), sum(r["end"] - r["start"] for r in g)) for t, g in by_text.items()},
      "nsys: durations by text")
equal(sorted(rows("SELECT DISTINCT text, domainId FROM NVTX_EVENTS WHERE eventType = 75")), [("lib", 1)],
      "nsys: names of domains")
equal(dict(rows("""SELECT coalesce(d.text, ''), COUNT(*) FROM NVTX_EVENTS n LEFT JOIN NVTX_EVENTS d
                   ON d.eventType = 75 AND d.domainId = n.domainId AND d.globalTid >> 24 = n.globalTid >> 24
                   WHERE n.eventType IN (59, 60) AND n.end IS NOT NULL GROUP BY 1""")),
      {d: len(g) for d, g in grouped(m.ranges, lambda r: r["name"].split(":")[0]).items()},
      "nsys: ranges by domain")
# Kernels in a range: launched by a call of the same thread that lies in it.
equal(dict(((a, b), c) for a, b, c in rows("""
    SELECT n.eventId, s.value, COUNT(*) FROM NVTX_EVENTS n
    JOIN CUPTI_ACTIVITY_KIND_RUNTIME r ON r.globalTid = n.globalTid AND r.start >= n.start AND r.start < n.end
    JOIN CUPTI_ACTIVITY_KIND_KERNEL k ON k.correlationId = r.correlationId
        AND k.globalPid >> 24 = r.globalTid >> 24
    JOIN StringIds s ON s.id = k.shortName WHERE n.eventType IN (59, 60) GROUP BY 1, 2""")),
      {key: len(g) for key, g in grouped([(r["id"], k) for r in m.ranges for k, _ in r["kernels"]],
                                         lambda pair: pair).items()},
      "nsys: kernels of each range through their calls")
equal(rows("""SELECT e.label, COUNT(*) FROM NVTX_EVENTS n JOIN ENUM_NSYS_EVENT_TYPE e ON e.id = n.eventType
              WHERE n.end IS NULL AND n.eventType < 75 GROUP BY 1 ORDER BY 1"""),
      [("NvtxMark", 3), ("NvtxPushPopRange", 3)], "nsys: marks, and ranges that did not end")
equal(rows("SELECT MAX(n) FROM (SELECT COUNT(*) AS n FROM NVTX_EVENTS GROUP BY eventId)")[0][0], 1,
      "nsys: each row once")

# --- damaged files: whatever they hold, an answer or an error ---
VALUES = (None, 0, -1, 2**63 - 1, -2**63, 1e300, "x", b"\xff\xfe", "long " * 1000, 2, 3)
COLUMNS = {"range": ("start_ns", "dur_ns", "thread", "kind", "label", "payload", "name"),
           "label": ("process", "domain", "category_name", "color", "text"),
           "launch": ("start_ns", "gpu_delay_ns", "gpu_dur_ns", "thread")}
statuses = set()
for seed in range(4):
    rng, hurt = random.Random(seed), path(f"hurt{seed}.db")
    shutil.copy(m.file, hurt)
    damaged = sqlite3.connect(hurt)
    for table, columns in COLUMNS.items():
        for (number,) in damaged.execute(f"SELECT id FROM {table}").fetchall():
            if rng.random() < 0.3:
                damaged.execute(f"UPDATE {table} SET {rng.choice(columns)} = ? WHERE id = ?",
                                (rng.choice(VALUES), number))
    damaged.commit()
    damaged.close()
    for command in (["export", "--csv=nvtx_sum,nvtx_pushpop_trace,nvtx_gpu_proj_sum,nvtx_gpu_proj_trace,"
                     "nvtx_kern_sum", "-o", path(f"csv{seed}")], ["report", "ranges"],
                    ["export", "--trace"]):
        words = command[:1] + [hurt] + command[1:] if command[0] == "report" else command + [hurt]
        statuses.add(run(*words, text=False).returncode)
ok(statuses <= {0, 3}, "damaged ranges: answers or errors", statuses)

f = Fixture(path("none.db"))
f.close()
for report in ("nvtx_sum", "nvtx_gpu_proj_trace", "nvtx_kern_sum", "nvtx_pushpop_trace"):
    equal(csv_of(path("none.db"), report), [], f"{report}: a file without ranges has no rows")
done()
