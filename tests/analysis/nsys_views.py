# SPDX-License-Identifier: Apache-2.0
"""SQL written for nsys's SQLite export runs on a recording and gives what the report gives."""
import os
import sys

sys.dont_write_bytecode = True
import collections
import sqlite3
import subprocess

from tap import GPUTRAIL, done, equal, ok, path, report_json, run
import fixture

VIEWS = os.path.join(os.environ.get("top_srcdir", "."), "collector", "nsys_views.sql")
FILE = path("demo.db")
if os.environ.get("sanitizers"):
    print("1..0 # SKIP preloading needs a build without sanitizers")
    sys.exit(0)
recorded = subprocess.run([GPUTRAIL, "demo", "--steps=30", "-o", FILE], capture_output=True,
                          encoding="utf-8", timeout=120, check=False)
if recorded.returncode == 77:
    print(f"1..0 # SKIP the demo cannot be recorded here: {recorded.stderr!r}")
    sys.exit(0)
equal(recorded.returncode, 0, "the demo is recorded")
db = sqlite3.connect(FILE)
report = report_json(FILE, "--recount")
device = report["devices"][0]


def rows(sql, *args):
    return db.execute(sql, args).fetchall()


def one(sql, *args):
    return rows(sql, *args)[0]


def report_sum(view, key, *values):
    totals = collections.defaultdict(lambda: [0] * len(values))
    for row in report[view]:
        for i, value in enumerate(values):
            totals[row[key]][i] += row[value] or 0
    return {k: tuple(v) for k, v in totals.items()}


# Kernels, by full and short name.
for column, key in (("demangledName", "name"), ("shortName", "short_name")):
    got = {r[0]: r[1:] for r in rows(f"""
        SELECT s.value, SUM(k.end - k.start) AS total, COUNT(*) FROM CUPTI_ACTIVITY_KIND_KERNEL k
        JOIN StringIds s ON k.{column} = s.id GROUP BY s.value ORDER BY total DESC""")}
    equal(got, {k: v for k, v in report_sum("kernels", key, "total_ns", "calls").items()
                if v[0]}, f"kernels by {column}")
equal(one("""WITH t AS (SELECT demangledName AS id, SUM(end - start) AS total
             FROM CUPTI_ACTIVITY_KIND_KERNEL GROUP BY demangledName ORDER BY total DESC LIMIT 1)
             SELECT value, total FROM t JOIN StringIds USING (id)"""),
      max(((k, v[0]) for k, v in report_sum("kernels", "name", "total_ns").items()),
          key=lambda r: r[1]), "the kernel that took most, grouped by id")
# Calls.
got = {r[0]: r[1:] for r in rows("""
    SELECT s.value, COUNT(*), SUM(r.end - r.start), SUM(r.returnValue <> 0)
    FROM CUPTI_ACTIVITY_KIND_RUNTIME r JOIN StringIds s ON s.id = r.nameId GROUP BY r.nameId""")}
equal(got, {a["name"]: (a["calls"], a["total_ns"], a["failed"]) for a in report["apis"]
            if a["min_ns"] is not None}, "calls by name")
# Copies and sets.
got = {r[0]: r[1:] for r in rows("""
    SELECT o.label, COUNT(*), SUM(m.bytes), SUM(m.end - m.start)
    FROM CUPTI_ACTIVITY_KIND_MEMCPY m JOIN ENUM_CUDA_MEMCPY_OPER o ON o.id = m.copyKind
    GROUP BY m.copyKind""")}
equal(got, {k: v for k, v in report_sum("copies", "direction", "count", "bytes",
                                        "total_ns").items() if k != "memset"}, "copies by kind")
got = {r[:2]: r[2] for r in rows("""
    SELECT a.label, b.label, COUNT(*) FROM CUPTI_ACTIVITY_KIND_MEMCPY m
    JOIN ENUM_CUDA_MEM_KIND a ON a.id = m.srcKind JOIN ENUM_CUDA_MEM_KIND b ON b.id = m.dstKind
    GROUP BY 1, 2""")}
wanted = collections.Counter()
for c in report["copies"]:
    if c["direction"] != "memset":
        wanted[c["source"], c["destination"]] += c["count"]
equal(got, dict(wanted), "copies by kinds of memory")
equal(one("SELECT COUNT(*), SUM(bytes), SUM(end - start) FROM CUPTI_ACTIVITY_KIND_MEMSET"),
      report_sum("copies", "direction", "count", "bytes", "total_ns")["memset"], "sets")
# Kernels and their calls, by correlation and process.
PAIRS = """FROM CUPTI_ACTIVITY_KIND_KERNEL k JOIN CUPTI_ACTIVITY_KIND_RUNTIME r
    ON k.correlationId = r.correlationId AND k.globalPid / 0x1000000 % 0x1000000
    = r.globalTid / 0x1000000 % 0x1000000"""
equal(one(f"SELECT COUNT(*), SUM(k.start >= r.start) {PAIRS}"), (device["kernels"],) * 2,
      "every kernel has one call, which began before it")
got = dict(rows(f"SELECT s.value, COUNT(*) {PAIRS} JOIN StringIds s ON s.id = r.nameId GROUP BY 1"))
equal(got.get("cuGraphLaunch"), one("SELECT count(*) FROM node")[0], "kernels of graph launches")
equal(one("SELECT COUNT(*), COUNT(DISTINCT correlationId) FROM CUPTI_ACTIVITY_KIND_RUNTIME")[0],
      one("SELECT COUNT(DISTINCT correlationId) FROM CUPTI_ACTIVITY_KIND_RUNTIME")[0],
      "correlations of calls are unique")
equal(one("SELECT COUNT(*) FROM CUPTI_ACTIVITY_KIND_KERNEL WHERE graphNodeId IS NOT NULL")[0],
      one("SELECT count(*) FROM node")[0], "kernels inside graphs have a node")
equal(rows("SELECT DISTINCT (globalTid >> 24) & 0xFFFFFF FROM CUPTI_ACTIVITY_KIND_RUNTIME"),
      rows("SELECT pid FROM PROCESSES"), "process ids of calls")
equal(set(rows("SELECT globalTid & 0xFFFFFF, s.value FROM ThreadNames t "
               "JOIN StringIds s ON s.id = t.nameId")),
      set(rows("SELECT tid, name FROM thread")), "names of threads")
# Idle gaps and busy time over all streams, by window functions.
ALL = """SELECT start, "end", deviceId FROM CUPTI_ACTIVITY_KIND_KERNEL
    UNION ALL SELECT start, "end", deviceId FROM CUPTI_ACTIVITY_KIND_MEMCPY
    UNION ALL SELECT start, "end", deviceId FROM CUPTI_ACTIVITY_KIND_MEMSET"""
equal(one(f"""WITH ops AS ({ALL}), reach AS (SELECT start, MAX("end") OVER (PARTITION BY deviceId
              ORDER BY start ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS reach FROM ops)
              SELECT SUM(start - reach) FROM reach WHERE start > reach""")[0],
      device["idle_ns"], "idle gaps add up to the device's idle time")
equal(one(f'SELECT MIN(start), MAX("end") FROM ({ALL})'), (device["first_ns"], device["last_ns"]),
      "first and last operation")
streams = collections.defaultdict(list)
for start, end, stream in rows("""SELECT start, "end", streamId FROM CUPTI_ACTIVITY_KIND_KERNEL
        UNION ALL SELECT start, "end", streamId FROM CUPTI_ACTIVITY_KIND_MEMCPY"""):
    streams[stream].append((start, end))
equal(sorted(streams), sorted(r[0] for r in rows(
    "SELECT DISTINCT s.number FROM stream s JOIN (SELECT stream FROM launch UNION SELECT stream "
    "FROM node UNION SELECT stream FROM copy WHERE kind & 255 <> 64) u ON u.stream = s.id")),
      "streams that worked")
ok(sum(fixture.union_ns(v) for v in streams.values()) >= device["compute_ns"], "busy by stream")
# Memory.
equal(one("""WITH m AS (SELECT SUM(CASE memoryOperationType WHEN 0 THEN bytes ELSE -bytes END)
             OVER (ORDER BY start ROWS UNBOUNDED PRECEDING) AS live
             FROM CUDA_GPU_MEMORY_USAGE_EVENTS WHERE memKind = 2) SELECT MAX(live) FROM m""")[0],
      device["high_bytes"], "device memory in use at most")
equal(one("""SELECT SUM(memoryOperationType = 0), SUM(memoryOperationType = 1)
             FROM CUDA_GPU_MEMORY_USAGE_EVENTS"""),
      tuple(sum(m[k] for m in report["memory"]) for k in ("allocs", "frees")),
      "allocations and frees")
# Synchronisation.
apis = {a["name"]: (a["calls"], a["total_ns"]) for a in report["apis"]}
for name, call in (("Stream sync", "cuStreamSynchronize"), ("Event sync", "cuEventSynchronize"),
                   ("Stream wait sync", "cuStreamWaitEvent"), ("Context sync", "cuCtxSynchronize")):
    equal(one("""SELECT COUNT(*), SUM(y.end - y.start) FROM CUPTI_ACTIVITY_KIND_SYNCHRONIZATION y
                 JOIN ENUM_CUPTI_SYNC_TYPE e ON e.id = y.syncType WHERE e.label = ?""", name),
          apis.get(call, (0, None)), f"{call}")
ok(all(r[0] for r in rows("SELECT streamId FROM CUPTI_ACTIVITY_KIND_SYNCHRONIZATION "
                          "WHERE syncType = 3")), "synchronised streams are known")
# What there is.
equal(rows("SELECT g.name, g.smCount, g.totalMemory, g.computeMajor FROM TARGET_INFO_GPU g "
           "JOIN TARGET_INFO_CUDA_DEVICE c ON c.gpuId = g.id JOIN PROCESSES p ON p.pid = c.pid"),
      [tuple(device[k] for k in ("name", "sm_count", "memory_bytes", "cc_major"))], "the device")
equal(one("SELECT COUNT(*) FROM CUPTI_ACTIVITY_KIND_KERNEL k JOIN TARGET_INFO_GPU g "
          "ON g.id = k.deviceId")[0], device["kernels"], "kernels by device")
equal(one("SELECT value FROM META_DATA_EXPORT WHERE name = 'EXPORT_SCHEMA_VERSION'")[0], "3.28.1",
      "the schema that the views follow")
# Call paths of calls.
got = one("""SELECT COUNT(*) FROM CUPTI_ACTIVITY_KIND_RUNTIME r
    JOIN CUDA_CALLCHAINS c ON c.id = r.callchainId AND c.stackDepth = 0
    JOIN StringIds s ON s.id = c.symbol JOIN StringIds n ON n.id = r.nameId
    WHERE n.value = 'cuLaunchKernel'""")[0]
equal(got, apis["cuLaunchKernel"][0], "launches with their innermost frame")

# Every view has each published column; a file from before the views reads as ever.
for (view,) in rows("SELECT name FROM sqlite_schema WHERE type = 'view' AND name <> 'node'"):
    ok(db.execute(f"SELECT * FROM {view} LIMIT 1").description, f"{view} runs")
before = run("report", "--json", FILE).stdout
old = sqlite3.connect(FILE)
for (view,) in rows("SELECT name FROM sqlite_schema WHERE type = 'view' AND name <> 'node'"):
    old.execute(f"DROP VIEW {view}")
old.commit()
equal(run("report", FILE).returncode, 0, "a file without the views opens")
ok(run("export", "--csv=cuda_gpu_kern_sum", FILE).stdout.count("\n") > 3, "and exports")
old.executescript(open(VIEWS, encoding="utf-8").read())
equal(old.execute("SELECT COUNT(*) FROM CUPTI_ACTIVITY_KIND_KERNEL").fetchone()[0],
      device["kernels"], "the views can be added to it")
done()
