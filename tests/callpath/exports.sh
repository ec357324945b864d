#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Flame graph files of a recorded Python server, read by a reader that shares no code with ours.
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
"$PYTHON3" "$top_srcdir/tests/callpath/read_exports.py" "$tmp/demo.db" "$tmp/demo.pb" "$tmp/demo.folded"
