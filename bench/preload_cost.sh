#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# What the preload adds to a program that does not use CUDA: bench/preload_cost.sh SHIM [RUNS]
# Bare and preloaded runs of `true` alternate; the median of each is compared.
shim=$1
runs=${2:-200}
exec ${PYTHON3:-python3} - "$shim" "$runs" <<'P'
import os, statistics, subprocess, sys, time
shim, runs = sys.argv[1], int(sys.argv[2])
times = {None: [], shim: []}
for _ in range(runs):
    for preload in times:
        environment = dict(os.environ)
        environment.pop("LD_PRELOAD", None)
        if preload:
            environment["LD_PRELOAD"] = preload
        begin = time.monotonic_ns()
        subprocess.run(["/bin/true"], env=environment, check=True)
        times[preload].append(time.monotonic_ns() - begin)
bare, hooked = (statistics.median(times[key]) / 1e6 for key in (None, shim))
print(f"/bin/true: bare {bare:.3f} ms, preloaded {hooked:.3f} ms, adds {hooked - bare:.3f} ms")
P
