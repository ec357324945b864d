#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# The simulated CUPTI against the simulator's own record of what happened: every operation once,
# with its times, in the layouts of every release; and each of the faults it can play.
. "${top_srcdir:?}/tests/lib.sh"
client=$top_builddir/tests/sim/cupti_client
LD_LIBRARY_PATH=$sim_dir${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}
export LD_LIBRARY_PATH
tab=$(printf '\t')

# run NAME [ENVIRONMENT...] -- OPTIONS: output in $tmp/NAME.out, truth in $tmp/NAME.truth, $rc.
run() {
	name=$1
	shift
	settings=
	while [ "$1" != -- ]; do
		settings="$settings $1"
		shift
	done
	shift
	# shellcheck disable=SC2086
	env SIMCUDA_TRUTH="$tmp/$name.truth" $settings timeout 10 "$client" "$@" \
		>"$tmp/$name.out" 2>"$tmp/$name.err"
	rc=$?
}
# fact NAME KEY: what the client said under KEY.
fact() {
	sed -n "s/^$2$tab//p" "$tmp/$1.out"
}
# count NAME KIND [CONDITION]
count() {
	awk -F "$tab" -v kind="$2" '$1 == kind && ('"${3:-1}"') { n++ } END { print n + 0 }' "$tmp/$1.out"
}
# true_work NAME: the device work of the truth file, in the client's columns.
true_work() {
	awk -F "$tab" -v OFS="$tab" '
	{ common = $3 OFS $7 OFS $8 OFS $9 OFS $10 OFS $11 OFS $21 OFS $22 }
	$1 == "kernel" { print "kernel", common, $12, $13, $14, $16 }
	$1 == "copy" { print ($18 == "PtoP" ? "memcpy2" : "memcpy"), common, $17, $18, $19, $20 }
	$1 == "set" { print "memset", common, $17 }
	$1 == "sync" { print "sync", $3, $7, $8, $10, $11, $12 }' "$tmp/$1.truth" | sort
}
# told_work NAME: the same from the client, less the columns that the truth file does not have.
told_work() {
	awk -F "$tab" -v OFS="$tab" '
	$1 == "kernel" || $1 == "memcpy" || $1 == "memcpy2" || $1 == "memset" { NF--; print }
	$1 == "sync" { print }' "$tmp/$1.out" | sort
}
# same_work NAME TITLE
same_work() {
	true_work "$1" >"$tmp/wanted"
	told_work "$1" >"$tmp/got"
	[ "$rc" -eq 0 ] && [ -s "$tmp/wanted" ] && cmp "$tmp/wanted" "$tmp/got" >&2
	ok "$2"
	diff "$tmp/wanted" "$tmp/got" | head -n 10 | sed 's/^/# /'
	sed 's/^/# /' "$tmp/$1.err"
}

work=10,1,2,22,38
for release in 11.8=18 12.0=18 12.4=22 12.6=24 12.8=26 12.9=28 13.0=130001 13.1=130100 13.2=130200 13.3=130301 13.4=130401 13.5=130500; do
	run release SIMCUDA_DEVICES=2 SIMCUPTI_RELEASE="${release%=*}" -- -c -k $work
	same_work release "release ${release%=*}: all device work is told as it was"
	is "release ${release%=*}: its version" "$(fact release version)" "${release#*=}"
	rm -f "$tmp/release.truth"
done
run priority SIMCUPTI_RELEASE=13.1 -- -k 10
is "the priority of a kernel comes with 13.1" "$(count priority kernel '$14 == 4294967295')" 10
run nopriority SIMCUPTI_RELEASE=13.0 -- -k 10
is "and is not there in 13.0" "$(count nopriority kernel '$14 == 4294967295')" 0

run flushed -- -c -k $work -f
same_work flushed "flushing all the time loses and doubles nothing"
run small -- -k 4,$work -b 1024 -n 3 -w
same_work small "small buffers lose nothing"
is "each buffer asked for comes back" "$(fact small requested)" \
	"$(fact small completed | awk '{ print $1 + $2 "\t0" }')"
is "no buffer holds more than it may" "$(count small buffer '$2 > 3 * 216')" 0
[ "$(fact small requested | cut -f1)" -gt 0 ]; ok "buffers are asked for on the application's thread"
[ "$(fact small completed | cut -f2)" -gt 0 ]; ok "full buffers are handed back by the worker"
run monotonic -- -c -k $work -m
same_work monotonic "a clock of the client's is used for device work"
is "MONOTONIC is recognised as the simulator's clock" "$(fact monotonic offset)" 0
run offset SIMCUPTI_CLOCK_OFFSET_NS=1000 -- -c -k $work
same_work offset "a fixed clock offset"
is "is what was asked for" "$(fact offset offset)" 1000

run graphs -- -c -k 10,1,2,51
is "graph tracing hides the work inside graphs" \
	"$(awk -F "$tab" '$1 ~ /kernel|memcpy|memset/ && $8 != 0' "$tmp/graphs.out" | wc -l)" 0
is "and tells of each launch instead" \
	"$(awk -F "$tab" '$1 == "graph" { print $2, $3, $4, $7, $8 }' "$tmp/graphs.out" | sort)" \
	"$(awk -F "$tab" '$1 == "graph" { print $3, $7, $8, $11, $21 }' "$tmp/graphs.truth" | sort)"
is "work outside graphs stays" "$(count graphs kernel)" 21

run calls -- -k 10,4 -c
is "every call is told by record and by callback" "$(count calls api)" "$(count calls exit)"
is "enters and exits balance" "$(fact calls callbacks | cut -f1)" "$(fact calls callbacks | cut -f2)"
is "correlationData goes from enter to exit" "$(count calls lost-data)" 0
is "kernels carry the id of the call that launched them" "$(awk -F "$tab" '
	$1 == "exit" { call[$5] = $4 }
	$1 == "kernel" { id[++n] = $2 }
	END { for (i = 1; i <= n; i++) seen[call[id[i]]]++
	      print seen["cuLaunchKernel"], seen["cuGraphLaunch"] }' "$tmp/calls.out")" "21 6"
is "calls have the thread's kernel id and end after they start" \
	"$(count calls api '$7 != $8 || $3 >= $4 || $5 != 4')" 0
run ids -- -k 10 -c -i
is "context, device and stream are those of the records" "$(fact ids ids)" \
	"$(awk -F "$tab" -v OFS="$tab" '$1 == "kernel" && $12 == "scale" && $13 == "2,1,1" {
		print $10, $9, $11, 1 }' "$tmp/ids.truth")"
is "and asking for them is no call of the program's" \
	"$(count ids exit '$4 ~ /GetId|GetDevice_v2/')" 0
run forked -- -k 10 -F
is "in a forked child the flush hangs" "$rc,$(fact forked child)" "0,hangs"
run uncorrelated -- -k 10
is "without any watch on calls there are no ids" "$(count uncorrelated kernel '$2 == 0')" 27
run oneapi -- -k 10 -a 307
is "one function's calls alone" "$(count oneapi api '$6 == 307'),$(count oneapi api)" "23,23"
run oneapi SIMCUPTI_RELEASE=12.4 -- -k 10 -a 307
is "which 12.4 cannot do" "$(fact oneapi error)" "cuptiActivityEnableDriverApi${tab}27"

run external -- -k 4,39 -e
is "calls carry the external id" \
	"$(count external external '$3 == 5 && $4 == "123456789abc"')" "$(count external api)"
is "which comes back when popped" "$(fact external popped)" 123456789abc
run external -- -k 39 -a 307 -e
is "from 12.8 only calls that are traced have one" "$(count external external)" 23
run external SIMCUPTI_RELEASE=12.6 -- -k 39 -a 307 -e
[ "$(count external external)" -gt 40 ]; ok "before 12.8 all calls have one"

run memory -- -c -k 49
is "allocations and releases" \
	"$(awk -F "$tab" '$1 == "memory" { print $3, $2, $4, $5, $6, $7 }' "$tmp/memory.out")" \
	"$(awk -F "$tab" '$1 == "alloc" || $1 == "free" { print $1, $3, $7, $10, $17, $26 }' \
		"$tmp/memory.truth")"
is "say what memory it is" "$(awk -F "$tab" '$1 == "memory" && $3 == "alloc" { print $8, $9 }' \
	"$tmp/memory.out" | tr '\n' ';')" "device 0;device 1;pinned 0;"

run second -- -s
is "a second subscriber is refused" "$(fact second second)" 39
is "and is told the first one's name" "$(fact second second-v2)" "39${tab}first"
run refused SIMCUPTI_REFUSE=39 -- -k 10
is "SIMCUPTI_REFUSE" "$(fact refused subscribe)" 39
run newer SIMCUPTI_NEWER_THAN_DRIVER=1 -- -k 10
is "SIMCUPTI_NEWER_THAN_DRIVER" "$(fact newer subscribe)" 15

run drop SIMCUPTI_DROP=5 -- -c -k $work
total=$(true_work drop | wc -l)
is "SIMCUPTI_DROP loses every fifth record and counts it" \
	"$(told_work drop | wc -l),$(fact drop dropped)" "$((total - total / 5)),$((total / 5))"
run unordered SIMCUPTI_UNORDERED=1 -- -c -k $work -b 2048
same_work unordered "SIMCUPTI_UNORDERED loses nothing"
awk -F "$tab" '$1 == "kernel" { if ($3 < last) n++; last = $3 } END { exit n < 5 }' \
	"$tmp/unordered.out"
ok "but the order"
run zero SIMCUPTI_ZERO_TIMES=4 -- -k 10
is "SIMCUPTI_ZERO_TIMES" "$(count zero kernel '$3 == 0 && $4 == 0'),$(count zero kernel)" 6,27
run reversed SIMCUPTI_REVERSED_TIMES=3 -- -k 10
is "SIMCUPTI_REVERSED_TIMES" "$(count reversed kernel '$4 < $3')" 9
run null -- -c -k $work -N
is "no buffer: everything is dropped, counted, and the program lives" \
	"$rc,$(fact null dropped)" "0,$(true_work null | wc -l)"
run null SIMCUPTI_RELEASE=12.4 -- -c -k $work -N
[ "$rc" -ne 0 ] && grep -q 'returned no buffer' "$tmp/null.err"; ok "before 12.9 that is fatal"

SIMCUPTI_HANG_FLUSH=1 "$client" -k 10 -q >"$tmp/hang.out" 2>&1 &
hanging=$!
await grep -q flushing "$tmp/hang.out"
sleep 0.3
kill -9 "$hanging" 2>/dev/null
is "SIMCUPTI_HANG_FLUSH: the forced flush never comes back" "$?,$(tail -n 1 "$tmp/hang.out")" 0,flushing
wait "$hanging" 2>/dev/null
done_testing
