#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Predicted steps against those of the same server from which the planted cause was really removed: the work
of the GPU stays, the waiting goes. Its clock is the test's, so that nothing but the cause differs."""
from idle_rates import DTOH, HTOD, MS, PAGEABLE, US, Server
from tap import done, ok, path, report_json

STEPS = 80


class Planted(Server):
    """Decode steps with metadata up and tokens back, one step ahead at most."""

    def __init__(self, file, mended):
        super().__init__(file, 7)
        self.mended = mended
        names = ("sm90_gemm_bf16", "flash_fwd_splitkv_kernel", "rms_norm_kernel", "top_k_kernel", "gather_rows_kernel")
        self.gemm, self.attention, self.norm, self.sample, self.gather = (
            self.f.shape(self.f.kernel(name), 1) for name in names)

    def layers(self, plant):
        for _ in range(4):
            self.launch(dur=10 * US, shape=self.norm)
            self.launch(dur=80 * US)
            self.launch(dur=40 * US, shape=self.attention)
            if plant in PER_LAYER:
                PER_LAYER[plant](self)

    def serve(self, plant):
        for _ in range(STEPS):
            self.copy(HTOD, 4096)
            if plant in PER_STEP:
                PER_STEP[plant](self)
            self.layers(plant)
            self.launch(dur=20 * US, shape=self.sample)
            self.copy(DTOH, 64)
            self.host = max(self.host, self.gpu - MS)

    def waits(self, name="cuStreamSynchronize"):
        if not self.mended:
            self.until_idle(name)

    def does(self, name, dur):
        """A call made when the GPU has nothing left to do."""
        if not self.mended:
            self.caught_up()
            self.call(name, self.rng.randrange(dur * 9 // 10, dur * 11 // 10))

    def computes(self, dur):
        if not self.mended:
            self.caught_up()
            self.works(dur * 9 // 10, dur * 11 // 10)


def read_back(s):
    s.copy(DTOH, 64)
    s.waits()
    s.computes(400 * US)


def synchronise(s):
    s.launch(dur=5 * US, shape=s.norm)
    s.waits("cuCtxSynchronize")
    s.computes(200 * US)


def retrieve(s):
    s.copy(DTOH, 64)
    s.waits()
    s.copy(HTOD, 4096)
    s.launch(dur=20 * US, shape=s.gather)


def pageable(s):
    """Page-locked, the copy runs beside the kernels."""
    if s.mended:
        s.f.copy(s.host, 2 * US, 6 * US, 150 * US, 1, 2, HTOD, 2 << 20, s.f.api("cuMemcpyAsync", "COPY"))
        s.host += 3 * US
    else:
        s.copy(PAGEABLE, 2 << 20, dur=150 * US, waits=True)
        s.works(90 * US, 110 * US)


def freed(s):
    s.waits("cuMemFree_v2")
    s.does("cuMemAlloc_v2", 200 * US)


def slow_launches(s):
    if not s.mended:
        s.caught_up()
    for i in range(10):
        if i and not s.mended:
            s.works(40 * US, 60 * US)
        s.launch(dur=5 * US, shape=s.norm)


def behind_events(s):
    if not s.mended:
        s.call("cuStreamWaitEvent", US, object=0x52, second=1)
    s.launch(gap=US if s.mended else 50 * US, stream=2, shape=s.gather)


def uploads(s):
    for _ in range(6):
        s.copy(HTOD, 2048, gap=US if s.mended else 12 * US)


def maps(s):
    if not s.mended:
        s.caught_up()
        for i in range(20):
            s.call("cuTensorMapEncodeTiled", s.rng.randrange(6, 9) * US, value=i)


PER_STEP = {"sync_readback": read_back, "sync": synchronise,
            "pageable_copy": pageable, "allocation": freed, "module_load": lambda s: s.does("cuModuleLoadDataEx", 2 * MS),
            "graph_build": lambda s: s.does("cuGraphInstantiateWithFlags", 600 * US), "host_busy": lambda s: s.computes(800 * US),
            "launch_bound": slow_launches, "metadata_copies": uploads, "lookups": maps,
            "profiler": lambda s: s.does("cuProfilerStart", MS)}
PER_LAYER = {"sync_readback in each layer": retrieve, "cross_stream": behind_events}


def recorded(plant, mended):
    file = path("steps.db")
    server = Planted(file, mended)
    server.serve(plant)
    server.f.close()
    return report_json(file)


def median(data):
    return max(data["steps"]["groups"], key=lambda g: g["steps"])["p50_ns"]


def prediction(data, without):
    return next((p for p in data["steps"]["predictions"] if p["without"] == without and p["phase"] == "decode"), None)


for plant in (*PER_STEP, *PER_LAYER):
    cause = plant.split()[0]
    data, truth = recorded(plant, False), median(recorded(plant, True))
    row = prediction(data, cause)
    ok(row and row["now_p50_ns"] > 1.04 * truth, f"{plant}: it is worth a prediction", row, truth)
    ok(row and row["p50_low_ns"] <= truth <= row["p50_high_ns"], f"{plant}: what comes of it lies in the bounds", row, truth)
    # Whether a copy finds kernels to run beside, the bounds know only.
    ok(row and abs(row["p50_ns"] / truth - 1) < (0.3 if plant == "pageable_copy" else 0.03),
       f"{plant}: and near the likely", row, truth)
    ok(row and row["p50_high_ns"] < 0.98 * row["now_p50_ns"], f"{plant}: the bounds say something", row)

# Launches one by one, against a graph of the same kernels.
data = recorded("launch_bound", False)
row = prediction(data, "launches one by one")
truth = median(recorded("launch_bound", True))
ok(row and row["p50_low_ns"] <= truth <= row["p50_high_ns"], "as a graph: what comes of it lies in the bounds", row, truth)
done()
