#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# The script for machines with a GPU, on the simulated driver and small: so that it works on the day
# it is needed. Without a GPU it says so and exits 77.
. "${top_srcdir:?}/tests/lib.sh"
[ -z "$sanitizers" ] || skip_all "programs of nvcc are built without the sanitizers"
command -v nvcc >/dev/null || skip_all "no nvcc"
nvcc --version | grep -q 'release 13' || skip_all "nvcc is not of CUDA 13, whose runtime is simulated"
run=$top_srcdir/tests/gpu/run
# A library of that name that sees no device stands in for a machine without a GPU.
mkdir "$tmp/none"
printf 'int cuInit(unsigned f) { return f ? 1 : 100; }\n' >"$tmp/none.c"
${CC:-cc} -shared -fPIC -o "$tmp/none/libcuda.so.1" "$tmp/none.c"
LD_LIBRARY_PATH=$tmp/none "$PYTHON3" "$run" >"$tmp/out"
is "without a GPU: exit status" "$?" 77
is "without a GPU: says SKIP" "$(grep -c '^1..0 # SKIP no GPU' "$tmp/out")" 1

"$PYTHON3" "$run" --simulated --small --keep="$tmp/kept" --output="$tmp/results.md" >"$tmp/out" \
	2>"$tmp/errors"
is "on the simulated driver: exit status" "$?" 0
grep -A8 '^not ok' "$tmp/out" | sed 's/^/# /'
head -n 20 "$tmp/errors" | sed 's/^/# /'
[ "$(grep -c '^ok' "$tmp/out")" -gt 100 ]; ok "on the simulated driver: more than 100 checks"
is "and they are all written down" \
	"$(grep -c -E '^- (holds|not done|\*\*)' "$tmp/results.md")" "$(grep -c '^ok\|^not ok' "$tmp/out")"
is "its tables too" "$(grep -c -E '^\| (full, call paths|GPU times, no call paths|end_kill) ' \
	"$tmp/results.md")" 3
# What a program that hangs has started is ended with it: nothing holds the pipes.
timeout 60 "$PYTHON3" -B -c '
import subprocess, sys, time
sys.path.insert(0, sys.argv[1])
from place import OutOfTime, Place
begin = time.monotonic()
place = Place(True)
try:
    place.run(["sh", "-c", "sleep 600 & echo $!; wait"], 1)
except subprocess.TimeoutExpired:
    print("timeout")
place.until = begin
try:
    place.run(["true"], 1)
except OutOfTime:
    print("out of time")
place.close()' "$(dirname "$run")" >"$tmp/limits" 2>&1
is "what takes too long is ended, what there is no time for is not begun" "$(cat "$tmp/limits")" "timeout
out of time"
# Damage has to show: a recording that lost work.
SIMCUPTI_DROP=3 "$PYTHON3" "$run" --simulated --only=programs --case=launches --keep="$tmp/kept" \
	--output="$tmp/results.md" >"$tmp/out" 2>&1
is "records that CUPTI drops make it fail" "$?,$(grep -c '^not ok.*joined' "$tmp/out")" "1,3"
done_testing
