#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# A stripped program's frames get their names later, from files that lie elsewhere.
. "${top_srcdir:?}/tests/lib.sh"
[ -z "$sanitizers" ] || skip_all "LD_PRELOAD and sanitizers do not mix"
for tool in objcopy strip readelf; do
	command -v $tool >/dev/null || skip_all "needs $tool"
done
workload=$top_builddir/tests/collector-workload
id=$(readelf -n "$workload" | sed -n 's/.*Build ID: //p')
[ -n "$id" ] || skip_all "the linker writes no build ids"
ask() { sqlite3 "$1" "$2"; }
main="SELECT count(*) FROM frame f JOIN module m ON m.id = f.module
	WHERE m.path LIKE '%/prog' AND f.symbol = 'main'"
unnamed="SELECT count(*) FROM frame f JOIN module m ON m.id = f.module
	WHERE m.path LIKE '%/prog' AND f.symbol IS NULL"
lined="SELECT count(*) > 0 FROM frame f JOIN module m ON m.id = f.module
	WHERE m.path LIKE '%/prog' AND f.file LIKE '%workload.c' AND f.line > 0"

mkdir -p "$tmp/run" "$tmp/with-mini" "$tmp/names" "$tmp/tree$tmp/run" "$tmp/ids/.build-id/$(echo "$id" | cut -c1-2)"
strip -o "$tmp/run/prog" "$workload"
objcopy --only-keep-debug "$workload" "$tmp/debug"
cp "$workload" "$tmp/names/prog"
cp "$workload" "$tmp/tree$tmp/run/prog"
cp "$tmp/debug" "$tmp/ids/.build-id/$(echo "$id" | cut -c1-2)/$(echo "$id" | cut -c3-).debug"
"$gputrail" record --sim -o "$tmp/run.db" -- "$tmp/run/prog" launches 3 >"$tmp/out" 2>"$tmp/err"
ok "record a stripped program"
is "its main has no name" "$(ask "$tmp/run.db" "$main")" 0
if ldd "$gputrail" | grep -q liblzma && command -v xz >/dev/null; then
	objcopy -g "$tmp/debug" "$tmp/mini" && xz "$tmp/mini"
	objcopy --add-section .gnu_debugdata="$tmp/mini.xz" "$tmp/run/prog" "$tmp/with-mini/prog"
	"$gputrail" record --sim -o "$tmp/mini.db" -- "$tmp/with-mini/prog" launches 3 >"$tmp/out" 2>"$tmp/err"
	is "one with .gnu_debugdata has names" "$(ask "$tmp/mini.db" "SELECT ($main) > 0; $unnamed")" "1
0"
else
	skip "one with .gnu_debugdata has names" "no liblzma or xz"
fi
rm -r "$tmp/run"
for how in names tree ids; do
	cp "$tmp/run.db" "$tmp/$how.db"
	before=$(ask "$tmp/$how.db" "$unnamed")
	"$gputrail" symbolise "$tmp/$how.db" --path="$tmp/$how" >"$tmp/out" 2>"$tmp/err"
	is "$how: succeeds" "$?" 0
	[ "$before" -gt 0 ] && [ "$(ask "$tmp/$how.db" "$main")" -ge 1 ]
	ok "$how: main is named now"
	is "$how: nothing of the program is left without a name" "$(ask "$tmp/$how.db" "$unnamed")" 0
	if objdump -h "$workload" | grep -q debug_line && ldd "$gputrail" | grep -q libdw; then
		is "$how: with lines" "$(ask "$tmp/$how.db" "$lined")" 1
	else
		skip "$how: with lines" "no elfutils or no debug information"
	fi
done
"$gputrail" symbolise "$tmp/names.db" --path="$tmp/names" >"$tmp/out" 2>"$tmp/err"
grep -q "named 0 of" "$tmp/out"
ok "again: nothing is left to be named"

cp "$tmp/run.db" "$tmp/none.db"
"$gputrail" symbolise "$tmp/none.db" >"$tmp/out" 2>"$tmp/err"
is "without the file: succeeds" "$?" 0
grep -q "not found .*/run/prog (build id $id)" "$tmp/out" && grep -q "are not here" "$tmp/err"
ok "without the file: the module and its build id are told"
cp "$top_builddir/tests/.libs/unwind_plugin_a.so" "$tmp/names/prog"
"$gputrail" symbolise "$tmp/none.db" --path="$tmp/names" >"$tmp/out" 2>"$tmp/err"
is "a file of another build is not used" "$(ask "$tmp/none.db" "$unnamed")" "$(ask "$tmp/run.db" "$unnamed")"
echo text >"$tmp/text"
"$gputrail" symbolise "$tmp/text" 2>"$tmp/err"
is "not a recording: exit 3" "$?" 3
"$gputrail" symbolise "$tmp/nothing" 2>"$tmp/err"
is "no such file: exit 3" "$?" 3
ask "$tmp/run.db" "UPDATE meta SET value = 'recording' WHERE key = 'state'"
"$gputrail" symbolise "$tmp/run.db" 2>"$tmp/err"
is "while it is recorded: exit 1" "$?" 1
done_testing
