#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Every cause of idle time planted in a server whose clock is ours, alone and mixed, at several rates: recall
and precision of the time, what is lost in all, and what the findings say of it."""
import csv
import io
import random
import sys

from fixture import Fixture, shuffled
from tap import done, equal, ok, path, report_json, run

US, MS = 1000, 1000000
HTOD, DTOH, PAGEABLE = 1 | 2 << 8 | 3 << 16 | 1 << 24, 2 | 3 << 8 | 2 << 16 | 1 << 24, 1 | 1 << 8 | 3 << 16 | 1 << 24
STEPS = 150


class Server:
    """A thread that launches steps ahead of the GPU. `host` and `gpu` are where both are; what the GPU
    waited for goes to `truth`: start of the interval, cause, length. `alone` is the time of work that is
    lost although the GPU is busy: only copies, or a collective, run."""

    def __init__(self, file, seed):
        self.rng, self.truth, self.alone = random.Random(seed), {}, {}
        self.f = f = Fixture(file)
        f.process()
        f.device()
        f.add("thread", process=1, tid=101, name="engine", start_ns=0, end_ns=10**9)
        f.add("context", process=1, device=1, handle=0xc0, number=1)
        for handle in (0x51, 0x52):
            f.add("stream", process=1, context=1, device=1, handle=handle, number=handle, priority=0, flags=0)
        self.gemm, self.nccl = (f.shape(f.kernel(name), 1) for name in ("gemm", "ncclDevKernel_AllReduce"))
        self.host, self.gpu = 10 * US, 0
        self.read_back()

    def starts(self, cause, gap):
        """The next operation starts when submitted and `gap` after the one before."""
        start = max(self.host + 6 * US, self.gpu + gap)
        if self.gpu and start > self.gpu:
            self.truth[self.gpu] = ("kernel_boundary" if start == self.gpu + US else cause, start - self.gpu)
        return start

    def was(self, cause, back=1):
        """An interval lately, seen better."""
        at = sorted(self.truth)[-back]
        self.truth[at] = (cause, self.truth[at][1])

    def launch(self, cause="kernel_boundary", dur=40 * US, gap=US, stream=1, shape=None):
        start = self.starts(cause, gap)
        self.f.launch(self.host, 2 * US, start - self.host, dur, 1, stream, shape or self.gemm,
                      self.f.api("cuLaunchKernel"))
        self.host, self.gpu = self.host + 3 * US, start + dur

    def copy(self, kind, size, cause="kernel_boundary", dur=US, gap=US, waits=False):
        start = self.starts(cause, gap)
        call = start + dur - self.host if waits else 2 * US
        self.f.copy(self.host, call, start - self.host, dur, 1, 1, kind, size, self.f.api("cuMemcpyAsync", "COPY"))
        self.host, self.gpu = self.host + call + US, start + dur

    def call(self, name, dur, **more):
        self.f.call(self.host, dur, 1, self.f.api(name), **more)
        self.host += dur + US

    def until_idle(self, name):
        """A call that returns when the GPU has nothing to do."""
        self.call(name, max(self.gpu - self.host, US) + self.rng.randrange(4 * US))

    def caught_up(self):
        """The GPU has done nearly all that was launched."""
        self.host = max(self.host, self.gpu - 3 * US)

    def works(self, least, most):
        self.host += self.rng.randrange(least, most)

    def read_back(self):
        self.copy(DTOH, 64)
        self.until_idle("cuStreamSynchronize")
        self.launch("sync_readback")

    # What can be planted; each ends with the launch that the GPU waits for.

    def sync_readback(self):
        self.copy(DTOH, 64)
        self.until_idle("cuStreamSynchronize")
        self.works(200 * US, 900 * US)
        self.launch("sync_readback")

    def sync(self):
        self.until_idle("cuCtxSynchronize")
        self.works(100 * US, 900 * US)
        self.launch("sync")

    def metadata_copies(self):
        for _ in range(6):
            self.copy(HTOD, 2048, "metadata_copies", gap=self.rng.randrange(8, 15) * US)
        self.was("kernel_boundary", 6)      # another engine takes over
        self.alone["metadata-copies"] = self.alone.get("metadata-copies", 0) + 6 * US
        self.launch()

    def pageable_copy(self):
        self.copy(PAGEABLE, 2 << 20, dur=150 * US, waits=True)
        self.was("pageable_copy")
        self.alone["pageable-copies"] = self.alone.get("pageable-copies", 0) + 150 * US
        self.works(300 * US, 900 * US)
        self.launch("pageable_copy")

    def allocation(self):
        self.until_idle("cuMemFree_v2")
        self.call("cuMemAlloc_v2", self.rng.randrange(200, 400) * US)
        self.launch("allocation")

    def module_load(self):
        self.caught_up()
        self.call("cuModuleLoadDataEx", self.rng.randrange(5, 9) * MS)
        self.launch("module_load")

    def lookups(self):
        self.caught_up()
        for i in range(30):
            self.call("cuTensorMapEncodeTiled", self.rng.randrange(6, 9) * US, value=i)
        self.launch("lookups")

    def graph_build(self):
        self.caught_up()
        self.call("cuStreamBeginCapture_v2", US)
        self.works(300 * US, 600 * US)
        self.call("cuStreamEndCapture", US)
        self.call("cuGraphInstantiateWithFlags", self.rng.randrange(300, 900) * US)
        self.launch("graph_build")

    def cross_stream(self):
        self.call("cuStreamWaitEvent", US, object=0x52, second=1)
        self.launch("cross_stream", gap=self.rng.randrange(20, 60) * US, stream=2)

    def collective_wait(self):
        self.launch("collective_wait", gap=self.rng.randrange(20, 60) * US, shape=self.nccl)
        self.alone["exposed-communication"] = self.alone.get("exposed-communication", 0) + 40 * US

    def request_gap_small(self):
        self.caught_up()
        self.works(12 * MS, 40 * MS)
        self.launch("request_gap_small")

    def request_gap_large(self):
        self.caught_up()
        self.works(60 * MS, 90 * MS)
        self.launch("request_gap_large")

    def host_busy(self):
        self.caught_up()
        self.works(500 * US, 5 * MS)
        self.launch("host_busy")

    def launch_bound(self):
        self.caught_up()
        for burst in range(30):
            self.works(30 * US, 70 * US)
            # Before the first, the thread was elsewhere for longer than launches are apart.
            self.launch("launch_bound" if burst else "host_busy", 5 * US)

    def profiler(self):
        self.caught_up()
        self.call("cuProfilerStart", self.rng.randrange(1, 3) * MS)
        self.launch("profiler")

    def serve(self, rates):
        for _ in range(STEPS):
            for _ in range(12):
                self.launch()
            for plant, rate in rates.items():
                if self.rng.random() < rate:
                    getattr(self, plant)()
                    self.launch()
                    self.launch()


# The finding that tells the cause's time as lost.
FINDINGS = {"sync_readback": "sync-readback", "sync": "synchronisation", "metadata_copies": "metadata-copies",
            "pageable_copy": "pageable-copies", "allocation": "implicit-sync", "module_load": "jit-while-serving",
            "lookups": "repeated-lookups", "graph_build": "graph-rebuild", "cross_stream": "stream-serialisation",
            "collective_wait": "exposed-communication", "request_gap_large": "request-gaps",
            "request_gap_small": "request-gaps", "host_busy": "host-busy", "launch_bound": "launch-bound",
            "kernel_boundary": None, "profiler": None}
PLANTS = [name for name in FINDINGS if name != "kernel_boundary"]


def without_rows(data):
    for finding in data["findings"]:
        for evidence in finding["evidence"]:
            evidence["row"] = None
    return {what: told for what, told in data.items() if what != "run"}


def check(name, rates, seed):
    file = path("rates.db")
    server = Server(file, seed)
    server.serve(rates)
    server.f.close()
    told = {int(row["start_ns"]): (row["cause"], int(row["duration_ns"])) for row in csv.DictReader(
        io.StringIO(run("export", "--csv=bubbles_trace", file).stdout))}
    equal({at: ns for at, (_, ns) in told.items()}, {at: ns for at, (_, ns) in server.truth.items()},
          f"{name}: the idle intervals")
    wrong = {}
    for cause in FINDINGS:
        planted = sum(ns for what, ns in server.truth.values() if what == cause)
        found = sum(ns for what, ns in told.values() if what == cause)
        both = sum(ns for at, (what, ns) in told.items() if what == cause == server.truth[at][0])
        if both < 0.98 * max(planted, found) or abs(found - planted) > 0.02 * planted:
            wrong[cause] = (planted, found, both, [(server.truth[at], what) for at, (what, _) in told.items()
                                                   if what != server.truth[at][0]][:3])
    ok(not wrong, f"{name}: 98 % of the time of each cause is told, and nothing else as it", wrong)
    data = report_json(file)
    lost = {}
    for cause, finding in FINDINGS.items():
        if finding:
            lost.setdefault(finding, server.alone.get(finding, 0))
            lost[finding] += sum(ns for at, (what, ns) in server.truth.items()
                                 if what == cause and at >= data["warm_up_ns"])
    found = {row["name"]: row["lost_ns"] for row in data["findings"] if row["name"] in lost}
    span = data["devices"][0]["span_ns"]
    mixed = path("mixed.db")
    shuffled(file, mixed, seed)
    equal(without_rows(report_json(mixed)), without_rows(data), f"{name}: the same with rows in another order")
    off = {what: (ns, found.get(what)) for what, ns in lost.items()
           if (ns > 0.011 * span and what not in found) or
           (what in found and abs(found[what] - ns) > 0.02 * max(ns, 1))}
    ok(not off, f"{name}: the findings lose what was planted", off)


if __name__ == "__main__":
    for index, plant in enumerate(PLANTS):
        for rate in (0.03, 0.3, 1):
            if not sys.argv[1:] or plant in sys.argv:
                check(f"{plant} at {rate}", {plant: rate}, 10 * index + int(3 * rate))
    for seed in range(4):
        chance = random.Random(seed)
        check(f"all of them, {seed}", {plant: chance.choice((0.02, 0.1, 0.3)) for plant in PLANTS}, seed)
    done()
