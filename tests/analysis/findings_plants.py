#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Each plant of the demo gives its finding, alone or beside others; a healthy server gives none above
info, on any device and in either language. idle_plants.py has those whose cause is idle time."""
import os
import sys

from idle_truth import TRIES, Recorded

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "demo"))
from servers import skip_without_simulator, tap  # noqa: E402

STEPS = 60

# Plants that go together, each with the finding it must give, at least this severe, and the function
# that it must blame; "" where it has no place.
TOGETHER = (
    {"SIMCUDA_DEVICES": "2"},
    {"big-workspace": ("late-workspace", "warning", "allocate"),
     "leak": ("memory-growth", "warning", "allocate"),
     "oom:0.2": ("out-of-memory", "critical", "allocate_too_much"),
     "managed-memory": ("managed-memory", "warning", "planted_open"),
     "transient-peak": ("transient-peak", "warning", "planted_before_forward"),
     "launch-failure:0.2": ("failed-calls", "critical", "launch_impossible"),
     "wrong-device:0.2": ("wrong-device", "critical", "launch_on_other_device")},
    {},
    {"redundant-casts": ("stand-alone-casts", "warning", "launch_kernel"),
     "wave-tail": ("wave-tail", "warning", "launch_kernel"),
     "low-occupancy": ("low-occupancy", "warning", "launch_kernel"),
     "redundant-copies": ("device-copies", "info", "rms_norm"),
     "fragmentation": ("allocator-churn", "warning", "segments_churn")},
    {},
    {"low-coverage": ("low-coverage", "warning", "launch_kernel"),
     "exposed-comm": ("exposed-communication", "info", "launch_kernel"),
     "kv-offload": ("exposed-offload", "info", "offload_and_reload")},
    {},
    {"spill": ("register-spill", "warning", "launch_kernel"),
     "polling": ("polling", "info", "")},
    {},
    {"arch-fallback": ("fallback-kernels", "warning", "launch_kernel"),
     "attribute-queries": ("repeated-queries", "info", "query_attributes")},
    {},
    {"mega-kernel": ("mega-kernel", "info", "launch_kernel")},
    {},
    {"tiny-kernels": ("tiny-kernels", "info", "launch_kernel"),
     "no-pdl": ("no-pdl", "info", "launch")},
    {},
    {"no-graphs": ("no-graphs", "info", "launch_kernel"),
     "long-prefill": ("prefill-interference", "warning", "launch_kernel")},
    {},
    {"graph-miss": ("graph-miss", "info", "launch_kernel")},
    {},
    {"shrinking-batch": ("shrinking-batch", "warning", "sample_tokens")},
    {},
    {"preemption": ("prompts-again", "info", "sample_tokens")},
    {},
    {"long-kernel": ("head-of-line", "warning", "launch_kernel")},
)
LONGER = {"shrinking-batch": 150, "preemption": 100}     # steps until it shows
SEVERITIES = ["info", "warning", "critical"]

# What a machine that takes the thread away looks like, in a server with nothing wrong.
HOST_LATE = {"host-busy", "request-gaps", "launch-bound", "synchronisation", "sync-readback",
             "implicit-sync", "jit-while-serving", "metadata-copies", "graph-rebuild"}


def check_together(environment, wanted):
    plants = ",".join(wanted)
    run = Recorded(plants, LONGER.get(plants, STEPS), **environment)
    for plant, (name, severity, function) in wanted.items():
        told = [f for f in run.data["findings"] if f["name"] == name]
        found = next((f for f in told if function in f["where"]), None)
        tap.ok(found and SEVERITIES.index(found["severity"]) >= SEVERITIES.index(severity),
               f"{plant}: {name}, {severity} or worse, in {function}",
               told or [f["name"] for f in run.data["findings"]])
        tap.ok(found and found["advice"] and (not found["where"] or found["where"] in found["advice"]),
               f"{plant}: its advice names the place", found)
    if "shrinking-batch" in wanted:
        check_shrinking(run)


def check_shrinking(run):
    """The lost time, computed from what the simulator did: steps reach from one read-back to the next."""
    reads = sorted((row["end_ns"], row["bytes"]) for row in run.operations
                   if row["kind"] == "copy" and row["copy_kind"] == "DtoH")
    prompts = [row["start_ns"] for row in run.operations
               if row["kind"] == "kernel" and "varlen" in row["name"]]
    steps = [(size, end - before) for (before, _), (end, size) in zip(reads, reads[1:])
             if before > max(prompts)]
    full = max(size for size, _ in steps)
    nearly = [ns for size, ns in steps if size >= full * 3 / 4]
    price = sum(nearly) / len(nearly) / full
    lost = sum(ns - size * price for size, ns in steps if size * 2 <= full)
    found = next((f for f in run.data["findings"] if f["name"] == "shrinking-batch"), None)
    tap.ok(found and abs(found["lost_ns"] - lost) <= 0.02 * lost, "shrinking-batch: its lost time",
           f"{lost / 1e6} ms", found)


def check_healthy(name, *options, **environment):
    """Nothing above info, but for time in which the simulator, too, waited for the host."""
    for _ in range(TRIES):
        run = Recorded("", STEPS, *options, **environment)
        late = sum(end - start for start, end, op, _ in run.since_warm_up() if op["cause"] == "submit")
        wrong = [f for f in run.data["findings"] if f["severity"] != "info"
                 and not (f["name"] in HOST_LATE and f["lost_ns"] <= late)]
        if not wrong:
            break
    tap.equal([f for f in run.data["findings"] if f["name"] in ("shrinking-batch", "prompts-again")],
              [], f"{name}: nothing of the batch")
    tap.ok(not wrong, f"{name}: nothing above info", wrong)
    for device in run.data["devices"]:
        if device["waterfall"]:
            tap.equal(sum(device["waterfall"].values()), device["span_ns"],
                      f"{name}: the waterfall adds up")


skip_without_simulator()
for environment, wanted in zip(TOGETHER[::2], TOGETHER[1::2]):
    check_together(environment, wanted)
for device in ("A100", "H200", "B200", "RTX4090"):
    check_healthy(device, f"--sim={device}")
check_healthy("in Python", "--python")
tap.done()
