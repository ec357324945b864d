# SPDX-License-Identifier: Apache-2.0
"""gputrail import: call paths from the functions around a call (Kineto) and from its call chain (nsys)."""
import json
import os
import random
import sqlite3
import subprocess
import tempfile

gputrail = os.path.join(os.environ["top_builddir"], "cmd", "gputrail")
tmp = tempfile.TemporaryDirectory(prefix="gputrail-import.")
os.chdir(tmp.name)
os.environ["HOME"] = tmp.name
count = 0

PATHS = """WITH RECURSIVE up(launch, node, text) AS (
  SELECT s.grid_x, l.path, '' FROM launch l JOIN shape s ON s.id = l.shape
  UNION ALL
  SELECT launch, p.parent, f.symbol || coalesce('@' || f.file || ':' || f.line, '') ||
    coalesce('@' || m.path, '') || ';' || text
  FROM up JOIN path p ON p.id = node JOIN frame f ON f.id = p.frame LEFT JOIN module m ON m.id = f.module)
SELECT launch, text FROM up WHERE node = 0"""


def ok(good, name, detail=""):
    global count
    count += 1
    print(f"{'ok' if good else 'not ok'} {count} - {name}", flush=True)
    if not good:
        print("# " + str(detail)[:1500].replace("\n", "\n# "))


def run(*args):
    return subprocess.run([gputrail, *args], capture_output=True, text=True, timeout=60)


def compare(source, truth, name):
    """Each launch is known by its grid: number n of the truth has n blocks."""
    result = run("import", "-f", "-o", "run.db", source)
    if result.returncode:
        return ok(False, name, result.stderr)
    db = sqlite3.connect("run.db")
    got = dict(db.execute(PATHS))
    wrong = [(n, want, got.get(n)) for n, want in enumerate(truth, 1) if got.get(n) != want]
    ok(not wrong, f"{name}: the paths of {len(truth)} launches", wrong[:3])
    ok(db.execute("SELECT sum(launches), sum(calls) FROM sum_path").fetchone() == (len(truth),) * 2,
       f"{name}: the sums by path", db.execute("SELECT * FROM sum_path").fetchall())


def kineto(path):
    """Functions and operators of two threads, nested at random, in any order; launches among them."""
    rng, events, truth = random.Random(7), [], []
    names = [("python_function", f"serve/model_{i}.py({i + 10}): step_{i}", f"step_{i}@serve/model_{i}.py:{i + 10}")
             for i in range(6)]
    names += [("cpu_op", f"aten::op{i}", f"aten::op{i}") for i in range(4)]
    names += [("python_function", "nn.Module: Linear_0", "nn.Module: Linear_0"),
              ("python_function", "<built-in method run of X object at 0x7f00>", "<built-in method run of X object>")]

    def add(category, name, pid, tid, at, dur, **args):
        events.append({"ph": "X", "cat": category, "name": name, "pid": pid, "tid": tid, "ts": at / 1000,
                       "dur": dur / 1000, "args": args})

    def walk(tid, start, end, stack):
        at = start + 1
        while at + 60 < end:
            if rng.random() < 0.3:
                truth.append("".join(f"{frame};" for frame in stack))
                number = len(truth)
                add("cuda_runtime", "cudaLaunchKernel", 4711, tid, at, 10, correlation=number)
                add("kernel", "work", 0, 7, 10**6 + 1000 * number, 500, correlation=number, device=0, stream=7,
                    context=1, grid=[number, 1, 1], block=[32, 1, 1])
                at += 20
                continue
            dur = rng.randrange(20, end - at - 20)
            category, name, frame = rng.choice(names)
            add(category, name, 4711, tid, at, dur)
            walk(tid, at, at + dur, stack + [frame])
            at += dur + rng.randrange(1, 50)

    for tid in (1, 2):
        for part in range(40):
            walk(tid, part * 4000, part * 4000 + 4000, [])
    rng.shuffle(events)
    with open(path, "w", encoding="utf-8") as out:
        json.dump({"traceEvents": events}, out)
    return truth


def nsys(path):
    """Chains of some calls; their frames in any order, one without a name and one without a module."""
    rng, truth, strings = random.Random(3), [], {}
    db = sqlite3.connect(path)
    db.executescript(
        "CREATE TABLE StringIds (id INTEGER PRIMARY KEY, value TEXT);"
        "CREATE TABLE CUDA_CALLCHAINS (id, symbol, module, kernelMode, unresolved, originalIP, stackDepth);"
        "CREATE TABLE CUPTI_ACTIVITY_KIND_RUNTIME (start, end, globalTid, correlationId, nameId, returnValue,"
        " callchainId);"
        "CREATE TABLE CUPTI_ACTIVITY_KIND_KERNEL (start, end, deviceId, contextId, streamId, correlationId,"
        " globalPid, demangledName, gridX, gridY, gridZ, blockX, blockY, blockZ);")

    def string(text):
        if text not in strings:
            strings[text] = len(strings) + 1
            db.execute("INSERT INTO StringIds VALUES (?,?)", (strings[text], text))
        return strings[text]

    frames = [("main", "/srv/serve"), ("0x7f0012", "/lib/libm.so"), ("forward", None), ("gemm", "/lib/libt.so")]
    rows = []
    for n in range(1, 60):
        chain = [rng.choice(frames) for _ in range(rng.randrange(1, 12))] if n % 5 else None
        truth.append("".join(f"{symbol}{'@' + module if module else ''};" for symbol, module in chain or []))
        for depth, (symbol, module) in enumerate(reversed(chain or [])):
            rows.append((n, string(symbol), string(module) if module else None, 0, 0, 0, depth))
        db.execute("INSERT INTO CUPTI_ACTIVITY_KIND_RUNTIME VALUES (?,?,?,?,?,0,?)",
                   (n * 1000, n * 1000 + 500, 5 << 24 | 6, n, string("cudaLaunchKernel_v7000"), n if chain else None))
        db.execute("INSERT INTO CUPTI_ACTIVITY_KIND_KERNEL VALUES (?,?,0,1,7,?,?,?,?,1,1,32,1,1)",
                   (n * 1000 + 600, n * 1000 + 900, n, 5 << 24, string("work"), n))
    rng.shuffle(rows)
    db.executemany("INSERT INTO CUDA_CALLCHAINS VALUES (?,?,?,?,?,?,?)", rows)
    db.commit()
    db.close()
    return truth


def main():
    truth = kineto("paths.json")
    ok(len(truth) > 500 and max(text.count(";") for text in truth) > 6, "many launches, deep enough", len(truth))
    compare("paths.json", truth, "Kineto")
    shown = run("report", "run.db", "callpaths", "--min-percent=0").stdout
    ok("step_3 (serve/model_3.py:13)" in shown and "nn.Module: Linear_0\n" in shown, "the report shows them", shown)
    compare("chains.sqlite", nsys("chains.sqlite"), "nsys")
    print(f"1..{count}")


main()
