#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# An interpreter inside of a C program: loaded late, privately or not, finalized and started again;
# and one whose version nobody knows.
. "${top_srcdir:?}/tests/lib.sh"
[ -z "$sanitizers" ] || skip_all "LD_PRELOAD and sanitizers do not mix"
dir=$top_builddir/tests
"$gputrail" record --sim -o "$tmp/unknown.db" -- "$dir/callpath-unknown-python" 2>"$tmp/err"
is "an unknown version: the program runs" "$?" 0
is "its launches are there, without Python frames, and the file says so" "$(sqlite3 "$tmp/unknown.db" \
	"SELECT (SELECT count(*) FROM launch WHERE path > 0), (SELECT count(*) FROM frame WHERE kind = 'python'),
	(SELECT value FROM meta WHERE key = 'python_version'),
	(SELECT value FROM counter WHERE name = 'python_unread')")" "3|0|3.15.2|1"
"$gputrail" report "$tmp/unknown.db" 2>&1 | grep -q 'python_unread'
ok "the report says so"
pythons >"$tmp/pythons"
: >"$tmp/libraries"
while read -r kind path; do
	library=$("$path" -c 'import os, sysconfig
print(os.path.realpath(os.path.join(*sysconfig.get_config_vars("LIBDIR", "INSTSONAME"))))' </dev/null)
	case "$library" in
	*/libpython3.*.so*) [ ! -f "$library" ] || echo "$kind $path $library" >>"$tmp/libraries" ;;
	esac
done <"$tmp/pythons"
scopes="local global"
for kind in $python_kinds; do
	grep -m 1 "^$kind " "$tmp/libraries" >"$tmp/these" || skip "Python $kind embedded" "no libpython$kind.so here"
	while read -r _ path library; do
		for scope in $scopes; do
			rm -f "$tmp"/truth.*
			"$gputrail" record --force --sim -o "$tmp/run.db" -- "$dir/callpath-embed" "$library" \
				$scope "$top_srcdir/tests/callpath/embedded.py" "$tmp/truth" </dev/null 2>"$tmp/err"
			is "Python $kind embedded, $scope: the program runs" "$?" 0
			"$PYTHON3" "$top_srcdir/tests/callpath/compare.py" "$tmp/run.db" "$tmp/truth" \
				"$test_count" >"$tmp/compared"
			cat "$tmp/compared"
			test_count=$((test_count + $(grep -c '^\(not \)\?ok' "$tmp/compared")))
		done
		scopes=local
	done <"$tmp/these"
done
done_testing
