#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Every plant leaves its signature on the device and its facts; a healthy run has none of them."""
import sys

from servers import C_SERVER, PYTHON_SERVER, Run, plants, skip_without_simulator, tap

MIB = 1 << 20
SMS = 132


def blocks(row):
    """Size of the grid."""
    x, y, z = row["grid"]
    return x * y * z


def waits_in_host(run, kind="stream"):
    """Synchronisations of the thread that launches."""
    launching = {row["tid"] for row in run.of("kernel", name="sample_token")}
    return [row for row in run.while_serving("sync", name=kind) if row["tid"] in launching]


def silent(run):
    """Nothing is submitted while a burst of requests is awaited."""
    gaps = [(begin, end) for _, begin, end, _, _ in run.facts]
    return gaps and all(end - begin >= 60e6 and not any(
        begin < row["submit_ns"] < end for row in run.operations) for begin, end in gaps)


def slow_host(run):
    """The launching thread works 4 ms in every step."""
    return len(run.facts) == run.steps and all(f[2] - f[1] >= 4e6 for f in run.facts)


def slow_launches(run):
    """At least 40 us between launches of a thread, always."""
    times = [row["submit_ns"] for row in run.while_serving("kernel", graph=0)]
    return not run.while_serving("graph") and len(times) > run.steps * 40 and all(
        b - a >= 40000 for a, b in zip(times, times[1:]))


def shrinks(run):
    """The attention's batch falls from the last prompt on."""
    prompts = run.while_serving("kernel", name="varlen_paged")
    batches = [row["grid"][2] for row in run.while_serving("kernel", name="splitkv_paged")
               if row["graph"] and row["submit_ns"] > prompts[-1]["submit_ns"]]
    return batches == sorted(batches, reverse=True) and batches[0] > batches[-1]


def serialised(run):
    """Work waits for the legacy stream."""
    return run.while_serving("set", bytes=256) and any(
        row["cause"] == "legacy" for row in run.operations)


def detours(run):
    """Two waits per layer, a small kernel on a stream of its own."""
    gathers = run.while_serving("kernel", name="gather_rows")
    return len(gathers) == run.steps * run.layers and all(blocks(r) < SMS / 2 for r in gathers) and \
        len(run.while_serving("wait")) >= 2 * len(gathers)


def recaptured(run):
    """More executable graphs than batch sizes."""
    attention = [row for row in run.of("kernel", name="splitkv_paged") if row["graph"]]
    return len({row["graph"] for row in attention}) > len({row["grid"][2] for row in attention})


def workspace_after_pool(run):
    """Gigabytes after the largest allocation."""
    sizes = [row["bytes"] for row in run.of("alloc", name="device")]
    return 3072 * MIB in sizes[sizes.index(max(sizes)):]


def leaks(run):
    """Allocations that nothing gives back before the end."""
    addresses = {row["address"] for row in run.while_serving("alloc", name="device", bytes=4 * MIB)}
    return len(addresses) >= run.steps - 1 and not any(
        row["address"] in addresses for row in run.while_serving("free", name="device"))


def kernels(name, least=1):
    """At least so many kernels whose name has this in it."""
    return lambda run: len(run.while_serving("kernel", name=name)) >= least


# Of the operations of the device; the first step's plants may be in front of what counts as
# serving. What only calls show is in recorded.py.
SIGNATURES = {
    "request-gaps": silent,
    "sync-readback": lambda run: len(waits_in_host(run)) >= run.steps * 3 // 4,
    "small-copies": lambda run: len(run.while_serving("copy", copy_kind="HtoD")) > 10 * run.steps,
    "host-slow": slow_host,
    "launch-bound": slow_launches,
    "tiny-kernels": kernels("eager", 40 * 10),
    "long-prefill": lambda run: max(
        blocks(r) for r in run.while_serving("kernel", name="ILi256ELi128ELi64")) > SMS * 2 * 8,
    "long-kernel": kernels("rerank_documents", 38),
    "shrinking-batch": shrinks,
    "jit-in-loop": kernels("triton_poi_fused", 2),
    "sync-per-layer": lambda run: len(waits_in_host(run)) >= run.steps * run.layers,
    "no-graphs": lambda run: not run.while_serving("graph"),
    "graph-recapture": recaptured,
    "graph-miss": lambda run: not run.while_serving("graph") and kernels("splitkv_paged")(run),
    "redundant-copies": lambda run: len(run.while_serving("copy", copy_kind="DtoD")) >=
        run.steps * 2 * run.layers,
    "redundant-casts": kernels("cast_kernel", 40 * 2 * 4),
    "cross-stream-wait": detours,
    "null-stream": serialised,
    "alloc-in-loop": lambda run: run.steps - len(run.while_serving("alloc", bytes=64 * MIB)) <= 1
        and len(run.while_serving("free", bytes=64 * MIB)) >= run.steps - 1,
    "arch-fallback": lambda run: kernels("sm80_gemm")(run) and kernels("stage1_paged")(run) and
        not kernels("sm90_skinny")(run),
    "wave-tail": lambda run: all(
        blocks(r) % SMS for r in run.while_serving("kernel", name="skinny_splitk")),
    "low-occupancy": lambda run: all(
        r["block"] == [64, 1, 1] and int(r["dynamic_shared"]) > 80000
        for r in run.while_serving("kernel", name="splitkv_paged")),
    "low-coverage": lambda run: all(
        blocks(r) < SMS / 2 for r in run.while_serving("kernel", name="splitkv_paged")),
    "spill": kernels("splitkv_paged_kernelILi256E"),
    "pageable-copies": lambda run: len(run.while_serving("copy", source_kind="pageable")) >=
        run.steps - 1,
    "kv-offload": lambda run: run.while_serving("copy", copy_kind="DtoH", bytes=8 * MIB) and
        run.while_serving("copy", copy_kind="HtoD", bytes=8 * MIB),
    "preemption": lambda run: " 0 preempted" not in run.output,
    "big-workspace": workspace_after_pool,
    "transient-peak": lambda run: len(run.while_serving("memory", bytes=2048 * MIB)) >= run.steps,
    "leak": leaks,
    "fragmentation": lambda run: len(run.while_serving("alloc", name="vmm")) >= run.steps - 1,
    "managed-memory": lambda run: run.of("alloc", name="managed") and
        len(run.while_serving("kernel", name="gather_rows")) >= run.steps - 1,
    "exposed-comm": kernels("cross_device_reduce", 40 * 2 * 4),
    "mega-kernel": kernels("persistent_decoder", 20),
}
ONLY_CALLS = {"polling", "tensormap-in-loop", "attribute-queries", "no-pdl", "oom",
              "launch-failure", "wrong-device"}
STEPS = {"shrinking-batch": 150, "request-gaps": 50}


def check(server, language, plant, healthy):
    """One plant: exit status, signature, facts."""
    run = Run(server, plant + (":0.1" if plant in ("oom", "launch-failure", "wrong-device") else ""),
              STEPS.get(plant, 40))
    name = f"{language}, {plant}"
    tap.equal(run.status, 0, f"{name}: serves")
    if run.status:
        tap.ok(False, name, run.errors)
        return
    if plant in SIGNATURES:
        tap.ok(SIGNATURES[plant](run), f"{name}: its signature is there", run.output)
        tap.ok(not holds(SIGNATURES[plant], healthy), f"{name}: not in a healthy run")
    tap.ok(run.facts and all(cause == plant and begin <= end and thread > 0
                             for cause, begin, end, thread, _ in run.facts),
           f"{name}: facts", run.facts[:3])


def holds(signature, run):
    """A signature that cannot be evaluated is not there."""
    try:
        return signature(run)
    except (IndexError, ValueError):
        return False


def check_healthy(language, run):
    """Graphs, pinned memory, no waits, nothing planted."""
    tap.equal(run.status, 0, f"{language}, healthy: serves")
    tap.equal(run.facts, [], f"{language}, healthy: nothing planted")
    tap.ok(len(run.while_serving("graph")) > run.steps / 2, f"{language}, healthy: mostly by graph")
    tap.equal(len(run.while_serving("copy", copy_kind="DtoH")), run.steps,
              f"{language}, healthy: one read-back per step")
    tap.ok(len(run.while_serving("copy", copy_kind="HtoD")) <= run.steps,
           f"{language}, healthy: one upload per step")
    tap.equal(waits_in_host(run), [], f"{language}, healthy: the launching thread does not wait")


def main():
    """All plants in C, some in Python."""
    skip_without_simulator()
    chosen = sys.argv[1:]
    tap.equal(sorted(set(SIGNATURES) | ONLY_CALLS), sorted(plants()), "every plant has a test")
    for server, language, names in (
            (C_SERVER, "C", plants()),
            (PYTHON_SERVER, "Python", ["sync-readback", "small-copies", "no-graphs", "tiny-kernels",
                                       "pageable-copies", "low-coverage", "leak", "kv-offload"])):
        healthy = Run(server)
        check_healthy(language, healthy)
        for plant in names:
            if not chosen or plant in chosen:
                check(server, language, plant, healthy)
    tap.done()


main()
