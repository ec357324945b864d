# SPDX-License-Identifier: Apache-2.0
"""A recorded demo server: report and export tell what the simulator's truth file tells."""
import os
import sys

sys.dont_write_bytecode = True
import csv
import io
import sqlite3
import subprocess

from tap import GPUTRAIL, done, equal, ok, path, report_json, run
import fixture

if os.environ.get("sanitizers"):
    print("1..0 # SKIP preloading needs a build without sanitizers")
    sys.exit(0)
FILE, TRUTH = path("demo.db"), path("truth.tsv")
recorded = subprocess.run([GPUTRAIL, "demo", "--steps=12", f"--truth={TRUTH}", "-o", FILE],
                          capture_output=True, encoding="utf-8", timeout=120, check=False)
if recorded.returncode == 77 or not os.path.exists(TRUTH):
    print(f"1..0 # SKIP the demo cannot be recorded here: {recorded.stderr!r}")
    sys.exit(0)
equal(recorded.returncode, 0, "the demo is recorded")
truth = [r for r in csv.DictReader(open(TRUTH, encoding="utf-8"), delimiter="\t",
                                   quoting=csv.QUOTE_NONE) if r["status"] == "done"]
origin = int(sqlite3.connect(FILE).execute("SELECT value FROM meta WHERE key = 'origin'")
             .fetchone()[0])


def spans(*kinds):
    return [(int(r["start_ns"]) - origin, int(r["end_ns"]) - origin) for r in truth
            if r["kind"] in kinds]


data = report_json(FILE)
device = data["devices"][0]
everything = spans("kernel", "copy", "set")
equal([device[k] for k in ("kernels", "copies", "sets")],
      [len(spans("kernel")), len(spans("copy")), len(spans("set"))], "every operation is counted")
for name, kinds in (("busy_ns", ("kernel", "copy", "set")), ("compute_ns", ("kernel",)),
                    ("copy_ns", ("copy", "set"))):
    equal(device[name], fixture.union_ns(spans(*kinds)), f"{name} is the union of the truth")
equal(device["span_ns"], max(e for _, e in everything) - min(s for s, _ in everything), "span_ns")
equal(device["busy_ns"] + device["idle_ns"], device["span_ns"], "idle is the rest")
equal(data["lost"], 0, "nothing was lost")
equal(data["run"]["state"], "complete", "the recording is complete")
recounted = report_json(FILE, "--recount")
equal([recounted[k] for k in ("devices", "kernels", "apis", "copies")],
      [data[k] for k in ("devices", "kernels", "apis", "copies")],
      "the rows add up to the recorder's summaries")

live = high = 0
sizes = {}
for r in truth:
    if r["kind"] == "alloc" and r["name"] == "device":
        sizes[r["address"]] = int(r["bytes"])
        live += int(r["bytes"])
    elif r["kind"] == "free":
        live -= sizes.pop(r["address"], 0)
    high = max(high, live)
memory = [m for m in data["memory"] if m["kind"] == "device"]
equal(memory[0]["high_bytes"], high, "high-water of device memory")

result = run("export", "--csv=cuda_gpu_trace", FILE)
rows = list(csv.DictReader(io.StringIO(result.stdout)))
equal(sorted((int(r["Start (ns)"]), int(r["Start (ns)"]) + int(r["Duration (ns)"]))
             for r in rows), sorted(everything), "cuda_gpu_trace has every start and end")
calls = {r["CorrID"]: r for r in csv.DictReader(io.StringIO(
    run("export", "--csv=cuda_api_trace", FILE).stdout))}
ok(all(r["CorrId"] in calls for r in rows), "each leads to the call that caused it")
late = [r for r in rows if int(r["Start (ns)"]) < int(calls[r["CorrId"]]["Start (ns)"])]
equal(late, [], "no GPU work starts before its call")
ok(run("report", FILE).returncode == 0 and run("info", FILE).returncode == 0, "the text views")
done()
