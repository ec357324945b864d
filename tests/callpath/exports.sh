#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Flame graph files of a recorded Python server, read by a reader that shares no code with ours and
# by the tools they are made for, where these are installed.
. "${top_srcdir:?}/tests/lib.sh"
[ -z "$sanitizers" ] || skip_all "LD_PRELOAD and sanitizers do not mix"
"${PYTHON3:-python3}" -c 'import sqlite3, ctypes' 2>/dev/null || skip_all "no Python 3 with sqlite3"
"$gputrail" demo --python --steps=20 -q -o "$tmp/demo.db" >"$tmp/out" 2>&1 &&
	"$gputrail" export --pprof "$tmp/demo.db" -o "$tmp/demo.pb" >"$tmp/out" 2>&1 &&
	"$gputrail" export --folded "$tmp/demo.db" -o "$tmp/demo.folded" >>"$tmp/out" 2>&1 || {
	cat "$tmp/out"
	echo "Bail out! nothing to compare"
	exit 99
}
"$PYTHON3" "$top_srcdir/tests/callpath/read_exports.py" "$tmp/demo.db" "$tmp/demo.pb" "$tmp/demo.folded" |
	sed '/^1\.\.[0-9]*$/d' >"$tmp/read"
cat "$tmp/read"
test_count=$(grep -c '^\(not \)\?ok' "$tmp/read")
[ "$test_count" -gt 5 ]
ok "all of that was compared"

total=$(sqlite3 "$tmp/demo.db" "SELECT sum(gpu_ns) FROM sum_path WHERE path > 0")
for flamegraph in flamegraph.pl /usr/share/perl5/Devel/NYTProf/flamegraph.pl; do
	flamegraph=$(command -v "$flamegraph") && break
done
if [ -n "$flamegraph" ]; then
	perl "$flamegraph" --minwidth=0 "$tmp/demo.folded" >"$tmp/demo.svg" 2>"$tmp/err"
	is "flamegraph.pl takes every line" "$? $(cat "$tmp/err")" "0 "
	is "flamegraph.pl draws all of the GPU time" \
		"$(sed -n 's/.*<title>all (\([0-9,]*\) samples, 100%.*/\1/p' "$tmp/demo.svg" | tr -d ,)" "$total"
	# Python tells the class of a method from 3.11 on.
	for function in serve '(DecoderLayer\.)?forward' '(Kernel\.)?launch'; do
		grep -Eq "<title>$function \\(" "$tmp/demo.svg"
		ok "flamegraph.pl draws $function"
	done
else
	skip "flamegraph.pl" "not installed (libdevel-nytprof-perl)"
fi
if command -v go >/dev/null; then
	HOME=$tmp go tool pprof -top -unit=ns -sample_index=gpu_time "$tmp/demo.pb" >"$tmp/top" 2>"$tmp/err"
	is "go tool pprof has all of the GPU time" \
		"$(sed -n 's/.*% of \([0-9]*\)ns total.*/\1/p' "$tmp/top")" "$total"
	grep -Eq ' (DecoderLayer\.)?forward' "$tmp/top"
	ok "go tool pprof lists functions"
else
	skip "go tool pprof" "not installed (golang-go)"
fi
done_testing
