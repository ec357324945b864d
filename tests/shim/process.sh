#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Processes fork, exec, die and run short of memory; nothing pushed is lost, nothing else changes.
. "${top_srcdir:?}/tests/lib.sh"
here=$top_builddir/tests
consumer=$here/shim-consumer
process=$here/.libs/shim-process
GPUTRAIL_CUPTI=off LD_LIBRARY_PATH=$here/shim/fake/.libs
export GPUTRAIL_CUPTI LD_LIBRARY_PATH
ulimit -c 0

# run STATUS MODE [CONSUMER_OPTION]
run() {
	"$consumer" $3 "$shim" "$process" "$2" >"$tmp/out" 2>"$tmp/err"
	is "$2: exit status" "$?" "$1"
	head -n 5 "$tmp/err" | sed 's/^/# /'
}
has() {
	is "$1" "$(grep -c -E "$2" "$tmp/out")" "$3"
}

run 7 exit
has "exit: launches" "^LAUNCH" 3
has "exit: state" "^END state=1" 1
for mode in _exit:7 abort:134 kill:137 exec:0; do
	run "${mode#*:}" "${mode%:*}"
	has "${mode%:*}: launches" "^LAUNCH" 3
done
run 0 fork
has "fork: only the parent's launches" "^LAUNCH" 4
has "fork: counted" "^COUNTER forks=1" 1
has "fork: one process" "^HELLO" 1
run 0 fork-cuda
has "fork, then CUDA: launches of both" "^LAUNCH" 6
has "fork, then CUDA: a process of its own" "^HELLO parent=0" 1
has "fork, then CUDA: names of both" "^DEF_FUNCTION.*kernel3" 2
run 0 spawn
has "spawn: launches" "^LAUNCH" 3
run 0 threads
has "threads: launches" "^LAUNCH" 4000
has "threads: rings of ended threads are used again" "^END .*rings=([2-9]|[12][0-9]|3[0-9]) " 1
has "threads: order" "OUT OF ORDER|CORRUPT" 0
GPUTRAIL_RING_BYTES=64K
export GPUTRAIL_RING_BYTES
run 0 many-threads
# All rings but that of the first thread and, unless it was the last one to come, the library's own.
case $(grep -c ^LAUNCH "$tmp/out") in 254 | 255) true ;; *) false ;; esac
ok "more threads than rings: recorded"
has "more threads than rings: counted" "^COUNTER lost_threads=16" 1
run 0 drop -s
kept=$(grep -c '^LAUNCH' "$tmp/out")
dropped=$(sed -n 's/^END .*dropped=\([0-9]*\) .*/\1/p' "$tmp/out")
is "full ring: kept and dropped add up" "$((kept + dropped))" 20000
test "$kept" -gt 500
ok "full ring: the first are kept ($kept)"
unset GPUTRAIL_RING_BYTES
run 0 errno
run 0 dlclose
has "dlclose: calls before and after" "api=cuInit result=0" 2
FAKECUDA_REUSE=1
export FAKECUDA_REUSE
run 0 reuse
unset FAKECUDA_REUSE
has "handle used again: both named" "^DEF_FUNCTION id=[12] .*name=(first|second)_kernel" 2
is "handle used again: launches of each" \
	"$(sed -n 's/^LAUNCH.* \(function=[0-9]*\) .*/\1/p' "$tmp/out" | uniq -c | tr -s '\n ' ' ')" \
	" 2 function=1 3 function=2 "
run 0 stress
has "stress: launches" "^LAUNCH.* function=[1-9]" 4000
is "stress: kernels" "$(sed -n 's/^DEF_FUNCTION.* name=//p' "$tmp/out" | sort -u | grep -c kernel_)" 400
COUNT_FILE=$tmp/count
export COUNT_FILE
for round in 1 2 3 4 5 6 7 8; do
	"$consumer" "$shim" "$process" until-killed >"$tmp/out"
	returned=$(od -An -tu4 -N4 "$tmp/count" | tr -d ' ')
	recorded=$(grep -c '^LAUNCH' "$tmp/out")
	# The last one may have been recorded without being counted yet.
	test "$returned" -gt 100 && test "$((recorded - returned))" -ge 0 &&
		test "$((recorded - returned))" -le 1
	ok "killed at a random moment $round: $returned returned, $recorded recorded"
done
FAKECUDA_DIE=1 "$consumer" "$shim" "$process" killed-inside >"$tmp/out"
has "killed inside of a call" "^IN PROGRESS api=cuCtxSynchronize" 1

"$consumer" "$shim" "$process" quiet >"$tmp/out"
status=$?
if [ "$status" -eq 77 ]; then
	skip "no system call per event" "no seccomp here"
else
	is "no system call per event: exit status" "$status" 0
	has "no system call per event: launches" "^LAUNCH" 10010
fi

# Without a collector, or with one that does not want us, programs run as ever.
"$consumer" -r "$shim" "$process" exit >"$tmp/out"
is "refused: exit status" "$?" 7
has "refused: nothing recorded" "^LAUNCH" 0
GPUTRAIL_SOCKET=@nobody-here-$$ LD_PRELOAD=$shim "$process" exit
is "nobody there: exit status" "$?" 7
GPUTRAIL_DISABLE=1 "$consumer" "$shim" "$process" exit >"$tmp/out"
is "disabled: exit status" "$?" 7
has "disabled: nothing recorded" "^HELLO" 0
(ulimit -f 1; "$consumer" "$shim" "$process" exit >/dev/null)
is "file size limit: exit status" "$?" 7
(ulimit -n 5; GPUTRAIL_SOCKET=@nobody-here-$$ LD_PRELOAD=$shim "$process" exit)
is "no descriptors: exit status" "$?" 7
done_testing
