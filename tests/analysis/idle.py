#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Causes of idle time: they add up to it exactly, whatever the events are and however their rows
lie; each rule by a scene made for it."""
import os
import re
import shutil
import sqlite3

from fixture import Fixture, random_run, shuffled
from tap import done, equal, ok, path, report_json, run

US, MS = 1000, 1000000
HTOD, DTOH, ASYNC = 1 | 2 << 8 | 3 << 16, 2 | 3 << 8 | 2 << 16, 1 << 24
PAGEABLE = 1 | 1 << 8 | 3 << 16 | ASYNC


def causes(file, device=0):
    """Causes with time in them."""
    found = report_json(file)["devices"][device]["idle_by_cause"]
    return {name: ns for name, ns in found.items() if ns}


def sums(file, name):
    for device in report_json(file, "--recount")["devices"]:
        equal(sum(device["idle_by_cause"].values()), device["idle_ns"],
              f"{name}: causes of device {device['id']} add up to its idle time")
        equal(device["copy_only_ns"], device["busy_ns"] - device["compute_ns"],
              f"{name}: so does the time of copies alone")


def chunk_map(file, rows=64):
    """A zone map as the recorder keeps it."""
    db = sqlite3.connect(file)
    for table, gpu in (("launch", 1), ("graph_launch", 1), ("copy", 1), ("node", 0)):
        early = "min(start_ns, start_ns + coalesce(gpu_delay_ns, 0))" if gpu else "start_ns"
        late = ("max(start_ns + dur_ns, start_ns + coalesce(gpu_delay_ns + gpu_dur_ns, 0))" if gpu
                else "start_ns + gpu_dur_ns")
        db.execute(f"INSERT INTO chunk SELECT '{table}', min(id), max(id), min({early}),"
                   f" max({late}) + 1 FROM {table} GROUP BY id / {rows}")
    db.commit()
    db.close()


def test_random():
    for seed, devices in ((1, 1), (2, 2), (3, 3)):
        plain, mapped, mixed = path("plain.db"), path("mapped.db"), path("mixed.db")
        random_run(plain, seed, 1500, devices)
        sums(plain, f"seed {seed}")
        wanted = run("report", "-n", "0", plain, "bubbles").stdout
        ok(wanted.count(" -> ") > 100, f"seed {seed}: there are intervals")
        shutil.copy(plain, mapped)
        chunk_map(mapped)
        equal(run("report", "-n", "0", mapped, "bubbles").stdout, wanted,
              f"seed {seed}: the same with a zone map")
        shuffled(plain, mixed, seed)
        equal(run("report", "-n", "0", mixed, "bubbles").stdout, wanted,
              f"seed {seed}: the same with rows in another order")
        db = sqlite3.connect(mapped)
        db.execute("UPDATE chunk SET min_ns = min_ns + 100000")
        db.commit()
        db.close()
        equal(run("report", "-n", "0", mapped, "bubbles").stdout, wanted,
              f"seed {seed}: the same with a wrong zone map")


class Scene:
    """One thread, streams 1 (0x51), 2 (0x52) and 3 (legacy); two kernels with a gap between."""

    def __init__(self, name):
        self.file = path(name + ".db")
        self.f = f = Fixture(self.file)
        f.process()
        f.device()
        f.add("thread", process=1, tid=101, name="main", start_ns=0, end_ns=10**9)
        f.add("thread", process=1, tid=102, name="other", start_ns=0, end_ns=10**9)
        f.add("context", process=1, device=1, handle=0xc0, number=1)
        for handle in (0x51, 0x52, 0):
            f.add("stream", process=1, context=1, device=1, handle=handle, number=handle,
                  priority=0, flags=0)
        self.shape = f.shape(f.kernel("gemm"), 1)
        self.nccl = f.shape(f.kernel("ncclDevKernel_AllReduce"), 1)
        self.kernel(0, 10 * US, 100 * US)

    def kernel(self, call, at, dur, stream=1, shape=None, call_dur=US):
        self.f.launch(call, call_dur, at - call, dur, 1, stream, shape or self.shape,
                      self.f.api("cuLaunchKernel"))

    def copy(self, call, at, dur, kind, size=1024, stream=1, call_dur=US):
        self.f.copy(call, call_dur, at - call, dur, 1, stream, kind, size,
                    self.f.api("cuMemcpyAsync", "COPY"))

    def call(self, name, at, dur, **more):
        self.f.call(at, dur, more.pop("thread", 1), self.f.api(name), **more)

    def expect(self, what, **wanted):
        self.f.close()
        equal(causes(self.file), wanted, what)


def test_submitted():
    """The next call came before the device, busy until 110 us, was idle."""
    s = Scene("boundary")
    s.kernel(5 * US, 113 * US, 10 * US)
    s.expect("a short gap between submitted kernels", kernel_boundary=3 * US)
    s = Scene("cross")
    s.call("cuStreamWaitEvent", 3 * US, 500, object=0x52, second=1)
    s.kernel(5 * US, 140 * US, 10 * US, stream=2)
    s.expect("a wait for an event of another stream", cross_stream=30 * US)
    s = Scene("legacy")
    s.kernel(5 * US, 140 * US, 10 * US, stream=3)
    s.expect("the legacy stream", cross_stream=30 * US)
    s = Scene("collective")
    s.kernel(5 * US, 140 * US, 10 * US, shape=s.nccl)
    s.expect("before a collective", collective_wait=30 * US)
    s = Scene("copies")
    s.copy(4 * US, 121 * US, US, HTOD | ASYNC, 1 << 20)
    s.expect("a copy, handed over from kernel to copy engine", kernel_boundary=11 * US)
    s = Scene("late")
    s.call("cuStreamWaitEvent", 104 * US, 500, object=0x52, second=1)
    s.kernel(150 * US, 250 * US, 10 * US, stream=2)
    s.expect("a call in an idle time that its work then waited through", cross_stream=140 * US)
    s = Scene("hidden")
    s.f.db.execute("INSERT INTO meta VALUES ('import.source', 'another profiler')")
    s.kernel(5 * US, 140 * US, 10 * US)
    s.expect("no wait in a recording that has none", cross_stream=30 * US)
    s = Scene("shown")
    s.f.db.execute("INSERT INTO meta VALUES ('import.source', 'another profiler')")
    s.call("cudaStreamWaitEvent", 10 * US, 500)
    s.kernel(5 * US, 140 * US, 10 * US)
    s.expect("no wait in a recording that has others", unknown=30 * US)
    s = Scene("nobody")
    s.kernel(5 * US, 140 * US, 10 * US)
    s.expect("no reason in the file", unknown=30 * US)
    s = Scene("lazy")
    s.kernel(105 * US, 3 * MS, 10 * US, call_dur=2 * MS)
    s.expect("a launch call of milliseconds", module_load=3 * MS - 110 * US)


def test_unmeasured():
    """What ran in a time without measuring is not known; the windows before and after are."""
    for process, wanted in ((1, {"not_measured": 200 * US - 110 * US, "kernel_boundary": 3 * US}),
                            (2, {"unknown": 200 * US - 110 * US, "kernel_boundary": 3 * US})):
        s = Scene("window")
        for start, end, level in ((0, 150 * US, "full"), (150 * US, 180 * US, "host"),
                                  (180 * US, None, "full")):
            s.f.add("detail", process=process, start_ns=start, end_ns=end, level=level, cause="sample")
        s.kernel(6 * US, 200 * US, 10 * US)
        s.kernel(7 * US, 213 * US, 10 * US)
        s.expect(f"a window's gap, of process {process}", **wanted)


def test_host():
    """The next call came later."""
    s = Scene("pace")
    s.kernel(50 * US, 120 * US, 1 * US)
    s.kernel(140 * US, 145 * US, 1 * US)
    s.expect("a slow launching thread", launch_bound=24 * US, unknown=10 * US)
    s = Scene("readback")
    s.copy(2 * US, 110 * US, US, DTOH | ASYNC)
    s.call("cuStreamSynchronize", 4 * US, 110 * US)
    s.kernel(600 * US, 605 * US, US)
    s.expect("a synchronisation behind a copy to the host", sync_readback=494 * US)
    s = Scene("blocking")
    s.copy(2 * US, 110 * US, US, DTOH, call_dur=112 * US)
    s.kernel(600 * US, 605 * US, US)
    s.expect("a copy to the host that blocks", sync_readback=494 * US)
    s = Scene("sync")
    s.call("cuCtxSynchronize", 4 * US, 110 * US)
    s.kernel(600 * US, 605 * US, US)
    s.expect("a synchronisation without one", sync=495 * US)
    s = Scene("pageable")
    s.copy(2 * US, 110 * US, 10 * US, PAGEABLE, 1 << 20, call_dur=119 * US)
    s.kernel(600 * US, 605 * US, US)
    s.expect("a pageable copy", pageable_copy=485 * US)
    s = Scene("metadata")
    for i in range(4):
        s.copy((150 + 20 * i) * US, (155 + 20 * i) * US, US, HTOD | ASYNC)
    s.expect("small copies one by one", host_busy=45 * US, metadata_copies=57 * US)
    s = Scene("small")
    s.kernel(30 * MS, 30 * MS + 5 * US, US)
    s.expect("30 ms without work", request_gap_small=30 * MS - 105 * US)
    s = Scene("large")
    s.kernel(80 * MS, 80 * MS + 5 * US, US)
    s.expect("80 ms without work", request_gap_large=80 * MS - 105 * US)
    s = Scene("otherwork")
    s.call("cuLaunchKernel", 40 * MS, US, thread=2, result=1)
    s.kernel(80 * MS, 80 * MS + 5 * US, US)
    s.expect("80 ms in which another thread had work", host_busy=80 * MS - 105 * US)
    s = Scene("host")
    s.kernel(4 * MS, 4 * MS + 5 * US, US)
    s.expect("4 ms outside CUDA", host_busy=4 * MS - 105 * US)


def test_calls():
    for name, cause in (("cuModuleLoadDataEx", "module_load"), ("cuLibraryLoadData", "module_load"),
                        ("cuTensorMapEncodeTiled", "lookups"), ("cuFuncSetAttribute", "lookups"),
                        ("cuGraphInstantiateWithFlags", "graph_build"),
                        ("cuProfilerStart", "profiler"), ("cuMemAlloc_v2", "allocation"),
                        ("cudaFree", "allocation"), ("hipMalloc", "allocation"),
                        ("cuStreamQuery", "sync")):
        s = Scene("calls")
        s.call(name, 150 * US, 2 * MS)
        s.kernel(4 * MS, 4 * MS + 5 * US, US)
        s.expect(f"{name}: {cause}", **{cause: 4 * MS - 105 * US})
    s = Scene("capture")
    s.call("cuStreamBeginCapture_v2", 150 * US, US)
    s.call("cuLaunchKernel", 1 * MS, US)
    s.call("cuStreamEndCapture", 3 * MS, US)
    s.kernel(4 * MS, 4 * MS + 5 * US, US)
    s.expect("time between captured calls", graph_build=4 * MS - 105 * US)


def test_bare():
    """Neither calls nor paths; nothing at all."""
    file = path("bare.db")
    f = Fixture(file)
    f.device()
    for at, dur in ((0, 100 * US), (103 * US, US), (200 * US, US)):
        f.add("orphan", start_ns=at, dur_ns=dur, kind=0, device=1, bytes=0)
        f.gpu.append((1, at, at + dur, "kernel", 0, 0, 0))
    f.close()
    equal(causes(file), {"kernel_boundary": 3 * US, "unknown": 96 * US}, "operations without calls")
    shown = run("report", file, "bubbles").stdout
    ok("calls that ended 2 idle intervals are not in the file" in shown, "says so", shown)
    file = path("nothing.db")
    f = Fixture(file)
    f.device()
    f.close()
    equal(report_json(file)["devices"][0]["idle_by_cause"], None, "no operations, no causes")
    ok("No operation" in run("report", file, "bubbles").stdout, "says so too")


def test_blame():
    """The path of the synchronisation, in Python where there is such a frame."""
    s = Scene("blame")
    s.f.add("frame", id=1, kind="native", symbol="launch_it", file="/a/b.c", line=7)
    s.f.add("frame", id=2, kind="python", symbol="Engine.wait", file="/x/engine.py", line=42)
    s.f.add("path", id=1, parent=0, frame=2)
    s.f.add("path", id=2, parent=1, frame=1)
    s.call("cuCtxSynchronize", 4 * US, 110 * US, path=2)
    s.kernel(600 * US, 605 * US, US)
    s.f.close()
    shown = run("report", s.file, "bubbles").stdout
    equal(shown.count("Engine.wait (engine.py:42)"), 2, "the cause and the interval name it")
    ok(re.search(r"gemm -> gemm", shown), "with the operations around it", shown)
    shown = run("report", "-n", "0", s.file, "bubbles").stdout
    equal(shown.count(" -> gemm"), 1, "-n 0 prints all")


def test_document():
    """The document names every cause."""
    names = report_json(path("host.db"))["devices"][0]["idle_by_cause"]
    document = os.path.join(os.environ["top_srcdir"], "docs", "bubbles.md")
    with open(document, encoding="utf-8") as file:
        text = file.read()
    missing = [name for name in names if f"`{name}`" not in text]
    equal(missing, [], "docs/bubbles.md has every cause")


test_random()
test_submitted()
test_unmeasured()
test_host()
test_calls()
test_bare()
test_blame()
test_document()
done()
