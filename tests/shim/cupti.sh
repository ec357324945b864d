#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# GPU times from the simulated CUPTI: of every release, and with everything that can go wrong.
. "${top_srcdir:?}/tests/lib.sh"
[ -z "$sanitizers" ] || skip_all "sanitizers and LD_PRELOAD"
here=$top_builddir/tests
LD_LIBRARY_PATH=$sim_dir
export LD_LIBRARY_PATH

# run NAME [_exit]: the runtime program's three launches.
run() {
	"$here/shim-consumer" "$shim" "$here/shim-runtime-static" $2 >"$tmp/out" 2>"$tmp/err"
	is "$1: exit status" "$?" 0
	is "$1: launches" "$(grep -c '^LAUNCH' "$tmp/out")" 3
	head -n 5 "$tmp/err" | sed 's/^/# /'
}
has() {
	is "$1" "$(grep -c -E "$2" "$tmp/out")" "$3"
}

for release in 11.8 12.0 12.4 12.8 13.0 13.2 13.4; do
	SIMCUPTI_RELEASE=$release
	export SIMCUPTI_RELEASE
	run "$release"
	has "$release: back end" "^END .*backend=1 .*note=CUPTI" 1
	has "$release: kernels" \
		"^GPU_KERNEL start=1 correlation=1 device=0 graph=0 flags=0 name=1 grid=[123],2,1 block=32,1,1" 3
	has "$release: name" "^DEF_STRING id=1 text=kernel3" 1
	has "$release: launches know their correlation" "^LAUNCH .*correlation=1" 3
	has "$release: nothing counted as lost" "^COUNTER (lost|cupti_[^r]|correlation)" 0
done
unset SIMCUPTI_RELEASE

run "no exit handlers" _exit
has "no exit handlers: kernels" "^GPU_KERNEL start=1" 3
has "no exit handlers: said good-bye" "^END state=1" 1

GPUTRAIL_EVENTS=off
export GPUTRAIL_EVENTS
SIMCUPTI_REFUSE=39
export SIMCUPTI_REFUSE
run "another subscriber"
has "another subscriber: counted" "^COUNTER cupti_refused=1" 1
has "another subscriber: said" "^END .*backend=0 .*note=.*error 39" 1
has "another subscriber: no GPU records" "^GPU_" 0
unset SIMCUPTI_REFUSE

SIMCUPTI_NEWER_THAN_DRIVER=1
export SIMCUPTI_NEWER_THAN_DRIVER
run "newer than the driver"
has "newer than the driver: said" "^END .*backend=0 .*note=.*newer than the driver" 1
unset SIMCUPTI_NEWER_THAN_DRIVER

SIMCUPTI_UNORDERED=1
export SIMCUPTI_UNORDERED
run "unordered buffers"
has "unordered buffers: kernels" "^GPU_KERNEL start=1" 3
unset SIMCUPTI_UNORDERED

SIMCUPTI_ZERO_TIMES=1
export SIMCUPTI_ZERO_TIMES
run "zero times"
has "zero times: marked" "^GPU_KERNEL .*flags=1" 3
has "zero times: counted" "^COUNTER cupti_bad_times=3" 1
unset SIMCUPTI_ZERO_TIMES
SIMCUPTI_REVERSED_TIMES=1
export SIMCUPTI_REVERSED_TIMES
run "reversed times"
has "reversed times: marked" "^GPU_KERNEL start=0 .*flags=1" 3
unset SIMCUPTI_REVERSED_TIMES

SIMCUPTI_POOL_RECORDS=1
GPUTRAIL_CUPTI_POOL=2
export SIMCUPTI_POOL_RECORDS GPUTRAIL_CUPTI_POOL
run "device buffers used up"
has "device buffers used up: counted" "^COUNTER cupti_bad_times=1" 1
GPUTRAIL_CUPTI_POOL=2x
run "a limit that is none"
has "a limit that is none: CUPTI keeps its own" "^COUNTER cupti_(bad|errors)" 0
unset SIMCUPTI_POOL_RECORDS GPUTRAIL_CUPTI_POOL

SIMCUPTI_HANG_FLUSH=1
export SIMCUPTI_HANG_FLUSH
run "hanging flush"
has "hanging flush: given up" "^COUNTER flush_timeouts=1" 1
unset SIMCUPTI_HANG_FLUSH

GPUTRAIL_CUPTI=off
export GPUTRAIL_CUPTI
run "switched off"
has "switched off: said" "^END .*backend=0 .*GPUTRAIL_CUPTI=off" 1
GPUTRAIL_CUPTI=/nonexistent/libcupti.so
run "wrong path"
has "wrong path: said" "^END .*backend=0 .*no libcupti found" 1
done_testing
