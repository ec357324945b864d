#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Stacks that no compiler made have their frames, or end where nothing more can be known.
. "${top_srcdir:?}/tests/lib.sh"
[ -z "$sanitizers" ] || skip_all "LD_PRELOAD and sanitizers do not mix"
program=$top_builddir/tests/callpath-odd-stacks
[ "$(uname -m)" = x86_64 ] || skip_all "native paths are taken on x86-64 only"
"$gputrail" record --sim -o "$tmp/run.db" -- "$program" >"$tmp/out" 2>"$tmp/err"
is "the program runs as without recording" "$?" 0
pid=$(sqlite3 "$tmp/run.db" "SELECT pid FROM process LIMIT 1")
rm -f "/tmp/perf-${pid:?}.map"
"$gputrail" export --folded --metric=calls "$tmp/run.db" | sed 's/ ([^;]*)//g' >"$tmp/folded"
sed 's/^/# /' "$tmp/folded"
grep -q ';main;\(run_jit;\)\?jit_function;leaf_jit\(;allocate_some\)\? 1$' "$tmp/folded"
ok "code written in memory: its name, and its callers by frame pointers"
grep -q '^_start;.*;main;.*raise.*;leaf_signal\(;allocate_some\)\? 1$' "$tmp/folded"
ok "a signal handler on a stack of its own: on to what it interrupted"
grep -q '^assembly_root;leaf_assembly\(;allocate_some\)\? 1$' "$tmp/folded"
ok "assembly without call frame information: the path begins there"
done_testing
