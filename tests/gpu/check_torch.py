# SPDX-License-Identifier: Apache-2.0
"""PyTorch and Triton: the decode loop, workers, and torch.profiler inside the recorded process."""
import json
import os
import subprocess
import sys

from check_programs import NEEDED, check_coverage
from place import HERE
from recordings import Recording, Said, error_of


def run_alone(place, *command):
    """Without gputrail."""
    command = [sys.executable, *command]
    return place.run(command, 120, place.environment(command, **place.torch_environment()))


def why_not(place):
    """Why torch cannot be used here; None where it can."""
    result = run_alone(place, "-c", "import torch; assert torch.cuda.is_available()")
    if result.returncode:
        return "torch cannot be imported, is not of CUDA 13, or sees no GPU: " + \
            (result.stderr.strip().splitlines() or ["?"])[-1]
    return None


def record(place, results, name, command, *options, **more):
    recording = Recording(place, name, [sys.executable, *command], *options,
                          environment=place.torch_environment(), **more)
    if recording.said.skip:
        results.skip(name, recording.said.skip)
        return None
    good = results.check(recording.status == 0 and recording.exists(), f"{name}: runs",
                         *([recording.errors[-1500:]] if recording.status else []))
    return recording if good else None


def check_joined(results, name, recording):
    results.check(recording.operations()[0], f"{name}: has GPU times")
    check_coverage(results, recording, name)
    results.check(recording.counter("functions_unnamed") == 0, f"{name}: all kernels have names")


def check_decode(place, results):
    recording = record(place, results, "decode", [os.path.join(HERE, "decode.py"), "--compile",
                                                  "--steps=100"], timeout=300)
    if not recording:
        return
    check_joined(results, "decode", recording)
    nodes = recording.one("SELECT count(*) FROM node")
    with_path = recording.one("SELECT count(*) FROM node WHERE path IS NOT NULL")
    results.check(nodes and with_path >= NEEDED * nodes,
                  "decode: kernels inside graphs have the path of their capture",
                  f"{with_path} of {nodes}")
    # From 3.11 on with the names of their classes.
    python = {symbol.rpartition(".")[2] for symbol, in recording.rows(
        "SELECT DISTINCT symbol FROM frame WHERE kind = 'python'")}
    wanted = {"forward", "eager", "capture", "replay", "main"}
    results.check(wanted <= python, "decode: call paths show the model's Python functions",
                  f"without {', '.join(wanted - python)}" if wanted - python else "all")
    if "cannot_compile" in recording.said.facts:
        results.skip("torch.compile", recording.said.facts["cannot_compile"])
    results.line("decode: " + ", ".join(f"{k} {v}" for k, v in recording.said.facts.items()))


def check_profiler(place, results, case):
    """The profiler sees what it sees without gputrail, which has the GPU times of the rest."""
    command = [os.path.join(HERE, "torch_cases.py"), case]
    alone = Said(run_alone(place, *command).stdout).facts.get("profiler_kernels", "0")
    recording = record(place, results, case, command)
    if not recording:
        return
    seen = int(recording.said.facts.get("profiler_kernels", "0"))
    ours = len(recording.kernel_times(""))
    results.line(f"{case}: torch.profiler saw {seen} kernels, gputrail {ours}: "
                 f"{recording.backends()} {recording.notes()}")
    results.check(seen and seen == int(alone), f"{case}: torch.profiler sees its kernels",
                  f"{seen}, without gputrail {alone}")
    if case == "profiler_late":
        results.check(ours >= seen, f"{case}: gputrail has those before", f"{ours}")
    results.check(recording.one("SELECT count(*) FROM detail WHERE level = 'host'") > 0,
                  f"{case}: the file says when CUPTI was lent")
    results.check(recording.counter("gpu_missing", "gpu_orphans", "cupti_bad_times") == 0,
                  f"{case}: nothing is lost")
    launches = recording.one("SELECT count(*) FROM launch")
    results.check(launches >= 50, f"{case}: the host's side is recorded", f"{launches} launches")


def check_times(place, results):
    """The same program, once under each: kernel times in order of launch."""
    alone = run_alone(place, os.path.join(HERE, "torch_cases.py"), "profiler_first")
    theirs = json.loads(Said(alone.stdout).facts.get("profiler_us", "[]"))
    recording = record(place, results, "eager", [os.path.join(HERE, "torch_cases.py"), "eager"])
    if not recording:
        return
    check_joined(results, "eager", recording)
    ours = recording.kernel_times("")[-len(theirs):]
    middle, share = error_of(ours, [t * 1000 for t in theirs])
    results.check(middle is not None and len(ours) == len(theirs) and
                  (share <= 0.01 or middle <= 1000),
                  "eager: kernel times equal those of torch.profiler in another run",
                  f"median difference {middle} ns, {share * 100 if share is not None else 100:.2f} %, "
                  f"{len(ours)} and {len(theirs)} kernels")


def check_simple(place, results, case, processes):
    recording = record(place, results, case, [os.path.join(HERE, "torch_cases.py"), case])
    if not recording:
        return
    check_joined(results, case, recording)
    found = recording.one("SELECT count(*) FROM process WHERE backend = 'cupti'")
    results.check(found >= processes, f"{case}: processes with GPU times", f"{found}")
    for kernel, count in recording.said.kernels.items():
        found = recording.kernel_count(kernel)
        results.check(found >= count, f"{case}: {kernel}", f"{found} of {count}")


def run(place, results):
    """Returns the Python to measure overheads with, or None."""
    results.section("PyTorch and Triton")
    reason = why_not(place)
    if reason:
        results.skip("PyTorch, torch.compile, Triton, torch.profiler, workers", reason)
        return None
    results.line("torch " + subprocess.run(
        [sys.executable, "-c", "import torch; print(torch.__version__, torch.version.cuda)"],
        capture_output=True, text=True, check=False).stdout.strip())
    results.guarded("decode", check_decode, place, results)
    results.guarded("eager", check_times, place, results)
    for case in ("profiler_late", "profiler_first"):
        results.guarded(case, check_profiler, place, results, case)
    for case, processes in (("workers_fork", 1), ("workers_spawn", 2), ("triton", 1)):
        results.guarded(case, check_simple, place, results, case, processes)
    return sys.executable
