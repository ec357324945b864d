#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Causes of idle time on the demo server, by time: what was planted is told, and nothing else is told
as that; the finding that belongs to it blames the function that did it."""
import os
import sys

from idle_truth import (TRIES, US, Recorded, Score, after_readback, at_memory_call, between_uploads,
                        held, late_by_itself, spread, took)

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "demo"))
from servers import skip_without_simulator, tap  # noqa: E402

STEPS = 60

# plant, cause, how it shows, longest interval that is its own, simulator's reasons, finding, function
HOST = ("submit",)
PLANTS = (
    ("sync-readback", "sync_readback", held, 2000 * US, HOST, "sync-readback", "wait_for_tokens"),
    ("sync-per-layer", "sync_readback", after_readback, 150 * US, HOST, "sync-readback",
     "retrieve_per_layer"),
    ("host-slow", "host_busy", late_by_itself, 6000 * US, HOST, "host-busy", ""),
    ("launch-bound", "launch_bound", spread, 60 * US, HOST, "launch-bound", "launch_kernel"),
    ("tensormap-in-loop", "lookups", took, 80 * US, HOST, "repeated-lookups", "encode_tensor_map"),
    ("small-copies", "metadata_copies", between_uploads, 30 * US, ("submit", "stream"),
     "metadata-copies", "planted_upload_metadata"),
    ("jit-in-loop", "module_load", took, 10**9, HOST, "jit-while-serving", "compile_and_load"),
    ("graph-recapture", "graph_build", took, 10**9, HOST, "graph-rebuild", "graph_capture"),
    ("pageable-copies", "pageable_copy", held, 2000 * US, HOST, "pageable-copies",
     "upload_pageable"),
    ("alloc-in-loop", "allocation", at_memory_call, 2000 * US, HOST, "implicit-sync", "planted"),
    ("fragmentation", "allocation", at_memory_call, 2000 * US, HOST, "implicit-sync",
     "segments_churn"),
    ("request-gaps", "request_gap_large", took, 10**12, HOST, "request-gaps", ""),
    # These two show on the device alone: what counts is the simulator's reason.
    ("cross-stream-wait", "cross_stream", None, 10**9, ("event", "legacy"), None, ""),
    ("null-stream", "cross_stream", None, 10**9, ("event", "legacy"), None, ""),
    ("tiny-kernels", "kernel_boundary", None, 10**9, ("stream", "graph", "sm", "copy_engine"), None, ""),
)


def check(row):
    plant, cause, how, limit, reasons, finding, function = row
    for _ in range(TRIES):
        run = Recorded(plant, STEPS)
        score = Score(run, plant, cause, how, limit, reasons)
        print(f"# {plant}: {score}")
        if score.holds():
            break
    score.check(f"{plant}: {cause}")
    if not finding:
        return
    found = next((f for f in run.data["findings"] if f["name"] == finding), None)
    if plant == "sync-per-layer":
        tap.ok("waits-in-every-layer" in [f["name"] for f in run.data["findings"]],
               f"{plant}: waits-in-every-layer", *run.data["findings"])
    tap.ok(found and function in found["where"], f"{plant}: {finding} in {function}",
           *run.data["findings"])


if __name__ == "__main__":
    skip_without_simulator()
    for plant_row in PLANTS:
        if len(sys.argv) < 2 or plant_row[0] in sys.argv:
            check(plant_row)
    tap.done()
