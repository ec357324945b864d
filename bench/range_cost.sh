#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# What a range of NVTX (push and pop) costs the program: without a tool, before CUDA is used, recorded,
# and while recording is switched off. Bursts that fit into the ring; medians of 21, ns per range.
#
#	range_cost.sh BUILD_DIR
build=${1:?}
tmp=$(mktemp -d) || exit 1
trap 'rm -rf "$tmp"' EXIT
bursts() {
	i=0
	while [ $i -lt 21 ]; do
		echo "cost $1"
		i=$((i + 1))
	done
}
median() {
	grep -v ok | sort -n | sed -n 11p
}
record() {
	NVTX_TRUTH=/dev/null "$build/cmd/gputrail" record -q -f --sim --ring-bytes=64M -o "$tmp/run.db" "$@" -- "$build/tests/ranges-program"
}
none=$(bursts 20000 | NVTX_TRUTH=/dev/null "$build/tests/ranges-program" | median)
before=$(bursts 20000 | record 2>/dev/null | median)
# The collector reads between the bursts.
recorded=$({ echo init; bursts 20000 | while read -r line; do echo "$line"; sleep 0.05; done; } | record | median)
off=$({ echo init; echo "launch 1"; sleep 0.3; bursts 20000; } | record --capture-range=cudaProfilerApi | median)
awk -v none="$none" -v before="$before" -v recorded="$recorded" -v off="$off" 'BEGIN {
	printf "a range (push and pop), ns:  no tool %.1f, before CUDA %.1f, stopped %.1f, recorded %.1f\n",
		none, before, off, recorded }'
