#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# In steady state recording a launch with its native and Python path allocates nothing, makes no
# system call and never takes the GIL: counted at run time, on a driver that does nothing itself.
. "${top_srcdir:?}/tests/lib.sh"
[ -z "$sanitizers" ] || skip_all "LD_PRELOAD and sanitizers do not mix"
dir=$top_builddir/tests
steady=$dir/.libs/callpath_steady.so
pythons >"$tmp/pythons"
for kind in $python_kinds; do
	path=$(sed -n "s/^$kind //p" "$tmp/pythons" | head -n 1)
	[ -n "$path" ] || { skip "Python $kind in steady state" "no Python $kind here"; continue; }
	GPUTRAIL_CUPTI=off LD_LIBRARY_PATH=$dir/shim/fake/.libs LD_PRELOAD=$steady "$gputrail" record \
		--force -o "$tmp/run.db" -- "$path" "$top_srcdir/tests/callpath/rounds.py" "$steady" 300 \
		</dev/null >"$tmp/out" 2>"$tmp/err"
	is "Python $kind: the program runs" "$?" 0
	if grep -q '^uncounted' "$tmp/out"; then
		skip "Python $kind: system calls" "no syscall user dispatch here"
		sed -i 's/ system_calls.*/ system_calls 0/' "$tmp/out"
	else
		grep -q '^first: .*system_calls 1$' "$tmp/out"
		ok "Python $kind: system calls of a thread's first launch are seen"
	fi
	is "Python $kind: nothing in steady state" "$(grep '^steady:' "$tmp/out")" \
		"steady: launches 3600 allocations 0 system_calls 0"
	grep -q '^first: launches 1 allocations [1-9]' "$tmp/out"
	ok "Python $kind: allocations of a thread's first launch are seen"
	if grep -q '^gil:' "$tmp/out"; then
		is "Python $kind: launches while another thread has the GIL; a taker of it" \
			"$(sed -n 's/^gil: //p' "$tmp/out")" "pass control: wait"
	fi
	is "Python $kind: recorded, with native and Python frames" "$(sqlite3 "$tmp/run.db" \
		"WITH RECURSIVE up(id, parent, frame) AS (SELECT id, parent, frame FROM path UNION ALL
		SELECT up.id, path.parent, path.frame FROM up JOIN path ON path.id = up.parent),
		kinds AS (SELECT up.id, kind FROM up JOIN frame ON frame.id = up.frame)
		SELECT sum(path IN (SELECT id FROM kinds WHERE kind = 'native')),
		sum(path IN (SELECT id FROM kinds WHERE kind = 'python')) FROM launch")" \
		"$(sed -n 's/^all: launches \(.*\)/\1|\1/p' "$tmp/out")"
	grep -v '^gputrail\|^next' "$tmp/err" | head -n 5 | sed 's/^/# /'
done
done_testing
