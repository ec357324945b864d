# SPDX-License-Identifier: Apache-2.0
"""gputrail export --trace: valid JSON, slices that nest, times equal to the report's."""
import os
import sys

sys.dont_write_bytecode = True
import collections
import gzip
import json
import re
import sqlite3
import subprocess

from tap import GPUTRAIL, done, equal, ok, path, report_json, run
import fixture
from steps_scene import MS, Server

GPU = ("kernel", "gpu_memcpy", "gpu_memset")


def export(file, *options):
    result = run("export", "--trace", *options, file)
    if result.returncode:
        raise RuntimeError(f"exit {result.returncode}: {result.stderr}")
    return json.loads(result.stdout)


def slices(trace, *categories):
    return [e for e in trace["traceEvents"] if e["ph"] == "X" and e["cat"] in categories]


def exact(event):
    start = event["args"]["start ns"]
    return start, start + event["args"]["duration ns"]


def crossing(trace):
    """Slices that begin within another one of their (pid, tid) and end after it."""
    tracks, wrong = collections.defaultdict(list), 0
    for e in trace["traceEvents"]:
        if e["ph"] == "X":
            tracks[e["pid"], e["tid"]].append((e["ts"], -e["dur"]))
    for events in tracks.values():
        stack = []
        for ts, dur in sorted(events):
            while stack and stack[-1] <= ts:
                stack.pop()
            wrong += bool(stack) and ts - dur > stack[-1]
            stack.append(ts - dur)
    return wrong


def check(name, file):
    trace, report = export(file), report_json(file, "--recount")
    for device in report["devices"]:
        mine = [e for e in slices(trace, *GPU) if e["args"]["device"] == device["gpu"]]
        for key, kinds in (("busy_ns", GPU), ("compute_ns", GPU[:1]), ("copy_ns", GPU[1:])):
            equal(fixture.union_ns([exact(e) for e in mine if e["cat"] in kinds]),
                  device[key], f"{name}: {key} of GPU {device['gpu']}")
        equal([sum(e["cat"] == kind for e in mine) for kind in GPU],
              [device[k] for k in ("kernels", "copies", "sets")],
              f"{name}: operations of GPU {device['gpu']}")
    ok(all(isinstance(e[k], int) for e in slices(trace, *GPU) for k in ("ts", "dur", "tid")),
       f"{name}: whole microseconds")
    totals = collections.Counter()
    for e in slices(trace, "kernel"):
        totals[e["name"]] += e["args"]["duration ns"]
    wanted = collections.Counter()
    for kernel in report["kernels"]:
        if kernel["total_ns"]:
            wanted[kernel["name"]] += kernel["total_ns"]
    equal(totals, wanted, f"{name}: time of each kernel")
    equal(crossing(trace), 0, f"{name}: slices nest on every track")
    equal(sum(e["args"]["duration ns"] for e in slices(trace, "cuda_driver", "cuda_runtime")),
          sum(a["total_ns"] for a in report["apis"] if a["min_ns"] is not None),
          f"{name}: time of the recorded calls")
    names = {(e["pid"], e["tid"]) for e in trace["traceEvents"] if e["name"] == "thread_name"}
    ok({(e["pid"], e["tid"]) for e in trace["traceEvents"] if e["ph"] == "X"} <= names,
       f"{name}: every track has a name")
    equal([e for e in slices(trace, *GPU) if e["args"]["stream"] != e["tid"]], [],
          f"{name}: stream is the track")
    return trace, report


def flows(name, trace):
    starts = collections.Counter(e["id"] for e in trace["traceEvents"] if e["ph"] == "s")
    ends = collections.Counter(e["id"] for e in trace["traceEvents"] if e["ph"] == "f")
    ok(starts and starts == ends and set(starts.values()) == {1},
       f"{name}: each arrow has a start and an end")
    ok(all(e.get("bp") == "e" for e in trace["traceEvents"] if e["ph"] == "f"),
       f"{name}: arrows end at the enclosing slice")
    at = {(e["pid"], e["tid"], e["ts"]) for e in trace["traceEvents"] if e["ph"] == "X"}
    ok(all((e["pid"], e["tid"], e["ts"]) in at for e in trace["traceEvents"] if e["ph"] in "sf"),
       f"{name}: arrows lie on slices")


SMALL = path("small.db")
fixture.small(SMALL)
check("small", SMALL)

# Two devices, overlapping kernels of one stream, names with anything in them, pid 1.
ODD = path("odd.db")
f = fixture.Fixture(ODD)
first, second = f.device(0), f.device(1, name='"GPU"\\\x01')
proc = f.add("process", pid=1, name="\x07na\"me", command_line="x", start_ns=0, end_ns=10**9,
             state="exited", backend="cupti")
thread = f.add("thread", process=proc, tid=1, name="<\xff>")
api = f.api("cuLaunchKernel_ptsz")
graph_api = f.api("cuMemcpyHtoDAsync_v2_ptsz")
streams = {}
for device in (first, second):
    context = f.add("context", process=proc, device=device, handle=device, number=1)
    streams[device] = [f.add("stream", process=proc, context=context, device=device,
                             handle=16 * device + n, number=7) for n in range(2)]
kernel = f.add("kernel", name='k<"\\\u2028\U0001F600\n\t>', short_name="k", mangled="k",
               registers=32, static_shared_bytes=16, local_bytes=0)
shape = {d: f.add("shape", kernel=kernel, device=d, grid_x=264, grid_y=1, grid_z=1, block_x=256,
                  block_y=1, block_z=1, cluster_x=1, cluster_y=1, cluster_z=1,
                  dynamic_shared_bytes=8, flags=0, blocks_per_sm=1) for d in (first, second)}
for n in range(50):
    for device in (first, second):
        f.add("launch", start_ns=n * 2700 + 13, dur_ns=999, gpu_delay_ns=1500, gpu_dur_ns=6543,
              thread=thread, stream=streams[device][n % 2], shape=shape[device], api=api, path=0)
f.add("copy", start_ns=500000, dur_ns=100, gpu_delay_ns=50, gpu_dur_ns=400, thread=thread,
      stream=streams[first][0], kind=1 | 2 << 8 | 3 << 16, bytes=800, api=graph_api, path=0)
f.db.commit()
f.db.close()
trace = export(ODD)
equal(crossing(trace), 0, "concurrent kernels of one stream nest")
kernels = slices(trace, "kernel")
equal(len({(e["pid"], e["tid"]) for e in kernels}), 8,
      "two streams of one number with two lanes each are four tracks of a device")
equal({e["args"].get("stream number", e["tid"]) for e in kernels}, {7}, "and know their stream")
equal(len(kernels), 100, "all kernels are there")
equal({e["name"] for e in kernels}, {'k<"\\\u2028\U0001F600\n\t>'}, "names survive")
args = kernels[0]["args"]
equal([args[k] for k in ("registers per thread", "shared memory", "blocks per SM", "warps per SM",
                         "grid", "block", "est. achieved occupancy %")],
      [32, 24, 2, 16, [264, 1, 1], [256, 1, 1], 13], "arguments of kernels as Kineto has them")
copy = slices(trace, "gpu_memcpy")[0]
equal([copy["name"], copy["args"]["memory bandwidth (GB/s)"]],
      ["Memcpy HtoD (Pinned -> Device)", 2], "copies are named as Kineto names them")
equal({e["name"] for e in slices(trace, "cuda_driver")}, {"cuLaunchKernel", "cuMemcpyHtoDAsync"},
      "calls have no version suffix")
ok({e["pid"] for e in kernels}.isdisjoint({e["pid"] for e in slices(trace, "cuda_driver")}),
   "devices and processes are apart, even with pid 1")

# Steps of the thread that has most, as PyTorch's profiler calls them, unless the program marked some.
for name, marked in (("plain", None), ("ranges", "forward"), ("marked", "ProfilerStep#7")):
    server = Server(name)
    for i in range(30):
        server.step(pause=i % 3 * MS)
        if marked:
            server.f.add("range", start_ns=server.begins[-1] - 1000, dur_ns=20_000, thread=1, kind=1, name=marked)
    server.f.close()
    trace, report = export(server.file), report_json(server.file)["steps"]
    mine = [e for e in slices(trace, "user_annotation") if e["name"].startswith("ProfilerStep")]
    equal(crossing(trace), 0, f"{name}: steps nest")
    if marked and marked.startswith("ProfilerStep"):
        equal([{e["name"] for e in mine}, {e["tid"] for e in mine}], [{marked}, {101}], f"{name}: its own, no others")
        continue
    equal([e["name"] for e in mine], [f"ProfilerStep#{n}" for n in range(report["count"])], f"{name}: steps")
    calls = slices(trace, "cuda_driver")
    equal([exact(e)[0] for e in mine], server.begins[:len(mine)], f"{name}: each begins with its first call")
    equal({e["tid"] for e in mine}, {101} if not marked else {2000000000},
          f"{name}: around the calls, or beside ranges of the program")
    equal(sum(e["args"]["period ns"] for e in mine if "period ns" in e["args"]),
          sum(g["total_ns"] for g in report["groups"]), f"{name}: their periods")

out = path("odd.json.gz")
result = run("export", "--trace", "--per-device", "-o", out, ODD)
equal(result.returncode, 0, "--per-device")
equal(result.stdout.split(), [path("odd.gpu0.json.gz"), path("odd.gpu1.json.gz")],
      "--per-device names its files")
for rank, name in enumerate(result.stdout.split()):
    with gzip.open(name, "rt", encoding="utf-8") as file:
        text = file.read()
    one = json.loads(text)
    equal(re.findall(r'"rank":\s+(\d+)', text), [str(rank)], f"rank {rank} as HTA looks for it")
    equal(len(slices(one, "kernel")), 50, f"half of the kernels in file {rank}")
    equal(len({e["pid"] for e in slices(one, *GPU)}), 1, f"one device in file {rank}")
    flows(f"file {rank}", one)
equal({e["pid"] for e in slices(json.loads(run("export", "--trace=1", ODD).stdout), "kernel")},
      {5000001}, "--trace=1 has only that device")
ok(run("export", "--trace", "--per-device", "-o", out, ODD).returncode == 1,
   "files that exist are kept")
equal(run("export", "--trace=9", ODD).returncode, 2, "a device that is not there")
equal(run("export", "--trace", "--per-device", ODD).returncode, 2, "--per-device needs -o")

FILE = path("demo.db")
recorded = None
if not os.environ.get("sanitizers"):
    recorded = subprocess.run([GPUTRAIL, "demo", "--steps=30", "-o", FILE], capture_output=True,
                              encoding="utf-8", timeout=120, check=False)
if recorded and recorded.returncode == 0:
    trace, report = check("demo", FILE)
    flows("demo", trace)
    db = sqlite3.connect(FILE)
    in_graphs = db.execute("SELECT count(*) FROM node").fetchone()[0]
    equal(sum("graph node id" in e["args"] for e in slices(trace, "kernel")), in_graphs,
          "kernels in graphs have their node")
    calls = slices(trace, "cuda_driver")
    by_correlation = {e["args"]["correlation"]: e for e in calls}
    equal(len(by_correlation), len(calls), "correlations are unique")
    ok(all(e["args"]["correlation"] in by_correlation for e in slices(trace, *GPU)),
       "every operation has its call")
    ok(all(exact(by_correlation[e["args"]["correlation"]])[0] <= exact(e)[0]
           for e in slices(trace, *GPU)), "which began before it")
    launches = [e for e in calls if e["name"] == "cuLaunchKernel"]
    ok(launches and all(e["args"]["call path"][-1] and
                        any("main" in frame for frame in e["args"]["call path"])
                        for e in launches if e["tid"] == e["pid"]),
       "launches have their call paths")
    memory = [e["args"]["bytes"] for e in trace["traceEvents"] if e["ph"] == "C"]
    equal([max(memory), memory[-1]], [report["devices"][0][k] for k in ("high_bytes",
          "live_bytes")], "the memory counter reaches the high-water mark")
done()
