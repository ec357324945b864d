# SPDX-License-Identifier: Apache-2.0
"""Measured activity in report, JSON, CSV, page and viewer, of a file whose samples are planted."""
import csv
import io
import json
import os
import re
import sqlite3
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import tap
from tap import equal, ok

SCHEMA = os.path.join(os.environ.get("top_srcdir", "."), "collector", "schema.sql")
MS = 10**6


def planted(name, samples=True, change=None):
    """GPU with 100 SMs of 64 warps. 0 to 400 ms: gemm, all SMs, half the warps. 500 to 900 ms: tiny, 25 SMs,
    half of the time. 1000 to 1200 ms: both in turns. Samples of 100 ms tell 90 % of what the shapes give."""
    path = tap.path(name + ".db")
    db = sqlite3.connect(path)
    with open(SCHEMA, encoding="utf-8") as file:
        db.executescript(file.read())
    meta = {"state": "complete", "created": "2026-01-01T00:00:00Z", "tool_version": "x", "command_line": "x",
            "host": "x", "origin": 1, "first_event": 0, "last_event": 1200 * MS}
    db.executemany("INSERT INTO meta VALUES (?,?)", meta.items())
    db.execute("INSERT INTO process (id, pid, name, state, backend) VALUES (1, 1, 'p', 'exited', 'cupti')")
    db.execute("INSERT INTO thread (id, process, tid) VALUES (1, 1, 1)")
    db.execute("INSERT INTO device (id, uuid, ordinal, name, sm_count, max_threads_per_sm, memory_bytes)"
               " VALUES (1, 'a', 0, 'GPU of a test', 100, 2048, 1000000)")
    db.execute("INSERT INTO stream (id, process, device) VALUES (1, 1, 1)")
    db.executemany("INSERT INTO kernel (id, name, short_name, mangled) VALUES (?,?,?,?)",
                   [(1, "gemm_bf16", "gemm_bf16", "gemm_bf16"), (2, "tiny", "tiny", "tiny")])
    db.executemany("INSERT INTO shape (id, kernel, device, grid_x, grid_y, grid_z, block_x, block_y, block_z,"
                   " blocks_per_sm, flags) VALUES (?,?,1,?,1,1,?,1,1,?,0)",
                   [(1, 1, 200, 512, 2), (2, 2, 25, 256, 8)])
    work = [(t, 10, 1) for t in range(0, 400, 10)] + [(t, 5, 2) for t in range(500, 900, 10)] + \
        [(t, 10, 1 + t // 10 % 2) for t in range(1000, 1200, 10)]
    db.executemany("INSERT INTO launch (start_ns, dur_ns, gpu_delay_ns, gpu_dur_ns, thread, stream, shape, api)"
                   " VALUES (?, 1000, 0, ?, 1, 1, ?, 0)", [(t * MS, d * MS, s) for t, d, s in work])
    db.execute("INSERT INTO sum_device VALUES (1, 0, ?, ?, ?, 0, ?, 0, 0, 0)",
               (1200 * MS, 800 * MS, 800 * MS, len(work)))
    if samples:
        use = [(1e6, 5e5)] * 4 + [(0, 0)] + [(125000, 15625)] * 4 + [(0, 0)] + [(625000, 265625)] * 2
        db.executemany("INSERT INTO activity VALUES (1, ?, ?, 1, 0, ?, ?, NULL, 250000, 0, 2000000000, 0, 0,"
                       " 1500000, 700000, 1000000, 0, 300, 100)", [(i * 100 * MS, 100 * MS, int(0.9 * a), int(0.9 * b))
                                      for i, (a, b) in enumerate(use)])
        db.execute("INSERT INTO activity_source VALUES (1, 'gpm', 110000000, 100000000, 12, 5000, 'a note', 0)")
    for sql in change or ():
        db.execute(sql)
    db.commit()
    db.close()
    return path


def near(got, wanted):
    return got is None if wanted is None else got is not None and abs(got - wanted) < 0.06


path = planted("planted")
rows = tap.report_json(path)["activity"]
equal([(r["of"], r["name"], r["samples"], r["time_ns"]) for r in rows],
      [("all", "GPU of a test", 12, 1200 * MS), ("family", "other", 4, 400 * MS),
       ("family", "gemm", 4, 400 * MS), ("kernel", "gemm_bf16", 4, 400 * MS), ("kernel", "tiny", 4, 400 * MS)],
      "samples belong to the kernel and family that had them, mixed and idle ones to nobody")
for name, row, wanted in (
        ("gemm", rows[3], {"running_percent": 100, "sm_active_percent": 90, "running_sm_active_percent": 90,
                           "shape_sm_active_percent": 100, "running_occupancy_percent": 45,
                           "shape_occupancy_percent": 50, "running_dram_percent": 25,
                           "tensor_percent": None, "running_tensor_percent": None,
                           "pcie_rx_bytes_per_second": 2e9, "memory_used_bytes": 300}),
        ("tiny", rows[4], {"running_percent": 50, "sm_active_percent": 11.25,
                           "running_sm_active_percent": 22.5, "shape_sm_active_percent": 25,
                           "running_occupancy_percent": 2.81, "shape_occupancy_percent": 3.125}),
        ("all", rows[0], {"running_percent": 66.67, "sm_active_percent": (4 * 90 + 4 * 11.25 + 2 * 56.25) / 12,
                          "shape_sm_active_percent": (400 + 200 * .25 + 100 + 100 * .25) / 8,
                          "most_sm_active_percent": 90})):
    wrong = {k: (row[k], v) for k, v in wanted.items() if not near(row[k], v)}
    ok(not wrong, f"{name}: figures", wrong)

with open(os.path.join(os.environ.get("top_srcdir", "."), "docs", "report-json.md"), encoding="utf-8") as doc:
    equal(re.findall(r"^\| `activity\[\]\.(\w+)`", doc.read(), re.M), list(rows[0]), "the members are documented")
text = tap.run("report", path, "activity").stdout
ok("GPU 0: busy 0.0 %, SMs 43.1 %, warps " in text and "a note" in text and
   "gpm, 12 samples, one every 100 ms (asked for: 110 ms), 5.00 us" in text and "gemm_bf16" in text,
   "report activity", text)
ok("SMs 43.1 %" in tap.run("report", path).stdout and "SMs 43.1 %" in tap.run("info", path).stdout,
   "the overview and info have the line")
text = tap.run("report", path, "waterfall").stdout
ok("NVML measured 43.1 % of the SMs as active in this time; above " in text, "the waterfall has it beside",
   text)
trace = list(csv.DictReader(io.StringIO(tap.run("export", "--csv=activity_trace", path).stdout)))
equal((len(trace), trace[0]["sm_active_ppm"], trace[0]["tensor_ppm"], trace[11]["start_ns"],
       trace[5]["occupancy_ppm"], trace[3]["pcie_rx_bytes_per_s"]),
      (12, "900000", "", str(1100 * MS), "14062", "2000000000"), "CSV of the samples")
table = list(csv.DictReader(io.StringIO(tap.run("export", "--csv=activity", path).stdout)))
equal([row["name"] for row in table], [row["name"] for row in rows], "CSV of the table")
tap.run("export", "--trace", "-o", tap.path("trace.json"), path)
with open(tap.path("trace.json"), encoding="utf-8") as file:
    counters = [e for e in json.load(file)["traceEvents"] if e["ph"] == "C" and e["name"].endswith("%")]
equal(([(e["ts"], e["pid"], e["args"]) for e in counters if e["name"] == "SMs active %"][:2],
       sorted({e["name"] for e in counters})), ([(0, 0, {"percent": 90}), (100000, 0, {"percent": 90})],
      ["DRAM %", "SMs active %", "warps %"]), "counters in the trace")
page = tap.path("page.html")
tap.run("export", "--html", "-o", page, path)
with open(page, encoding="utf-8") as file:
    html = file.read()
ok('class="measured"' in html and "SMs active: 90.0 %" in html, "the page has the line")

# --- what is not there ----------------------------------------------------------------------------
none = planted("none", samples=False)
ok("was not measured: gputrail record --sm-activity" in tap.run("report", none, "activity").stdout and
   "activity" not in tap.run("report", none).stdout and tap.report_json(none)["activity"] == [],
   "nothing where nobody asked")
refused = planted("refused", samples=False, change=[
    "INSERT INTO activity_source VALUES (1, 'none', 110000000, NULL, 0, NULL, 'no: not permitted (4)', 0)"])
text = tap.run("report", refused).stdout
ok("GPU 0: not measured" in text and "no: not permitted (4)" in text, "refused: the report says why", text)
old = planted("old", samples=False, change=["DROP TABLE activity", "DROP TABLE activity_source"])
result = tap.run("report", old)
ok(result.returncode == 0 and "measured activity of the GPUs" in result.stdout, "an older file lacks it",
   result.stdout, result.stderr)
hostile = planted("hostile", change=[
    "UPDATE activity SET dur_ns = 9223372036854775807 WHERE start_ns = 0",
    "UPDATE activity SET dur_ns = -5 WHERE start_ns = 100000000",
    "UPDATE activity SET start_ns = -7 WHERE start_ns = 200000000",
    "UPDATE activity SET sm_active_ppm = 9223372036854775807, occupancy_ppm = -1, dram_ppm = 'x',"
    " memory_used_bytes = -1 WHERE start_ns = 300000000",
    "INSERT INTO activity (device, start_ns, dur_ns, sm_active_ppm) VALUES (99, 5, 9, 1)",
    "INSERT INTO activity (device, start_ns, dur_ns, sm_active_ppm) VALUES (1, 9223372036854775807,"
    " 9223372036854775807, 1e99)",
    "INSERT INTO activity_source VALUES (98, NULL, 'x', -1, -9223372036854775808, 1, NULL, -1)",
    "UPDATE shape SET blocks_per_sm = -1, grid_x = 9223372036854775807 WHERE id = 2",
    "UPDATE device SET sm_count = -3"])
for words in (("report", "activity"), ("report", "--json"), ("export", "--csv=activity,activity_trace", "-o",
              tap.path("out")), ("export", "--html", "-o", tap.path("h.html")), ("info",),
              ("tui", "--keys", "9 + + j j j j q")):
    result = tap.run(words[0], hostile, *words[1:])
    ok(result.returncode == 0, f"impossible samples: {words[0]} {words[1] if words[1:] else ''}",
       result.returncode, result.stderr)
tap.done()
