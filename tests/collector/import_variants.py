# SPDX-License-Identifier: Apache-2.0
"""gputrail import: the same known work in the dialects of many versions and makers of torch.profiler and
nsys, and in what other programs make of their files. Busy and idle time, kernels' totals and who launched
what equal an independent computation; the causes add up to the idle time; occupancy is the trace's."""
import gzip
import json
import random
import sqlite3

from import_truth import compare, imported, tap
from tap import equal, ok, path, run

US = 1000
SMS, THREADS_MAX = 132, 2048
PROPERTIES = {"name": "NVIDIA H100", "totalGlobalMem": 85018279936, "computeMajor": 9, "computeMinor": 0,
              "maxThreadsPerBlock": 1024, "maxThreadsPerMultiprocessor": THREADS_MAX, "regsPerBlock": 65536,
              "warpSize": 32, "sharedMemPerBlock": 49152, "numSms": SMS, "regsPerMultiprocessor": 65536,
              "sharedMemPerBlockOptin": 232448, "sharedMemPerMultiprocessor": 233472}
GRIDS = ((264, 1, 1), (33, 4, 1), (1, 1, 7))
BLOCKS = ((128, 1, 1), (32, 8, 1), (1024, 1, 1))


class Work:
    """Launches, copies, sets, graphs and waits of some processes on their devices, in whole steps of
    time. call: (pid, tid, correlation, what, start, dur); op: a dict."""

    def __init__(self, seed, processes=((4711, 0),), step=1, ids=1):
        rng = random.Random(seed)
        self.calls, self.ops = [], []
        for number, (pid, device) in enumerate(processes):
            # Most numbers are those of several processes.
            at, free, correlation = (10 + 3 * number) * US, {7: 0, 13: 0, 20: 0}, ids + 5 * number
            for _ in range(60):
                at += rng.choice((2, 5, 40, 300)) * US // step * step
                what = rng.choices(("launch", "copy", "set", "graph", "sync"), (8, 2, 1, 1, 2))[0]
                self.calls.append((pid, pid + rng.randrange(2), correlation, what, at, 3 * US))
                stream = rng.choice(list(free))
                for node in range({"graph": 3, "sync": 0}.get(what, 1)):
                    # Streams overlap each other; work may take no time at all.
                    start = max(free[stream], at + rng.randrange(1, 9) * US + rng.randrange(US))
                    start = start // step * step + (step if start % step else 0)
                    dur = rng.choice((0, 1, 2, 30)) * US + (rng.randrange(US) if step == 1 else 0)
                    free[stream] = start + dur
                    self.ops.append({"what": "launch" if what == "graph" else what, "pid": pid,
                                     "device": device, "stream": stream, "correlation": correlation,
                                     "start": start, "dur": dur, "name": f"kernel_{rng.randrange(3)}<int>(int*)",
                                     "grid": rng.choice(GRIDS), "block": rng.choice(BLOCKS),
                                     "node": node + 1 if what == "graph" else 0, "bytes": 4096})
                correlation += 1

    def truth(self):
        return [(op["device"], op["name"] if op["what"] == "launch" else None, op["start"], op["dur"])
                for op in self.ops]


CALLS = {"launch": "cudaLaunchKernel", "copy": "cudaMemcpyAsync", "set": "cudaMemsetAsync",
         "graph": "cudaGraphLaunch", "sync": "cudaStreamSynchronize"}
HIP = {"launch": "hipLaunchKernel", "copy": "hipMemcpyWithStream", "set": "hipMemsetAsync",
       "graph": "hipGraphLaunch", "sync": "hipStreamSynchronize"}
XPU = {"launch": "urEnqueueKernelLaunch", "copy": "urEnqueueUSMMemcpy", "set": "urEnqueueUSMFill",
       "graph": "urCommandBufferEnqueueExp", "sync": "urQueueFinish"}
CATS = {"launch": "kernel", "copy": "gpu_memcpy", "set": "gpu_memset"}
OLD_CATS = {"launch": "Kernel", "copy": "Memcpy", "set": "Memset"}


def us(time):
    return f"{time // US}.{time % US:03d}"


def kineto(work, names=CALLS, cats=CATS, runtime="cuda_runtime", time=us, change=None, arguments=True):
    """Events as torch.profiler writes them; the texts of times are put in by `text`."""
    events = []
    for pid, tid, correlation, what, start, dur in work.calls:
        events.append({"ph": "X", "cat": runtime, "name": names[what], "pid": pid, "tid": tid,
                       "ts": time(start), "dur": time(dur),
                       "args": {"External id": correlation, "cbid": 211, "correlation": correlation}})
        events.append({"ph": "s", "id": correlation, "pid": pid, "tid": tid, "ts": time(start), "cat": "ac2g",
                       "name": "ac2g"})
    for op in work.ops:
        name = {"copy": "Memcpy HtoD (Pinned -> Device)", "set": "Memset (Device)"}.get(op["what"], op["name"])
        args = {"External id": 5, "device": op["device"], "context": 1, "stream": op["stream"],
                "correlation": op["correlation"]}
        if op["what"] == "launch" and arguments:
            blocks = op["grid"][0] * op["grid"][1] * op["grid"][2] / SMS
            threads = op["block"][0] * op["block"][1] * op["block"][2]
            args |= {"queued": 0, "registers per thread": 32, "shared memory": 1024, "blocks per SM": blocks,
                     "warps per SM": blocks * threads / 32, "grid": list(op["grid"]),
                     "block": list(op["block"]), "est. achieved occupancy %": 0,
                     "graph id": 3 if op["node"] else 0, "graph node id": op["node"]}
        elif op["what"] != "launch":
            args["bytes"] = op["bytes"]
        events.append({"ph": "X", "cat": cats[op["what"]], "name": name, "pid": op["device"],
                       "tid": op["stream"], "ts": time(op["start"]), "dur": time(op["dur"]), "args": args})
        if change:
            change(events[-1], op)
    random.Random(3).shuffle(events)
    return {"schemaVersion": 1, "deviceProperties": [{"id": d} | PROPERTIES for d in range(8)],
            "displayTimeUnit": "ms", "baseTimeNanoseconds": 1727740800000000000, "traceEvents": events}


def text(value, key=None):
    """JSON in which times keep their digits."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{json.dumps(k)}: {text(v, k)}" for k, v in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ",\n".join(text(v) for v in value) + "]"
    return value if key in ("ts", "dur") and isinstance(value, str) else json.dumps(value)


def check(name, work, content, db="run.db", occupancy=False, ops=None):
    file = path("trace")
    with open(file, "wb") as out:
        out.write(content if isinstance(content, bytes) else content.encode())
    return check_file(name, work, file, db, occupancy, ops)


def check_file(name, work, file, db="run.db", occupancy=False, ops=None):
    report, error = imported(file, db)
    if not report:
        return ok(False, f"{name}: read", error)
    wrong = compare(report, ops or work.truth())
    ok(not wrong, f"{name}: busy, idle and kernels' totals", wrong)
    wrong = [d["idle_by_cause"] for d in report["devices"]
             if sum(d["idle_by_cause"].values()) != d["idle_ns"]]
    ok(not wrong, f"{name}: the causes add up to the idle time", wrong)
    if work.calls:
        with sqlite3.connect(db) as rows:
            joined = rows.execute(
                "SELECT (SELECT count(*) FROM launch) + (SELECT count(*) FROM copy WHERE api IS NOT NULL),"
                " (SELECT count(*) FROM graph_launch), (SELECT count(*) FROM orphan),"
                " (SELECT count(DISTINCT process) FROM thread)").fetchone()
        rows.close()
        calls = [call[3] for call in work.calls]
        equal(joined, (sum(w in ("launch", "copy", "set") for w in calls), calls.count("graph"), 0,
                       len({call[0] for call in work.calls})), f"{name}: each has its call")
    if occupancy:
        same_occupancy(name, work, db)
    return report


def same_occupancy(name, work, db):
    run("export", "--trace", "-o", path("out.json"), "-f", db)
    with open(path("out.json"), encoding="utf-8") as out:
        events = json.load(out)["traceEvents"]
    got = sorted((e["args"]["grid"], e["args"]["block"], round(e["args"]["blocks per SM"], 6),
                  round(e["args"]["warps per SM"], 6)) for e in events if e.get("cat") == "kernel")
    want = []
    for op in work.ops:
        if op["what"] == "launch":
            blocks = op["grid"][0] * op["grid"][1] * op["grid"][2] / SMS
            warps = blocks * op["block"][0] * op["block"][1] * op["block"][2] / 32
            want.append((list(op["grid"]), list(op["block"]), round(blocks, 6), round(warps, 6)))
    ok(got == sorted(want), f"{name}: blocks and warps per SM", got[:3], sorted(want)[:3])


# --- torch.profiler ----------------------------------------------------------------------------

def old_event(event, op):
    """PyTorch 1.8: threads of devices are texts, a copy of no length has no number for its bandwidth."""
    event["tid"] = f"stream {op['stream']}"
    event["args"]["external id"] = "5"
    if op["what"] != "launch":
        event["args"]["memory bandwidth (GB/s)"] = "BARE inf" if not op["dur"] else 1.5


def check_versions():
    work = Work(1)
    check("now", work, text(kineto(work)), occupancy=True)
    two = Work(2, ((100, 0), (200, 1)))
    check("two processes", two, text(kineto(two)))
    two = Work(3, ((100, 0), (100, 1), (100, 5)))
    for op in two.ops:              # the ids of a process are its own
        op["correlation"] += 1000 * op["device"]
    two.calls = [(pid, tid, corr + 1000 * (0, 1, 5)[i // 60], *rest)
                 for i, (pid, tid, corr, *rest) in enumerate(two.calls)]
    check("three devices of one process", two, text(kineto(two)))
    whole = Work(4, step=US)
    old = kineto(whole, cats=OLD_CATS, runtime="Runtime", time=lambda t: str(t // US), change=old_event)
    del old["deviceProperties"], old["displayTimeUnit"], old["baseTimeNanoseconds"]
    check("1.8", whole, text(old).replace('"BARE inf"', "inf"))
    check("whole microseconds", whole, json.dumps(kineto(whole, time=lambda t: t // US)))
    check("floating point", whole, json.dumps(kineto(whole, time=lambda t: t / US), indent=1))
    hip = kineto(work, HIP, arguments=False,
                 change=lambda e, op: e["args"].update({"kind": "Dispatch Kernel", "grid": list(op["grid"])}))
    hip["deviceProperties"] = [{"id": 0, "name": "AMD Instinct MI300X", "warpSize": 64, "computeMajor": 9,
                                "computeMinor": 4, "numSms": 304, "maxThreadsPerMultiprocessor": 2048}]
    report = check("ROCm", work, text(hip))
    ok(report and not any(f["name"] in ("no-pdl", "low-occupancy") for f in report["findings"]),
       "ROCm: nothing that is of CUDA's architectures")
    graphless = Work(5)
    graphless.calls = [c for c in graphless.calls if c[3] != "graph"]
    graphless.ops = [op for op in graphless.ops if not op["node"]]

    def xpu_event(event, op):
        event["args"] = {"device": 0, "correlation": op["correlation"], "sycl queue": 94826, "appended": 1}
        event["name"] = event["name"].replace("Memcpy HtoD (Pinned -> Device)", "zeCommandListAppendMemoryCopy(M2D)")
    check("XPU", graphless, text(kineto(graphless, XPU, runtime="xpu_runtime", change=xpu_event)))
    graphs = Work(6)
    plain = kineto(graphs, change=lambda e, op: [e["args"].pop(k, 0) for k in ("graph id", "graph node id")])
    check("graphs before CUDA 12", graphs, text(plain))
    for spot, value in (("negative", -2**31 + 5), ("large", 2**31 + 5)):
        wide = Work(7, ids=value)
        check(f"{spot} correlation ids", wide, text(kineto(wide)))


def clutter(trace):
    """What else is in a trace, in places where it was seen."""
    events, at = trace["traceEvents"], "12.000"
    events += [
        {"ph": "i", "cat": "cpu_instant_event", "s": "t", "name": "[memory]", "pid": 4711, "tid": 4711, "ts": at,
         "args": {"Total Reserved": 18446744073709551615, "Device Id": -1, "Bytes": -512, "Addr": 1 << 63}},
        {"ph": "C", "name": "GPU 0 Utilization", "pid": 0, "ts": at, "args": {"util": 5e-324}},
        {"ph": "X", "cat": "overhead", "name": "Buffer Flush", "pid": -1, "tid": 0, "ts": at, "dur": "3.000"},
        {"ph": "X", "cat": "Trace", "name": "PyTorch Profiler (0)", "pid": "Spans", "tid": "PyTorch Profiler",
         "ts": at, "dur": "9.000", "args": {"Op count": 0}},
        {"ph": "X", "cat": "cuda_sync", "name": "Stream Sync", "pid": 0, "tid": 1000007, "ts": at, "dur": "4.000",
         "args": {"stream": -1, "device": 0}},
        {"ph": "X", "cat": "gpu_user_annotation", "name": "ProfilerStep#1", "pid": 0, "tid": 7, "ts": at, "dur": "900.000"},
        {"ph": "X", "cat": "user_annotation", "name": "nccl:all_reduce", "pid": 4711, "tid": 4711, "ts": at, "dur": "4.000",
         "args": {"Collective name": "allreduce", "In msg nelems": 1024, "Process Group Ranks": [0, 1], "dtype": "BFloat16"}},
        {"ph": "X", "cat": "cpu_op", "name": "triton_poi_fused", "pid": 4711, "tid": 4711, "ts": at, "dur": "3.000",
         "args": {"grid": "grid(64,1,1)", "stream": 7, "Input Dims": [[], [2, [3]]], "name": {"a": 1}, "pid": "x"}},
        {"ph": "X", "cat": "python_function", "name": "serve.py(3): caf\u00e9 \ud83d\ude00 \u0001", "pid": 4711, "tid": 4711,
         "ts": at, "dur": "3.500", "args": {"Python id": 1, "Python parent id": None, "Python module id": 0}},
        {"ph": "M", "name": "process_labels", "pid": 0, "tid": 0, "ts": at, "args": {"labels": "GPU 0"}},
        {"name": "Record Window End", "ph": "i", "s": "g", "pid": "", "tid": "", "ts": at},
        {"ph": "X", "cat": "kernel", "name": "without a time", "pid": 0, "tid": 7, "args": {"stream": 7}},
        {"ph": "X", "cat": "kernel", "name": "without a length", "pid": 0, "tid": 7, "ts": at, "args": {"stream": 7}},
        {"ph": "X", "cat": "kernel", "name": "backwards", "pid": 0, "tid": 7, "ts": at, "dur": "-1.000"}]
    trace["distributedInfo"] = {"backend": "nccl", "rank": 0, "pg_config": [{"ranks": [0, 1]}], "traceEvents": 5}
    trace["trace_id"] = "A1"
    return trace


def check_clutter():
    work = Work(8)
    check("with all that there is", work, text(clutter(kineto(work))))
    turned = {k: v for k, v in reversed(clutter(kineto(work)).items())}
    turned["traceEvents"] = [dict(reversed(e.items())) for e in turned["traceEvents"]]
    check("everything in another order", work, text(turned))
    check("a list of events", work, text(clutter(kineto(work))["traceEvents"]))
    strings = kineto(work, change=lambda e, op: e.update(
        args={k: str(v) if isinstance(v, int) else v for k, v in e["args"].items()}, pid=str(e["pid"])))
    check("numbers as texts", work, json.dumps(strings), occupancy=True)
    without = kineto(work, change=lambda e, op: e["args"].pop("device"))
    check("the device by its pid only", work, text(without))
    without = kineto(work, change=lambda e, op: e.update(pid=4711))
    check("the device by its argument only", work, text(without))
    untimed = kineto(work)
    for event in untimed["traceEvents"]:
        event["ts"] = "1727740800" + event["ts"].zfill(10)
    untimed["traceEvents"].append({"ph": "X", "cat": "kernel", "name": "untimed", "pid": 0, "tid": 7, "ts": 0, "dur": 0,
                                   "args": {"device": 0, "stream": 7, "correlation": 0}})
    check("work that CUPTI could not time", work, text(untimed))
    whole = text(clutter(kineto(work)))
    half = len(whole) // 2
    members = gzip.compress(whole[:half].encode()) + gzip.compress(whole[half:].encode())
    check("gzip of several members", work, members)


def check_no_json():
    """What json.loads() of Python refuses, as profilers wrote it."""
    work, good = Work(9), text(clutter(kineto(Work(9))))
    for name, broken in (
            ("a byte order mark", b"\xef\xbb\xbf" + good.encode()),
            ("nan, inf and infinity", good.replace('"context": 1', '"context": 1, "a": -inf, "b": nan,'
                                                   ' "c": [-NaN,Infinity, -Infinity]')),
            ("commas at the end", good.replace("}}", "},\n}").replace("]}", ",]}").replace("}]", "},\n\t]")),
            ("a control character", good.replace("without a length", "with\x01out\ta length\n")),
            ("single backslashes", good.replace("without a length", r"C:\users\me\Desktop\new\1.py")),
            ("Latin-1", good.replace("without a length", "caf\xe9").encode("latin-1", "replace"))):
        check(name, work, broken)
        if name != "Latin-1":
            with sqlite3.connect("run.db") as db:
                ok(db.execute("SELECT value FROM counter WHERE name = 'import_mended'").fetchone(),
                   f"{name}: counted as mended")
            db.close()
    check("no false alarm", work, good)
    with sqlite3.connect("run.db") as db:
        equal(db.execute("SELECT value FROM counter WHERE name = 'import_mended'").fetchall(), [],
              "no false alarm: nothing is mended")
    db.close()


def check_merged():
    """Ranks in one file, as the scripts of SGLang and TraceLens merge them: device 0 of each is another GPU."""
    ranks = Work(10, ((4711, 0), (4712, 1)))
    prefixed = [{"ph": "M", "name": "process_name", "pid": "[TP01] 4711", "tid": 0, "args": {"name": "engine 1"}}]
    shifted = []
    for rank in (0, 1):
        part = Work(10, ((4711, 0), (4711, 1)))
        part.calls = part.calls[60 * rank:60 * rank + 60]
        part.ops = [op | {"device": 0} for op in part.ops if op["device"] == rank]
        for event in kineto(part)["traceEvents"]:
            prefixed.append(event | {"pid": f"[TP0{rank}] {event['pid']}"})
            by = rank * 10**8
            args = event.get("args") and event["args"] | {"correlation": event["args"]["correlation"] + by}
            shifted.append(event | {"pid": event["pid"] + by, "args": args})
    trace = kineto(ranks)
    check("ranks with a prefix", ranks, text(trace | {"traceEvents": prefixed}), occupancy=True)
    with sqlite3.connect("run.db") as db:
        equal(db.execute("SELECT DISTINCT p.pid, p.name, d.ordinal FROM launch l JOIN thread t ON t.id = l.thread"
                         " JOIN process p ON p.id = t.process JOIN stream s ON s.id = l.stream"
                         " JOIN device d ON d.id = s.device ORDER BY 3").fetchall(),
              [(4711, "[TP00]", 0), (4711, "engine 1", 1)], "ranks with a prefix: each has its own device")
    db.close()
    check("ranks with shifted pids", ranks, text(trace | {"traceEvents": shifted}), occupancy=True)


# --- nsys --------------------------------------------------------------------------------------

TABLES = {"launch": "KERNEL", "copy": "MEMCPY", "set": "MEMSET"}
SUFFIXES = {"launch": "_v7000", "copy": "_v3020", "set": "_ptsz_v7000", "graph": "_v10000", "sync": "_v3020"}
GPU = {"name": "NVIDIA H100", "smCount": SMS, "maxWarpsPerSm": 64, "maxBlocksPerSm": 32, "maxRegistersPerSm": 65536,
       "maxRegistersPerBlock": 65536, "maxShmemPerSm": 233472, "maxShmemPerBlock": 49152,
       "maxShmemPerBlockOptin": 232448, "computeMajor": 9, "computeMinor": 0, "clockRate": 1980000000}
OLD_GPU = {"name": "name", "smCount": "numMultiprocessors", "maxWarpsPerSm": "maxWarpsPerMultiprocessor",
           "maxBlocksPerSm": "maxBlocksPerMultiprocessor", "maxRegistersPerSm": "maxRegistersPerMultiprocessor",
           "maxRegistersPerBlock": "maxRegistersPerBlock", "maxShmemPerSm": "maxSharedMemoryPerMultiprocessor",
           "computeMajor": "computeCapabilityMajor", "computeMinor": "computeCapabilityMinor"}


def table(db, name, rows):
    columns = list(rows[0])
    db.execute(f"CREATE TABLE {name} ({', '.join(columns)})")
    db.executemany(f"INSERT INTO {name} VALUES ({', '.join('?' * len(columns))})",
                   [tuple(row[c] for c in columns) for row in rows])


def nsys(work, without=(), texts=False, key="INTEGER PRIMARY KEY", shuffled=False, alias=None, gpus=(0, 1)):
    """An export in the schema of 2024; `alias` maps a device to the number that its process has for it."""
    file, strings, rng = path("trace.sqlite"), {}, random.Random(4)
    open(file, "wb").close()
    db = sqlite3.connect(file)

    def string(value):
        return value if texts else strings.setdefault(value, len(strings) + 1)

    def whole(pid):
        return 0x57 << 56 | pid << 24        # beyond 2^63 in later versions: SQLite has signed numbers
    tables = {"RUNTIME": [{
        "start": start, "end": start + dur, "eventClass": 0, "globalTid": whole(pid) | tid, "correlationId": corr,
        "nameId": string(CALLS[what] + SUFFIXES[what]), "returnValue": 0, "callchainId": None}
        for pid, tid, corr, what, start, dur in work.calls]}
    for op in work.ops:
        row = {"start": op["start"], "end": op["start"] + op["dur"],
               "deviceId": (alias or {}).get(op["device"], op["device"]), "contextId": 1,
               "streamId": op["stream"], "correlationId": op["correlation"], "globalPid": whole(op["pid"]),
               "graphNodeId": op["node"] or None, "bytes": op["bytes"]}
        if op["what"] == "launch":
            row |= {"demangledName": string(op["name"]), "shortName": string("kernel"), "registersPerThread": 32,
                    "dynamicSharedMemory": 1024, "staticSharedMemory": 0} | {
                        f"{what}{axis}": size for what in ("grid", "block") for axis, size in zip("XYZ", op[what])}
        row |= {"copyKind": 1, "srcKind": 1, "dstKind": 2} if op["what"] == "copy" else {}
        tables.setdefault(TABLES[op["what"]], []).append(row)
    for name, rows in tables.items():
        columns = [c for c in dict.fromkeys(k for row in rows for k in row) if c not in without]
        if shuffled:
            rng.shuffle(rows)
            columns = ["greenContextId", *rng.sample(columns, len(columns)), "priority"]
        table(db, f"CUPTI_ACTIVITY_KIND_{name}", [{c: row.get(c) for c in columns} for row in rows])
    if "TARGET_INFO_GPU" in without:
        table(db, "TARGET_INFO_CUDA_GPU", [{"deviceId": d} | {old: GPU[new] for new, old in OLD_GPU.items()} for d in gpus])
    else:
        table(db, "TARGET_INFO_GPU", [{"vmId": 1, "id": d, "cuDevice": d} | GPU for d in gpus])
    if alias:
        table(db, "TARGET_INFO_CUDA_DEVICE", [
            {"gpuId": op["device"], "cudaId": alias[op["device"]], "pid": op["pid"], "numMultiprocessors": SMS}
            for op in work.ops])
    if not texts:
        db.execute(f"CREATE TABLE StringIds (id {key}, value TEXT)")
        db.executemany("INSERT INTO StringIds VALUES (?, ?)", [(i, value) for value, i in strings.items()])
    db.commit()
    db.close()
    return file


def check_nsys():
    two = ((100, 0), (200, 1))
    check_file("nsys", Work(11, two), nsys(Work(11, two)), occupancy=True)
    check_file("nsys of 2020", Work(12), nsys(Work(12), ("globalPid", "TARGET_INFO_GPU", "shortName", "graphNodeId")),
               occupancy=True)
    check_file("nsys to come", Work(13, two), nsys(Work(13, two), shuffled=True), occupancy=True)
    check_file("nsys with texts for numbers", Work(14, two), nsys(Work(14, two), texts=True))
    check_file("nsys without an index", Work(15, two), nsys(Work(15, two), key="INTEGER"))
    hidden = Work(16, ((100, 2), (200, 5)))
    check_file("nsys, two processes see one GPU each as 0", hidden, nsys(hidden, alias={2: 0, 5: 0}, gpus=range(8)),
               occupancy=True)
    seen = Work(17, ((100, 0),))
    check_file("nsys, a process sees GPU 5 as 0", seen, nsys(seen, gpus=(5,), alias={0: 0}), occupancy=False)
    file = nsys(Work(18, two))
    with sqlite3.connect(file) as db:
        for name in ("KERNEL", "RUNTIME"):
            db.execute(f"ALTER TABLE CUPTI_ACTIVITY_KIND_{name} RENAME TO stored_{name}")
            db.execute(f"CREATE VIEW CUPTI_ACTIVITY_KIND_{name} AS SELECT * FROM stored_{name}")
    db.close()
    check_file("nsys with views", Work(18, two), file, occupancy=True)
    lonely = Work(19)
    file = nsys(lonely)
    with sqlite3.connect(file) as db:
        for name in ("RUNTIME", "MEMCPY", "MEMSET"):
            db.execute(f"DROP TABLE CUPTI_ACTIVITY_KIND_{name}")
        db.execute("DROP TABLE StringIds")
    db.close()
    lonely.calls, lonely.ops = [], [op for op in lonely.ops if op["what"] == "launch"]
    for op in lonely.ops:
        op["name"] = "?"
    check_file("nsys, kernels only", lonely, file, occupancy=True)
    open("prof.db", "wb").close()
    with sqlite3.connect("prof.db") as db:
        for name in ("StringTable", "Version", "CUPTI_ACTIVITY_KIND_KERNEL"):
            db.execute(f"CREATE TABLE {name} (a)")
    db.close()
    ok("nvprof" in imported("prof.db")[1], "a database of nvprof is told so")


check_versions()
check_clutter()
check_no_json()
check_merged()
check_nsys()
tap.done()
