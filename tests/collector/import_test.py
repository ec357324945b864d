# SPDX-License-Identifier: Apache-2.0
"""gputrail import: traces made here with known truth, malformed ones, mutations, and real ones.

Real traces are those in the folder that GPUTRAIL_TRACES names; without it they are skipped.
"""
import collections
import glob
import gzip
import json
import os
import random
import sqlite3
from decimal import Decimal

from import_truth import compare, imported, ns, tap, truth_of
from tap import ok, run


# --- Kineto, made here -------------------------------------------------------------------------

def kineto_call(pid, corr, name, ts, dur="2.5"):
    return {"ph": "X", "cat": "cuda_runtime", "name": name, "pid": pid, "tid": pid + 1, "ts": ts,
            "dur": dur, "args": {"cbid": 211, "correlation": corr}}


def kineto_op(cat, device, stream, corr, name, ts, dur, **more):
    args = {"device": device, "context": 1, "stream": stream, "correlation": corr}
    if cat == "kernel":
        args.update({"registers per thread": 32, "shared memory": 1024, "grid": [264, 2, 1],
                     "block": [128, 1, 1]})
    args.update(more)
    return {"ph": "X", "cat": cat, "name": name, "pid": device, "tid": stream, "ts": ts, "dur": dur,
            "args": args}


def kineto_fixture():
    base = 1695835573023613
    at = lambda us: f"{base + us // 1000}.{us % 1000:03d}"    # argument in ns
    events = [
        {"ph": "M", "name": "process_name", "pid": 100, "tid": 0, "ts": at(0), "args": {"name": "one"}},
        {"ph": "M", "name": "process_name", "pid": 200, "tid": 0, "ts": at(0), "args": {"name": "two"}},
        {"ph": "M", "name": "thread_name", "pid": 100, "tid": 101, "ts": at(0), "args": {"name": "main"}},
        {"ph": "M", "name": "thread_name", "pid": 0, "tid": 7, "ts": at(0), "args": {"name": "stream 7 "}},
        {"ph": "X", "cat": "Trace", "name": "PyTorch Profiler (0)", "pid": "Spans",
         "tid": "PyTorch Profiler", "ts": at(0), "dur": "9", "args": {"Op count": 0}},
        {"ph": "X", "cat": "cpu_op", "name": "aten::add", "pid": 100, "tid": 101, "ts": at(0), "dur": "4"},
        {"ph": "X", "cat": "python_function", "name": "f", "pid": 100, "tid": 101, "ts": at(0), "dur": "4"},
        {"ph": "X", "cat": "user_annotation", "name": "ProfilerStep#1", "pid": 100, "tid": 101,
         "ts": at(0), "dur": "4"},
        {"ph": "s", "id": 1, "pid": 100, "tid": 101, "ts": at(0), "cat": "ac2g", "name": "ac2g"},
    ]
    for pid, device, shift in ((100, 0, 0), (200, 1, 137)):
        # The same correlation ids in both processes; one id of each is its own.
        for i in range(20):
            start = 10_000 * i + shift
            events.append(kineto_op("kernel", device, 7 + i % 2, 10 + i, f"void k{i % 3}<int>(int)",
                                    at(start + 4_001), "12.345"))
            events.append(kineto_call(pid, 10 + i, "cudaLaunchKernel", at(start)))
        own = 1000 + pid
        events.append(kineto_call(pid, own, "cudaMemcpyAsync", at(300_000)))
        events.append(kineto_op("gpu_memcpy", device, 7, own, "Memcpy HtoD (Pinned -> Device)",
                                at(305_000 + shift), "7.5", bytes=4096))
        events.append(kineto_call(pid, own + 1, "cudaGraphLaunch", at(320_000)))
        for node in range(3):
            events.append(kineto_op("kernel", device, 9, own + 1, "in_graph(float)",
                                    at(330_000 + 3_000 * node), "2.999",
                                    **{"graph id": 3, "graph node id": 40 + node}))
        events.append(kineto_op("gpu_memset", device, 9, own + 1, "Memset (Device)", at(340_000), "1",
                                bytes=64, **{"graph id": 3, "graph node id": 43}))
        events.append(kineto_call(pid, own + 2, "cudaStreamSynchronize", at(350_000), "20"))
        events.append(kineto_call(pid, own + 3, "cudaLaunchKernel", at(390_000)))    # no GPU work
        events.append(kineto_op("kernel", device, 7, own + 4, "orphan", at(395_000), "3"))
    lonely = kineto_op("kernel", 0, 7, 0, "keyless", at(400_000), "1")
    lonely["args"] = {"stream": 7}
    events += [lonely, kineto_op("kernel", 0, 7, 5, "backwards", at(401_000), "-1")]
    random.Random(1).shuffle(events)
    trace = {"schemaVersion": 1,
             "deviceProperties": [{"id": d, "name": "NVIDIA H100", "totalGlobalMem": 85018279936,
                                   "computeMajor": 9, "computeMinor": 0, "numSms": 132,
                                   "maxThreadsPerMultiprocessor": 2048, "regsPerBlock": 65536,
                                   "regsPerMultiprocessor": 65536, "sharedMemPerBlock": 49152,
                                   "sharedMemPerMultiprocessor": 233472,
                                   "sharedMemPerBlockOptin": 232448} for d in (0, 1)],
             "traceEvents": events, "baseTimeNanoseconds": 1000}
    # ts and dur are numbers; text keeps their digits until here
    def bare(value, key=None):
        if isinstance(value, dict):
            return "{" + ", ".join(f"{json.dumps(k)}: {bare(v, k)}" for k, v in value.items()) + "}"
        if isinstance(value, list):
            return "[" + ",\n".join(bare(v) for v in value) + "]"
        return value if key in ("ts", "dur") else json.dumps(value)
    ops = [(e["args"].get("device", e["pid"]), e["name"] if e["cat"] == "kernel" else None, ns(e["ts"]),
            ns(e["dur"])) for e in events
           if e.get("cat") in ("kernel", "gpu_memcpy", "gpu_memset") and Decimal(e["dur"]) >= 0]
    return bare(trace), bare(events), ops


def test_kineto():
    text, events, ops = kineto_fixture()
    with open("k.json", "w") as f:
        f.write(text)
    with open("list.json", "w") as f:
        f.write(events)
    with gzip.open("k.json.gz", "wt") as f:
        f.write(text)
    for path in ("k.json", "k.json.gz", "list.json"):
        report, error = imported(path, path + ".db")
        wrong = compare(report, ops) if report else error
        ok(wrong == [], f"{path}: busy, idle, kernel totals are exact", wrong)
    db = sqlite3.connect("k.json.db")
    one = lambda sql: db.execute(sql).fetchall()
    ok(one("SELECT p.pid, p.name, count(*) FROM launch l JOIN thread t ON t.id = l.thread"
           " JOIN process p ON p.id = t.process GROUP BY 1 ORDER BY 1")
       == [(100, "one", 20), (200, "two", 20)], "each process has its launches",
       one("SELECT * FROM process"))
    ok(one("SELECT count(*), count(DISTINCT p.pid) FROM launch l JOIN stream s ON s.id = l.stream"
           " JOIN device d ON d.id = s.device JOIN thread t ON t.id = l.thread"
           " JOIN process p ON p.id = t.process WHERE p.pid = 100 * (d.ordinal + 1)") == [(40, 2)],
       "equal correlation ids of two processes are told apart")
    ok(one("SELECT DISTINCT gpu_delay_ns, gpu_dur_ns, dur_ns FROM launch") == [(4001, 12345, 2500)],
       "times keep their nanoseconds", one("SELECT gpu_delay_ns, gpu_dur_ns FROM launch LIMIT 5"))
    ok(one("SELECT nodes, gpu_delay_ns, gpu_dur_ns FROM graph_launch")
       == [(4, 10000, 11000)] * 2 and one("SELECT count(*), count(graph_launch) FROM node") == [(6, 6)]
       and one("SELECT count(*) FROM copy WHERE graph_launch IS NOT NULL") == [(2,)],
       "work inside graphs", one("SELECT * FROM graph_launch"))
    ok(one("SELECT kind, bytes FROM copy WHERE api IS NOT NULL")
       == [(1 | 2 << 8 | 3 << 16 | 1 << 24, 4096)] * 2, "copies", one("SELECT kind, bytes FROM copy"))
    ok(one("SELECT DISTINCT blocks_per_sm, limiter, waves_x1000 FROM shape WHERE grid_y = 2")
       == [(16, "warps", 250)], "occupancy", one("SELECT * FROM shape"))
    ok(one("SELECT count(*) FROM orphan") == [(3,)] and dict(one("SELECT name, value FROM counter")) == {
        "import_others": 1,
        "import_bad_times": 1, "import_no_gpu": 2, "import_no_host": 3}, "what is left out is counted",
       one("SELECT * FROM counter"))
    ok(one("SELECT name FROM thread WHERE tid = 101") == [("main",)]
       and ("stream 7",) in one("SELECT name FROM stream"), "names of threads and streams")
    meta = dict(one("SELECT key, value FROM meta"))
    ok(int(meta["origin_realtime"]) - int(meta["origin"]) == 1000 and meta["state"] == "complete"
       and "Kineto" in meta["import.source"] and meta["import.file"] == "k.json", "meta", meta)
    sums = one("SELECT (SELECT sum(gpu_dur_ns) FROM launch) + (SELECT sum(gpu_dur_ns) FROM node) +"
               " (SELECT sum(gpu_dur_ns) FROM copy), sum(gpu_ns) FROM sum_path")
    ok(sums[0][0] == sums[0][1], "the sum over paths is that of the rows", sums)
    ok(one("SELECT count(*) FROM launch l WHERE NOT EXISTS (SELECT 1 FROM chunk c WHERE c.kind = 'launch'"
           " AND l.id BETWEEN first_id AND last_id AND l.start_ns >= min_ns"
           " AND l.start_ns + l.gpu_delay_ns + l.gpu_dur_ns <= max_ns)") == [(0,)], "zone map")
    ok(run("info", "k.json.db").stdout.find("import_others") > 0, "info names what was left out")
    ok(one("SELECT r.start_ns, r.dur_ns, r.kind, l.text, t.tid FROM range r JOIN thread t ON t.id = r.thread"
           " JOIN label l ON l.id = r.label") == [(0, 4000, 4, "ProfilerStep#1", 101)], "ranges that the user marked", one("SELECT * FROM range"))
    ok(os.mkdir("csv") is None and run("export", "--csv=all", "-o", "csv", "k.json.db").returncode == 0, "export works",
       os.listdir("csv"))


# --- nsys, made here ---------------------------------------------------------------------------

def nsys_fixture(path):
    db = sqlite3.connect(path)
    db.execute("CREATE TABLE StringIds (id INTEGER PRIMARY KEY, value TEXT)")
    for i, text in enumerate(("cudaLaunchKernel_v7000", "gemm(float*)", "main", "cudaGraphLaunch_v10000",
                              "cudaMemcpyAsync_ptsz_v7000")):
        db.execute("INSERT INTO StringIds VALUES (?,?)", (i, text))
    db.execute("CREATE TABLE CUPTI_ACTIVITY_KIND_RUNTIME (start, end, eventClass, globalTid,"
               " correlationId, nameId, returnValue)")
    db.execute("CREATE TABLE CUPTI_ACTIVITY_KIND_KERNEL (start, end, deviceId, contextId, streamId,"
               " correlationId, globalPid, demangledName, registersPerThread, gridX, gridY, gridZ,"
               " blockX, blockY, blockZ, staticSharedMemory, dynamicSharedMemory, graphNodeId)")
    db.execute("CREATE TABLE CUPTI_ACTIVITY_KIND_MEMCPY (start, end, deviceId, contextId, streamId,"
               " correlationId, globalPid, bytes, copyKind, srcKind, dstKind)")
    db.execute("CREATE TABLE CUPTI_ACTIVITY_KIND_GRAPH_TRACE (start, end, deviceId, contextId, streamId,"
               " correlationId, globalPid, graphId, graphExecId)")
    db.execute("CREATE TABLE NVTX_EVENTS (start, end, eventType, rangeId, category, color, text,"
               " globalTid, endGlobalTid, textId, domainId, uint64Value, int64Value, doubleValue,"
               " uint32Value, int32Value, floatValue)")
    db.execute("INSERT INTO StringIds VALUES (90, 'interned')")
    main, other = 5 << 48 | 77 << 24 | 78, 5 << 48 | 77 << 24 | 79
    for event in (
            # Before the names of their domain and category, as the export has them in any order.
            (1_001_000, 1_009_000, 59, None, 7, 0xff00ff00, "pushed", main, None, None, 1,
             None, None, None, None, -3, None),
            (1_002_000, 1_003_000, 59, None, 0, None, None, main, None, 90, 0,
             None, None, 2.5, None, None, None),
            (1_004_000, 1_100_000, 60, 4, None, None, "started", main, other, None, 0) + (None,) * 6,
            (1_005_000, 1_005_000, 34, None, None, None, "marked", main, None, None, 0, 9)
            + (None,) * 5,
            (1_006_000, None, 59, None, None, None, "never ended", main, None, None, 0) + (None,) * 6,
            (1_007_000, 1_006_000, 59, None, None, None, "ends before", main, None, None, 0)
            + (None,) * 6,
            (1, 2, 59, None, None, None, "long before", main, None, None, 0) + (None,) * 6,
            (0, None, 75, None, None, None, "the domain", main, None, None, 1) + (None,) * 6,
            (0, None, 33, None, 7, None, "the category", main, None, None, 1) + (None,) * 6,
            (0, None, 39, None, None, None, "a thread", main, None, None, 0) + (None,) * 6):
        db.execute("INSERT INTO NVTX_EVENTS VALUES (" + ",".join("?" * 17) + ")", event)
    db.execute("CREATE TABLE ThreadNames (nameId, priority, globalTid)")
    db.execute("CREATE TABLE PROCESSES (globalPid, pid, name)")
    db.execute("CREATE TABLE TARGET_INFO_GPU (id, cuDevice, name, smCount, computeMajor, computeMinor,"
               " maxWarpsPerSm, maxBlocksPerSM, maxRegistersPerSm, maxRegistersPerBlock, maxShmemPerSm,"
               " maxShmemPerBlock)")
    ops = []
    for index, pid in enumerate((77, 88)):
        g = 5 << 48 | pid << 24
        db.execute("INSERT INTO PROCESSES VALUES (?,?,?)", (g, pid, f"p{pid}"))
        db.execute("INSERT INTO ThreadNames VALUES (2, 20, ?)", (g | pid + 1,))
        db.execute("INSERT INTO TARGET_INFO_GPU VALUES (?,?,'H100',132,9,0,64,32,65536,65536,233472,49152)",
                   (index, index))
        for i in range(10):
            t = 1_000_000 + 20_000 * i
            db.execute("INSERT INTO CUPTI_ACTIVITY_KIND_RUNTIME VALUES (?,?,0,?,?,0,0)",
                       (t, t + 3_000, g | pid + 1, i + 1))
            start = t + 5_000 + index * 11
            db.execute("INSERT INTO CUPTI_ACTIVITY_KIND_KERNEL VALUES (?,?,?,1,7,?,?,1,64,264,1,1,256,1,1,"
                       "0,16384,0)", (start, start + 9_001 + i, index, i + 1, g))
            ops.append((index, "gemm(float*)", start, 9_001 + i))
        for corr, name, t in ((50, 4, 1_300_000), (51, 3, 1_400_000)):
            db.execute("INSERT INTO CUPTI_ACTIVITY_KIND_RUNTIME VALUES (?,?,0,?,?,?,0)",
                       (t, t + 2_000, g | pid + 1, corr, name))
        db.execute("INSERT INTO CUPTI_ACTIVITY_KIND_MEMCPY VALUES (1304000,1305500,?,1,7,50,?,512,2,2,0)",
                   (index, g))
        db.execute("INSERT INTO CUPTI_ACTIVITY_KIND_GRAPH_TRACE VALUES (1405000,1455000,?,1,7,51,?,4,9)",
                   (index, g))
        ops += [(index, None, 1_304_000, 1_500),
                (index, "CUDA graph (recorded as one piece)", 1_405_000, 50_000)]
    db.commit()
    db.close()
    return ops


def test_nsys():
    ops = nsys_fixture("n.sqlite")
    report, error = imported("n.sqlite", "n.db")
    wrong = compare(report, ops) if report else error
    ok(wrong == [], "nsys: busy, idle, kernel totals are exact", wrong)
    db = sqlite3.connect("n.db")
    one = lambda sql: db.execute(sql).fetchall()
    ok(one("SELECT count(*), count(DISTINCT p.pid) FROM launch l JOIN stream s ON s.id = l.stream"
           " JOIN device d ON d.id = s.device JOIN thread t ON t.id = l.thread"
           " JOIN process p ON p.id = t.process WHERE p.pid = 77 + 11 * d.ordinal AND t.name = 'main'"
           " AND gpu_delay_ns = 5000 + 11 * d.ordinal") == [(20, 2)],
       "nsys: calls and work join by correlation and process", one("SELECT * FROM launch LIMIT 3"))
    ok(one("SELECT DISTINCT a.name FROM launch l JOIN api a ON a.id = l.api") == [("cudaLaunchKernel",)],
       "nsys: version suffixes are cut", one("SELECT * FROM api"))
    ok(one("SELECT DISTINCT kind FROM copy") == [(2 | 3 << 8 | 1 << 16 | 1 << 24,)], "nsys: copies",
       one("SELECT kind FROM copy"))
    ok(one("SELECT nodes, gpu_dur_ns FROM graph_launch") == [(1, 50000)] * 2, "nsys: whole graphs",
       one("SELECT * FROM graph_launch"))
    ok(one("SELECT r.start_ns, dur_ns, kind, text, domain, category, category_name, color, payload,"
           " e.tid FROM range r JOIN label l ON l.id = r.label JOIN thread t ON t.id = r.thread"
           " LEFT JOIN thread e ON e.id = end_thread WHERE t.tid = 78 ORDER BY 1")
       == [(1000, 8000, 1, "pushed", "the domain", 7, "the category", 0xff00ff00, -3, None),
           (2000, 1000, 1, "interned", None, None, None, None, 2.5, None),
           (4000, 96000, 2, "started", None, None, None, None, None, 79),
           (5000, None, 3, "marked", None, None, None, None, 9, None),
           (6000, None, 1, "never ended", None, None, None, None, None, None)],
       "nsys: ranges and marks of NVTX", one("SELECT * FROM range"))
    ok(one("SELECT value FROM counter WHERE name = 'import_bad_times'") == [(1,)],
       "nsys: a range that ends before it begins is counted", one("SELECT * FROM counter"))
    ok(one("SELECT DISTINCT last_id FROM chunk WHERE kind = 'range'") == [(5,)],
       "nsys: ranges are in the zone map", one("SELECT * FROM chunk"))
    # 256 threads of 64 registers: 4 blocks fit by registers
    ok(one("SELECT blocks_per_sm, limiter FROM shape WHERE block_x = 256")
       == [(4, "registers")] * 2, "nsys: occupancy", one("SELECT * FROM shape"))
    os.rename("n.sqlite", "bare.sqlite")
    db = sqlite3.connect("bare.sqlite")
    for table in ("StringIds", "ThreadNames", "PROCESSES", "TARGET_INFO_GPU", "NVTX_EVENTS",
                  "CUPTI_ACTIVITY_KIND_RUNTIME"):
        db.execute(f"DROP TABLE {table}")
    db.commit()
    report, error = imported("bare.sqlite", "bare.db")
    ok(report is not None and [(d["busy_ns"], d["kernels"]) for d in report["devices"]]
       == [(v["busy_ns"], v["kernels"]) for _, v in sorted(truth_of(ops)[0].items())],
       "nsys: any table may be missing", error)


# --- malformed ---------------------------------------------------------------------------------

def test_malformed():
    text = kineto_fixture()[0]
    event = '{"traceEvents": [%s]}'
    kernel = ('{"ph":"X","cat":"kernel","name":"k","pid":0,"tid":7,"ts":%s,"dur":%s,'
              '"args":{"device":%s,"stream":7,"correlation":1,"grid":%s}}')
    table = {
        "empty": (b"", "empty"),
        "no JSON": (b"hello", "not JSON"),
        "cut off": (text[:len(text) // 2].encode(), "not JSON, or cut off"),
        "cut off in a text": (b'{"traceEvents": [{"name": "abc', "not JSON, or cut off"),
        "cut off gzip": (gzip.compress(text.encode())[:-600], "damaged or cut off"),
        "damaged gzip": (b"\x1f\x8b" + os.urandom(64), "damaged|not JSON"),
        "another object": (b'{"a": [1, 2, {"b": 3}]}', "without traceEvents"),
        "a number": (b"5", "without traceEvents"),
        "no event": (b'{"traceEvents": []}', "no CUDA call"),
        "events are a number": (b'{"traceEvents": 5}', "without traceEvents"),
        "events are an object": (b'{"traceEvents": {}}', "not a list"),
        "an event is a number": (b'{"traceEvents": [5]}', "an event must be"),
        "ts is a text": ((event % (kernel % ('"x"', 1, 0, "[1,1,1]"))).encode(), "ts is of the wrong type"),
        "ts is an object": ((event % (kernel % ("{}", 1, 0, "[1,1,1]"))).encode(), "ts is of the wrong"),
        "ts is huge": ((event % (kernel % ("1e300", 1, 0, "[1,1,1]"))).encode(), "ts is of the wrong type"),
        "ts has many digits": ((event % (kernel % ("9" * 5000, 1, 0, "1"))).encode(), "ts is of the wrong"),
        "dur is years": ((event % (kernel % (1, "1e16", 0, "[1,1,1]"))).encode(), "dur is of the wrong"),
        "grid is negative": ((event % (kernel % (1, 1, 0, "[-1,1,1]"))).encode(), "grid is"),
        "grid is a text": ((event % (kernel % (1, 1, 0, '"x"'))).encode(), "grid is"),
        "device 1000": ((event % (kernel % (1, 1, 1000, "[1,1,1]"))).encode(), "device 1000"),
        "times far apart": ((event % (kernel % (1, 1, 0, "[1]") + "," + kernel % ("1e14", 1, 0, "[1]"))
                             ).encode(), "times must be wrong"),
        "deep": (b"[" * 100000, "nested deeper"),
        "deep in an event": (b'{"traceEvents": [{"a": ' + b'{"a":' * 100000, "nested deeper"),
        "not nsys": (None, "without CUDA tables"),
        "damaged SQLite": (b"SQLite format 3\0" + os.urandom(5000), "not a database|damaged|malformed"),
    }
    sqlite3.connect("other.sqlite").execute("CREATE TABLE t (a)").connection.commit()
    before = None
    for name, (content, want) in table.items():
        path = "other.sqlite"
        if content is not None:
            path = "bad"
            with open(path, "wb") as f:
                f.write(content)
        result = run("import", "-o", "bad.db", path)
        left = [f for f in os.listdir(".") if f.startswith("bad.db")]
        ok(result.returncode == 3 and any(w in result.stderr for w in want.split("|")) and not left,
           f"malformed: {name}", (result.returncode, result.stderr, left))
    for path, want in ((".", "not a regular file"), ("absent", "No such file")):
        result = run("import", "-o", "bad.db", path)
        ok(result.returncode == 3 and want in result.stderr, f"malformed: {path}", result.stderr)
    with open("kept.db", "w") as f:
        f.write("mine")
    result = run("import", "-o", "kept.db", "k.json")
    ok(result.returncode == 1 and open("kept.db").read() == "mine", "a file there is kept", result.stderr)
    result = run("import", "-f", "-o", "kept.db", "bad")
    ok(result.returncode == 3 and open("kept.db").read() == "mine", "also where -f finds a bad trace")
    result = run("import", "-f", "-o", "k.json", "k.json")
    ok(result.returncode == 1 and os.path.getsize("k.json") > 1000, "a trace does not replace itself")


def test_mutations():
    text = kineto_fixture()[0].encode()
    nsys_fixture("seed.sqlite")
    seeds = [text[:6000] + text[text.rindex(b"]"):], text, gzip.compress(text),
             open("seed.sqlite", "rb").read()]
    rng, outcomes, bad = random.Random(7), collections.Counter(), []
    for i in range(500):
        data = bytearray(seeds[i % len(seeds)])
        for _ in range(rng.choice((1, 1, 2, 8))):
            at = rng.randrange(len(data))
            how = rng.randrange(4)
            if how == 0:
                data[at] ^= 1 << rng.randrange(8)
            elif how == 1:
                data[at:at + rng.randrange(40)] = b""
            elif how == 2:
                data[at:at] = rng.choice((b"9" * 30, b"-", b"[", b"{", b'"', b"}", b"\0", b"e99", b"null"))
            else:
                data[at:at + 4] = bytes(rng.randrange(256) for _ in range(4))
        with open("fuzz", "wb") as f:
            f.write(data)
        result = run("import", "-f", "-o", "fuzz.db", "fuzz", text=False)
        outcomes[result.returncode] += 1
        if result.returncode not in (0, 3) or (result.returncode and not result.stderr):
            bad.append((i, result.returncode, result.stderr[-300:]))
            os.rename("fuzz", f"fuzz.{i}")
    left = [f for f in os.listdir(".") if f.startswith("fuzz.db.")]
    ok(not bad and not left, f"500 mutations: {outcomes[0]} read, {outcomes[3]} refused", (bad[:5], left))


# --- real traces -------------------------------------------------------------------------------

def real_kineto(path):
    trace = json.load(gzip.open(path), parse_float=Decimal)
    ops, occupancy = [], []
    sms = {d["id"]: (d["numSms"], d["maxThreadsPerMultiprocessor"])
           for d in trace.get("deviceProperties") or []}
    for e in trace["traceEvents"]:
        if e.get("ph") != "X" or e.get("cat") not in ("kernel", "gpu_memcpy", "gpu_memset"):
            continue
        a = e["args"]
        kernel = e["cat"] == "kernel"
        ops.append((a["device"], e["name"] if kernel else None, ns(e["ts"]), ns(e["dur"])))
        if kernel and a["device"] in sms:
            occupancy.append((a["device"], e["name"], tuple(a["grid"]), tuple(a["block"]),
                              a["registers per thread"], a["shared memory"], float(a["blocks per SM"]),
                              a["est. achieved occupancy %"], sms[a["device"]]))
    return ops, occupancy


def real_nsys(path):
    db = sqlite3.connect(f"file:{path}?mode=ro", uri=True)
    ops = db.execute("SELECT deviceId, value, start, end - start FROM CUPTI_ACTIVITY_KIND_KERNEL"
                     " JOIN StringIds ON id = demangledName").fetchall()
    for table in ("MEMCPY", "MEMSET"):
        ops += db.execute(f"SELECT deviceId, NULL, start, end - start FROM CUPTI_ACTIVITY_KIND_{table}")
    return ops, []


def occupancy_differs(path, wanted):
    db, wrong = sqlite3.connect(path), []
    rows = {}
    for device, name, sm, threads, blocks, *rest in db.execute(
            "SELECT d.ordinal, k.name, d.sm_count, d.max_threads_per_sm, s.blocks_per_sm, s.grid_x,"
            " s.grid_y, s.grid_z, s.block_x, s.block_y, s.block_z, k.registers, s.dynamic_shared_bytes"
            " FROM shape s JOIN kernel k ON k.id = s.kernel JOIN device d ON d.id = s.device"):
        rows[device, name, tuple(rest[:3]), tuple(rest[3:6]), rest[6], rest[7]] = (sm, threads, blocks)
    for device, name, grid, block, registers, shared, per_sm, estimate, _ in wanted:
        sm, threads, blocks = rows[device, name, grid, block, registers, shared]
        size = block[0] * block[1] * block[2]
        mine = grid[0] * grid[1] * grid[2] / sm
        achieved = 100 * min(blocks, mine) * size / threads
        # Kineto does not know of the opt-in to more shared memory: it says 0 of kernels that ran.
        if estimate == 0 and shared > 48 * 1024 and blocks >= 1:
            achieved = 0
        if abs(mine - per_sm) > 1e-4 * max(1, per_sm) or abs(achieved - estimate) > 1:
            wrong.append((name[:60], grid, block, registers, shared, mine, per_sm, achieved, estimate))
    return wrong


def test_real():
    folder = os.environ.get("GPUTRAIL_TRACES")
    traces = sorted(glob.glob(os.path.join(folder, "*.json.gz")) +
                    glob.glob(os.path.join(folder, "*.sqlite"))) if folder else []
    if not traces:
        tap.skip("real traces", "GPUTRAIL_TRACES names no folder with traces")
    for path in traces:
        name = os.path.basename(path)
        report, error = imported(path, "real.db")
        ops, occupancy = real_nsys(path) if path.endswith(".sqlite") else real_kineto(path)
        wrong = compare(report, ops) if report else error
        ok(wrong == [], f"{name}: {len(ops)} operations, all totals equal", wrong)
        for device in report["devices"] if report else ():
            causes = device["idle_by_cause"]
            ok(causes["unknown"] <= sum(causes.values()) * 0.05,
               f"{name}: at most 5 % of the idle time of device {device['id']} has no cause", causes)
        if report and occupancy:
            wrong = occupancy_differs("real.db", occupancy)
            ok(not wrong, f"{name}: blocks per SM and occupancy of {len(occupancy)} kernels",
               f"{len(wrong)} differ: " + "\n".join(map(str, wrong[:8])))


test_kineto()
test_nsys()
test_malformed()
test_mutations()
test_real()
tap.done()
