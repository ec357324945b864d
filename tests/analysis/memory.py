#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The replay of memory: usage, high-water, holders, leaks, churn, failures, pools and mappings
against a brute-force replay of the same events, and against what the demo server plants."""
import csv
import io
import os
import random
import re
import sys

sys.dont_write_bytecode = True
from tap import done, equal, ok, path, report_json, run
import fixture

ALLOC, FREE, MAP, UNMAP = 1, 2, 3, 4
DEVICE, ASYNC, MANAGED, HOST, REGISTERED, VMM, RANGE, ARRAY = range(1, 9)
ON_DEVICE = (DEVICE, ASYNC, VMM, ARRAY)
COLUMNS = 60
NAMES = {DEVICE: "device", ASYNC: "stream-ordered", MANAGED: "managed", HOST: "pinned host",
         VMM: "virtual (VMM)", RANGE: "VMM address range", ARRAY: "array"}


def start(name, processes=1, devices=1):
    f = fixture.Fixture(path(name), first_event=0, last_event=6000000)
    for p in range(processes):
        f.process(pid=100 + p, end_ns=6000000)
        f.add("thread", process=p + 1, tid=100 + p, name="main", start_ns=0, end_ns=6000000)
    for d in range(devices):
        f.device(ordinal=d, memory_bytes=1 << 30)
    f.file = path(name)
    return f


class Truth:
    """The same in a few lines: every event changes numbers, and everything is looked up anew."""

    def __init__(self):
        self.live, self.sites, self.used, self.high, self.at_high, self.usage = {}, {}, {}, {}, {}, {}
        self.last = {}

    def carry(self, device, at):
        column = min(COLUMNS - 1, at * COLUMNS // 6000000)
        usage = self.usage.setdefault(device, [0] * COLUMNS)
        for c in range(self.last.get(device, 0) + 1, column + 1):
            usage[c] = self.used.get(device, 0)
        self.last[device] = column
        return usage, column

    def change(self, device, size, at):
        usage, column = self.carry(device, at)
        self.used[device] = self.used.get(device, 0) + size
        usage[column] = max(usage[column], self.used[device])

    def alloc(self, key, site, size, at):
        device = site[1]
        self.live[key] = (site, size, at)
        row = self.sites.setdefault(site, dict(allocs=0, frees=0, live=0, high=0, life=0, now=0))
        row["allocs"] += 1
        row["now"] += size
        row["high"] = max(row["high"], row["now"])
        self.change(device, size, at)
        if self.used[device] > self.high.get(device, (0, 0))[0]:
            self.high[device] = (self.used[device], at)
            self.at_high[device] = {s: r["now"] for s, r in self.sites.items()
                                    if s[1] == device and r["now"]}

    def free(self, key, at):
        site, size, since = self.live.pop(key)
        row = self.sites[site]
        row["frees"] += 1
        row["now"] -= size
        row["life"] += at - since
        self.change(site[1], -size, at)


def random_run(seed):
    rng = random.Random(seed)
    f, truth = start(f"random{seed}.db", 2, 2), Truth()
    paths = [f.path("serve", "step", f"layer{i}") for i in range(4)] + [None]
    api = f.api("cuMemAlloc_v2", "ALLOC")
    rows = []
    at = 0
    for i in range(400):
        at += rng.randrange(1, 25000)
        process = rng.randrange(1, 3)
        mine = [k for k in truth.live if k[0] == process]
        if mine and rng.random() < 0.47:
            key = rng.choice(mine)
            rows.append((at, 3, process, FREE, truth.live[key][0][2], truth.live[key][0][1] or 1,
                         key[2], 0, None))
            truth.free(key, at)
            continue
        kind = rng.choice((DEVICE, DEVICE, ASYNC, HOST, MANAGED, ARRAY))
        device = rng.randrange(1, 3)
        key = (process, kind == ARRAY, rng.randrange(1, 30) << 12)
        if key in truth.live:       # a free that was not seen
            truth.free(key, at + 5)
        where = rng.choice(paths)
        size = rng.randrange(1, 1 << 20)
        rows.append((at, 5, process, ALLOC, kind, device, key[2], size, where))
        truth.alloc(key, (process, device if kind in ON_DEVICE else 0, kind, where or 0), size,
                    at + 5)
        at += 10
    rng.shuffle(rows)               # threads' rows are not quite in order
    for row in rows:
        begin, dur, process, op, kind, device, address, size, where = row
        f.memory(begin, dur, process, op, kind, device, address, size, api, path=where)
    f.close()
    return f.file, truth


for seed in range(1, 7):
    file, truth = random_run(seed)
    use = report_json(file)["memory_use"]
    equal({a["device"]: (a["high_bytes"], a["high_at_ns"]) for a in use["areas"]}, truth.high,
          f"run {seed}: high-waters")
    equal({a["device"]: a["usage_bytes"] for a in use["areas"]},
          {d: truth.carry(d, 5999999)[0] for d in truth.usage}, f"run {seed}: usage over time")
    names = {v: k for k, v in NAMES.items()}
    got = {(s["process"], s["device"], names[s["kind"]], s["path"]): s for s in use["sites"]}
    equal({k: (s["allocs"], s["frees"], s["live_bytes"], s["high_bytes"], s["lifetime_ns"])
           for k, s in got.items()},
          {k: (s["allocs"], s["frees"], s["now"], s["high"], s["life"])
           for k, s in truth.sites.items()}, f"run {seed}: call paths")
    equal({d: {k: s["at_high_bytes"] for k, s in got.items() if k[1] == d and s["at_high_bytes"]}
           for d in truth.at_high}, truth.at_high, f"run {seed}: what the high-waters held")

# Physical memory lives as long as its handle or a mapping; one unmap may end several mappings.
f = start("vmm.db")
api = f.api("cuMemMap", "VMM")
where = f.path("reserve")
GIB = 1 << 30
for at, op, kind, address, size, handle in (
        (10, ALLOC, RANGE, 0x70000, 4 * GIB, None), (20, ALLOC, VMM, 1, GIB, None),
        (30, MAP, VMM, 0x70000, GIB, 1), (40, FREE, VMM, 1, 0, None), (50, ALLOC, VMM, 1, GIB, None),
        (60, MAP, VMM, 0x70000 + GIB, GIB, 1), (70, ALLOC, VMM, 2, GIB // 2, None),
        (80, UNMAP, VMM, 0x70000, 2 * GIB, None), (90, FREE, VMM, 2, 0, None)):
    f.memory(at, 1, 1, op, kind, 1, address, size, api, pool=handle, path=where)
f.close()
use = report_json(f.file)["memory_use"]
area = use["areas"][0]
equal((area["high_bytes"], area["high_mapped_bytes"], area["high_range_bytes"]),
      (2 * GIB + GIB // 2, 2 * GIB, 4 * GIB), "released handles live on while they are mapped")
site = [s for s in use["sites"] if s["kind"] == NAMES[VMM]][0]
equal((site["allocs"], site["frees"], site["live_bytes"]), (3, 2, GIB),
      "and go with their last mapping; a handle that is used again is another")

# What the driver told, pools, and a failure with the state it met.
f = start("told.db")
api, info = f.api("cuMemAllocFromPoolAsync", "ALLOC_ASYNC"), f.api("cuMemGetInfo_v2", "MEM_QUERY")
made, told = f.api("cuMemPoolCreate", "MEMPOOL"), f.api("cuMemPoolGetAttribute", "MEMPOOL")
f.add("result", id=2, name="CUDA_ERROR_OUT_OF_MEMORY")
big, small = f.path("cache"), f.path("step", "scratch")
f.call(5, 1, 1, made, object=0xb00)
f.memory(10, 1, 1, ALLOC, ASYNC, 1, 0x100, 700, api, pool=0xb00, path=big)
f.memory(20, 1, 1, ALLOC, ASYNC, 1, 0x200, 50, api, pool=0xdef, path=small)
f.call(30, 1, 1, info, object=200, second=1000, value=0)
f.call(40, 1, 1, info, object=900, second=1000, value=0)
for at, attribute, value in ((50, 5, 4096), (51, 7, 700), (52, 6, 8192), (53, 8, 750), (54, 4, 9)):
    f.call(at, 1, 1, told, object=0xb00, second=value, value=attribute)
f.call(60, 1, 1, api, 2, object=0, second=0xb00, value=5000, path=small)
f.close()
use = report_json(f.file)["memory_use"]
area = use["areas"][0]
equal([area[k] for k in ("asked", "total_bytes", "least_free_bytes", "least_free_at_ns",
                         "least_free_used_bytes", "failed")], [2, 1000, 200, 31, 750, 1],
      "what cuMemGetInfo answered is compared with what is known")
pools = {p["handle"]: p for p in use["pools"]}
equal([pools[0xb00][k] for k in ("high_bytes", "reserved_bytes", "reserved_high_bytes",
                                 "used_bytes", "used_high_bytes", "told_ns")],
      [700, 4096, 8192, 700, 750, 54], "pools: what was allocated, reserved and used")
equal(pools[0]["high_bytes"], 50, "a pool that nobody made is the default one")
failure = use["failures"][0]
equal([failure[k] for k in ("at_ns", "bytes", "used_bytes", "limit_bytes", "call", "error", "where",
                            "holder", "holder_bytes")],
      [61, 5000, 750, 1 << 30, "cuMemAllocFromPoolAsync", "CUDA_ERROR_OUT_OF_MEMORY",
       "scratch (model.py:7) < step (model.py:7)", "cache (model.py:7)", 700],
      "a failed allocation with the state it met")
text = run("report", "--full", f.file, "memory").stdout
for line in ("61 ns: cuMemAllocFromPoolAsync of 4.88 KiB on GPU 0: CUDA_ERROR_OUT_OF_MEMORY",
             "    most    700 B by cache (model.py:7)", "Never freed"):
    ok(line in text.splitlines(), f"the report says '{line.strip()}'", text)
doc = open(os.path.join(os.environ["top_srcdir"], "docs", "memory.md"), encoding="utf-8").read()
documented = set(re.findall(r"^\| `(\w+\[\]\.\w+)`", doc, re.M))
actual = {f"{name}[].{key}" for name, rows in use.items() if name != "end_ns" for key in rows[0]}
equal(sorted(actual ^ documented), [], "docs/memory.md has every member of memory_use, and no other")
rows = list(csv.DictReader(io.StringIO(run("export", "--csv=gputrail_mem_sites", f.file).stdout)))
equal([(r["Allocated By"], r["At Device High (B)"], r["Never Freed (B)"]) for r in rows],
      [("cache (model.py:7)", "700", "700"),
       ("scratch (model.py:7) < step (model.py:7)", "50", "50")], "as CSV by call path")
rows = list(csv.DictReader(io.StringIO(run("export", "--csv=gputrail_mem_usage", f.file).stdout)))
equal((len(rows), rows[0]["Most Used (B)"], rows[59]["Most Used (B)"], rows[59]["End (ns)"]),
      (60, "750", "750", "6000000"), "and over time")

# What accumulates: live allocations (of all made) at each quarter, and when it stops.
f = start("grows.db")
api = f.api("cuMemAlloc_v2", "ALLOC")
address = 0


def allocations(where, count, until, freed):
    """Allocations at equal distances; `freed` of them before the next one."""
    global address
    for i in range(count):
        address += 0x100
        at = until * (i + 1) // count
        f.memory(at, 1, 1, ALLOC, DEVICE, 1, address, 64, api, path=where)
        if freed(i):
            f.memory(at + 5, 1, 1, FREE, DEVICE, 1, address, 0, api, path=where)


SHAPES = {"leak": (40, 5900000, lambda i: False), "few": (7, 5900000, lambda i: False),
          "warm_up": (40, 3000000, lambda i: False), "steady": (40, 5900000, lambda i: i >= 9),
          "mostly_freed": (60, 5900000, lambda i: i % 3), "half_leak": (60, 5900000, lambda i: i % 2)}
for function, shape in SHAPES.items():
    allocations(f.path(function), *shape)
f.close()
equal(sorted(s["where"].split()[0] for s in report_json(f.file)["memory_use"]["sites"] if s["grows"]),
      ["half_leak", "leak"], "what accumulates, and what only looks like it")

# The memory of a process goes with it; what it leaves is still said.
f = start("exit.db", 2)
api = f.api("cuMemAlloc_v2", "ALLOC")
f.db.execute("UPDATE process SET end_ns = 3000000 WHERE id = 1")
f.memory(10, 1, 1, ALLOC, DEVICE, 1, 0x100, 600, api)
f.memory(4000000, 1, 2, ALLOC, DEVICE, 1, 0x100, 500, api)
f.close()
area = report_json(f.file)["memory_use"]["areas"][0]
equal((area["high_bytes"], area["live_bytes"], area["usage_bytes"][39], area["usage_bytes"][40]),
      (600, 1100, 0, 500), "memory ends with its process")


def demo(plant):
    file = path("plant.db")
    if os.path.exists(file):
        os.unlink(file)
    result = run("demo", "-o", file, "--steps=60", f"--plant={plant}", env={"LD_LIBRARY_PATH": None})
    equal(result.returncode, 0, f"{plant or 'healthy'}: recorded")
    return report_json(file)


if os.environ.get("sanitizers"):
    ok(True, "planted memory # SKIP sanitized libraries cannot be loaded into other programs")
    done()
    sys.exit()
data = demo("")
use = data["memory_use"]
equal([s["where"] for s in use["sites"] if s["grows"]], [], "healthy: nothing accumulates")
equal([s["live_bytes"] for s in use["sites"] if s["live_bytes"]], [], "healthy: all is freed")
use = demo("leak")["memory_use"]
grows = [s for s in use["sites"] if s["grows"]]
equal([(s["where"].split()[0], s["where"].split(" < ")[1].split()[0]) for s in grows],
      [("allocate", "leak")], "leak: the call path that accumulates is named")
ok(grows and grows[0]["high_bytes"] >= 59 * (4 << 20), "leak: and how much it is", grows)
use = demo("alloc-in-loop")["memory_use"]
churn = [s for s in use["sites"] if s["frees"] >= 59 and s["allocated_bytes"] >= 59 * (64 << 20)]
equal([s["where"].split(" < ")[1].split()[0] for s in churn], ["planted_before_forward"],
      "alloc-in-loop: its call path")
ok(churn and churn[0]["high_bytes"] == 64 << 20 and not churn[0]["grows"],
   "alloc-in-loop: one at a time", churn)
ok("allocate (planted.c" in run("report", "--full", path("plant.db"), "memory").stdout.split(
    "Allocated and freed again and again")[1], "alloc-in-loop: the report lists it as churn")
use = demo("oom")["memory_use"]
ok(use["failures"] and all(
    re.search(r"allocate_too_much", f["where"]) and "kv_cache" in f["holder"] and
    f["bytes"] > f["limit_bytes"] - f["used_bytes"] for f in use["failures"]),
   "oom: who asked, who held most, and that it did not fit", use["failures"])
use = demo("fragmentation")["memory_use"]
vmm = [s for s in use["sites"] if s["kind"] == NAMES[VMM]]
ok(vmm and "segments_churn" in vmm[0]["where"] and vmm[0]["frees"] >= 50, "fragmentation: segments",
   vmm)
done()
