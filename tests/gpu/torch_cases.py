# SPDX-License-Identifier: Apache-2.0
"""PyTorch and Triton programs to record: `torch_cases.py CASE [--device=cpu]`. Prints facts."""
import json
import os
import shutil
import sys
import tempfile

import torch

from products import SIMULATED, square


def kernels_of(trace):
    """[(start us, duration us, name)] of the kernels in a torch.profiler trace, in order."""
    with open(trace, encoding="utf-8") as file:
        events = json.load(file)["traceEvents"]
    return sorted((e["ts"], e["dur"], e["name"]) for e in events
                  if e.get("cat") == "kernel" and e.get("ph") == "X")


def some_work(device, count=50):
    a = torch.ones(512, 512, device=device)
    for _ in range(count):
        a = torch.relu(square(a) * 0.001)
    if device == "cuda":
        torch.cuda.synchronize()
    return a


def profile_once(device):
    """Durations by torch.profiler, for the recording to be compared with."""
    from torch.profiler import ProfilerActivity, profile
    activities = [ProfilerActivity.CPU, *([ProfilerActivity.CUDA] if device == "cuda" else [])]
    trace = tempfile.mktemp(suffix=".json")
    with profile(activities=activities) as p:
        some_work(device)
    p.export_chrome_trace(trace)
    found = kernels_of(trace)
    os.unlink(trace)
    print(f"fact profiler_kernels {len(found)}")
    print("fact profiler_us " + json.dumps([round(k[1], 3) for k in found]))
    return found


def case_profiler_late(device):
    """gputrail has CUPTI already when torch.profiler wants it."""
    some_work(device)
    profile_once(device)
    some_work(device)


def case_profiler_first(device):
    """torch.profiler takes CUPTI before the first CUDA call."""
    profile_once(device)
    some_work(device)


def case_eager(device):
    some_work(device)


def case_workers_fork(device):
    """Data workers forked by a process that uses CUDA: they do not, and must not hang."""
    from torch.utils.data import DataLoader, Dataset

    class Numbers(Dataset):
        def __len__(self):
            return 64

        def __getitem__(self, i):
            return torch.full((64,), float(i))

    some_work(device, 5)
    total = 0.0
    for batch in DataLoader(Numbers(), batch_size=8, num_workers=2, multiprocessing_context="fork"):
        total += batch.to(device).sum().item()
    print(f"fact sum {total:.0f}")
    assert SIMULATED or total == 64 * sum(range(64))


def work_in_child(device):
    some_work(device, 10)


def case_workers_spawn(device):
    """Spawned workers, each with CUDA of its own."""
    context = torch.multiprocessing.get_context("spawn")
    children = [context.Process(target=work_in_child, args=(device,)) for _ in range(2)]
    for child in children:
        child.start()
    for child in children:
        child.join()
    assert all(child.exitcode == 0 for child in children)
    print("fact workers 2")


def case_triton(device):
    if device != "cuda":
        print("skip Triton has no CPU back end")
        return
    import triton
    import triton.language as tl

    @triton.jit
    def add_one(pointer, n, block: tl.constexpr):
        at = tl.program_id(0) * block + tl.arange(0, block)
        tl.store(pointer + at, tl.load(pointer + at, mask=at < n) + 1, mask=at < n)

    values = torch.zeros(1 << 16, device=device)
    try:
        add_one[(64,)](values, values.numel(), block=1024)
    except Exception as error:
        if any(map(shutil.which, ("cc", "gcc", "clang"))):
            raise
        print(f"skip Triton needs a C compiler here: {str(error)[:100]!r}")
        return
    for _ in range(19):
        add_one[(64,)](values, values.numel(), block=1024)
    torch.cuda.synchronize()
    assert values.sum().item() == 20 * values.numel() or SIMULATED
    print("kernels add_one 20")


CASES = {name[5:]: function for name, function in list(globals().items())
         if name.startswith("case_")}

if __name__ == "__main__":
    CASES[sys.argv[1]]("cpu" if "--device=cpu" in sys.argv else "cuda")
