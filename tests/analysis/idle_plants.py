#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Causes of idle time on the demo server, by time: what was planted is told, and nothing else is told
as that; the finding that belongs to it blames the function that did it."""
import os
import sys

from idle_truth import (TRIES, Recorded, Score, after_readback, at_memory_call, between_uploads,
                        held, late_by_itself, spread, took)

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "demo"))
from servers import skip_without_simulator, tap  # noqa: E402

STEPS = 60

# plant, cause, how it shows, simulator's reasons, finding, function. idle_truth.py tells how a stall of
# the machine is known from a plant.
HOST = ("submit",)
PLANTS = (
    ("sync-readback", "sync_readback", held, HOST, "sync-readback", "wait_for_tokens"),
    ("sync-per-layer", "sync_readback", after_readback, HOST, "sync-readback",
     "retrieve_per_layer"),
    ("host-slow", "host_busy", late_by_itself, HOST, "host-busy", ""),
    ("launch-bound", "launch_bound", spread, HOST, "launch-bound", "launch_kernel"),
    ("tensormap-in-loop", "lookups", took, HOST, "repeated-lookups", "encode_tensor_map"),
    ("small-copies", "metadata_copies", between_uploads, ("submit", "stream"),
     "metadata-copies", "planted_upload_metadata"),
    ("jit-in-loop", "module_load", took, HOST, "jit-while-serving", "compile_and_load"),
    ("graph-recapture", "graph_build", took, HOST, "graph-rebuild", "graph_capture"),
    ("pageable-copies", "pageable_copy", held, HOST, "pageable-copies",
     "upload_pageable"),
    ("alloc-in-loop", "allocation", at_memory_call, HOST, "implicit-sync", "planted"),
    ("fragmentation", "allocation", at_memory_call, HOST, "implicit-sync",
     "segments_churn"),
    ("request-gaps", "request_gap_large", took, HOST, "request-gaps", ""),
    # These two show on the device alone: what counts is the simulator's reason.
    ("cross-stream-wait", "cross_stream", None, ("event", "legacy"), None, ""),
    ("null-stream", "cross_stream", None, ("event", "legacy"), None, ""),
    ("tiny-kernels", "kernel_boundary", None, ("stream", "graph", "sm", "copy_engine"), None, ""),
)


def check(row):
    plant, cause, how, reasons, finding, function = row
    for _ in range(TRIES):
        run = Recorded(plant, STEPS)
        score = Score(run, plant, cause, how, reasons)
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
