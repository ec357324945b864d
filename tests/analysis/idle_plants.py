#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Causes of idle time on the demo server: what was planted is named, a healthy run has none of it.
Counts are compared, not times: on a busy machine any thread may stall at any point."""
import os
import re
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "demo"))
from servers import skip_without_simulator, tap  # noqa: E402

STEPS = 60
ROW = re.compile(r"^ *[\d.]+ +[\d.]+ +([\d.]+) (ns|us|ms|s) +(\d+) +[\d.]+ \w+ +([a-z_]+) +(.*)$")
UNIT = {"ns": 1, "us": 1e3, "ms": 1e6, "s": 1e9}


def bubbles(plant):
    """Cause: (count, ns, where) of a recorded run with the plant."""
    file = tap.path("plant.db")
    result = tap.run("demo", "-o", file, f"--steps={STEPS}", f"--plant={plant}", cwd=tap.TMP,
                     env={"LD_LIBRARY_PATH": None})
    tap.equal(result.returncode, 0, f"{plant or 'healthy'}: recorded")
    device = tap.report_json(file)["devices"][0]
    tap.equal(sum(device["idle_by_cause"].values()), device["idle_ns"],
              f"{plant or 'healthy'}: causes add up to the idle time of the recorder")
    found = {}
    for line in tap.run("report", "-n", "1", "--full", file, "bubbles").stdout.splitlines():
        match = ROW.match(line)
        if match:
            found[match[4]] = (int(match[3]), float(match[1]) * UNIT[match[2]], match[5])
    if os.environ.get("IDLE_SHOW"):
        for cause, row in found.items():
            print("#", plant, cause, *row)
    return found


def count(found, *causes):
    return sum(found.get(cause, (0,))[0] for cause in causes)


# plant, causes that it may show as, least count above that of the healthy run, blamed function.
# A stall of the host outside CUDA is a gap between requests once it takes 10 ms.
EXPECTED = (
    ("sync-readback", ("sync_readback",), STEPS * 3 // 4, "wait_for_tokens"),
    ("host-slow", ("host_busy", "request_gap_small", "request_gap_large"), STEPS // 3, ""),
    ("launch-bound", ("launch_bound",), STEPS * 20, "launch_kernel"),
    ("tiny-kernels", ("kernel_boundary",), STEPS * 100, "graphs_launch"),
    ("alloc-in-loop", ("allocation",), STEPS // 2, "planted"),
    ("jit-in-loop", ("module_load",), 2, "compile_and_load"),
    ("pageable-copies", ("pageable_copy",), STEPS * 3 // 4, "upload_pageable"),
    ("sync-per-layer", ("sync_readback",), STEPS * 8, "retrieve_per_layer"),
    ("request-gaps", ("request_gap_large",), 1, ""),
    ("small-copies", ("metadata_copies",), 1, "planted_upload_metadata"),
)

skip_without_simulator()
healthy = bubbles("")
for cause in ("sync_readback", "pageable_copy", "metadata_copies", "profiler", "collective_wait"):
    tap.ok(count(healthy, cause) <= 2, f"healthy: no {cause}", healthy)
# While serving, captures are hidden behind steps in flight; the ones at the start are not.
tap.ok(count(healthy, "graph_build") >= 1, "healthy: graphs are captured at the start", healthy)
tap.ok(count(healthy, "unknown") <= STEPS, "healthy: little is unknown", healthy)
for plant, causes, least, blamed in EXPECTED:
    found = bubbles(plant)
    above = count(found, *causes) - count(healthy, *causes)
    tap.ok(above >= least, f"{plant}: {' or '.join(causes)}", f"{above} of at least {least}", found)
    tap.ok(any(blamed in found[cause][2] for cause in causes if cause in found),
           f"{plant}: blames {blamed or 'something'}", found)
tap.done()
