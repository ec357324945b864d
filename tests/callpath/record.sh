#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Recorded Python programs: each launch has the call path that the program says it had.
. "${top_srcdir:?}/tests/lib.sh"
[ -z "$sanitizers" ] || skip_all "LD_PRELOAD and sanitizers do not mix"
python=/usr/bin/python3
"$python" -c 'import sqlite3, ctypes' 2>/dev/null || python=$PYTHON3
"$python" -c 'import sqlite3, ctypes, sys; sys.exit(not (3, 9) <= sys.version_info < (3, 15))' \
	2>/dev/null || skip_all "no Python 3.9 to 3.14 with sqlite3 and ctypes"
pythons >"$tmp/pythons"
for kind in $python_kinds; do
	grep -m 1 "^$kind " "$tmp/pythons" >"$tmp/these" ||
		skip "Python $kind: recorded" "no Python $kind here"
	while read -r _ path; do
		rm -f "$tmp"/truth.*
		"$gputrail" record --force --sim -o "$tmp/run.db" -- "$path" \
			"$top_srcdir/tests/callpath/program.py" "$tmp/truth" 120 </dev/null 2>"$tmp/err"
		is "Python $kind: record succeeds" "$?" 0
		"$python" "$top_srcdir/tests/callpath/compare.py" "$tmp/run.db" "$tmp/truth" \
			"$test_count" >"$tmp/compared"
		cat "$tmp/compared"
		test_count=$((test_count + $(grep -c '^\(not \)\?ok' "$tmp/compared")))
	done <"$tmp/these"
done
for mode in off python native; do
	"$gputrail" record --callpath=$mode --sim -o "$tmp/$mode.db" -- "$python" \
		"$top_srcdir/tests/callpath/program.py" "$tmp/truth" 40 2>"$tmp/err"
	is "$mode: kinds of frames" \
		"$(sqlite3 "$tmp/$mode.db" "SELECT group_concat(kind) FROM (SELECT DISTINCT kind FROM frame ORDER BY 1)")" \
		"$(case $mode in off) ;; python) echo python ;; native) echo interpreter,native ;; esac)"
	is "$mode: the file says so" "$(sqlite3 "$tmp/$mode.db" \
		"SELECT value FROM meta WHERE key = 'callpath'")" $mode
	is "$mode: what is taken has a measured cost" \
		"$(sqlite3 "$tmp/$mode.db" "SELECT group_concat(key) FROM (SELECT key FROM meta
			WHERE key LIKE 'callpath_%_ps' AND value > 0 ORDER BY 1)")" \
		"$(case $mode in off) ;; *) echo callpath_${mode}_ps ;; esac)"
done
"$gputrail" record --callpath=everything --sim -o "$tmp/x.db" -- true 2>"$tmp/err"
is "an unknown mode is refused" "$?" 2
cut=$(GPUTRAIL_DEPTH=9 "$gputrail" record --sim -o "$tmp/cut.db" -- "$python" \
	"$top_srcdir/tests/callpath/program.py" "$tmp/truth" 40 2>"$tmp/err"
	sqlite3 "$tmp/cut.db" "WITH RECURSIVE p(id, depth) AS (SELECT id, 1 FROM path WHERE parent = 0
		UNION ALL SELECT c.id, depth + 1 FROM path c JOIN p ON c.parent = p.id)
		SELECT max(depth) BETWEEN 10 AND 19, (SELECT sum(value) > 0 FROM counter
		WHERE name = 'paths_cut') FROM p")
is "paths are cut at GPUTRAIL_DEPTH, and counted" "$cut" "1|1"
is "each cut path begins with a mark, others do not" "$(sqlite3 "$tmp/cut.db" "SELECT
	(SELECT count(*) FROM frame WHERE kind = 'truncated' AND symbol = '[truncated]'),
	(SELECT count(*) FROM path p JOIN frame f ON f.id = p.frame WHERE f.kind = 'truncated' AND parent > 0)
	"; sqlite3 "$tmp/run.db" "SELECT count(*) FROM frame WHERE kind = 'truncated'")" "1|0
0"
"$gputrail" export --folded "$tmp/cut.db" | grep -q '^\[truncated\];.*;' &&
	"$gputrail" report "$tmp/cut.db" callpaths | grep -q "\[truncated\]"
ok "cut paths are seen in the tree and in flame graphs"
"$gputrail" report --min-percent=0 --offsets "$tmp/cut.db" callpaths >"$tmp/offsets"
wanted=$(sqlite3 "$tmp/cut.db" "SELECT printf('%s+0x%x', symbol, function_offset) FROM frame
	WHERE kind = 'native' AND symbol IS NOT NULL AND id IN (SELECT frame FROM path) LIMIT 1")
grep -qF "$wanted (" "$tmp/offsets"; ok "native frames down to the instruction: $wanted"
done_testing
