#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# The loader behaves with the shim as without, and other interposers keep their place.
. "${top_srcdir:?}/tests/lib.sh"
here=$top_builddir/tests
fake=$here/shim/fake/.libs
chain=$here/shim/.libs/chain.so
GPUTRAIL_CUPTI=off CHAIN_LIBRARY=$chain GPUTRAIL_SOCKET=@nobody-here-$$
export GPUTRAIL_CUPTI CHAIN_LIBRARY GPUTRAIL_SOCKET

for mode in without errors chain; do
	LD_LIBRARY_PATH=$fake "$here/shim-loader" $mode >"$tmp/bare" 2>&1
	is "$mode: bare exit status" "$?" 0
	LD_LIBRARY_PATH=$fake LD_PRELOAD=$shim "$here/shim-loader" $mode >"$tmp/hooked" 2>&1
	is "$mode: exit status" "$?" 0
	diff -u "$tmp/bare" "$tmp/hooked" | sed 's/^/# /'
	cmp -s "$tmp/bare" "$tmp/hooked"
	ok "$mode: as without the shim"
done

# both NAME PRELOAD: a linked program, another interposer and we see three launches each.
both() {
	LD_LIBRARY_PATH=$fake "$here/shim-consumer" "$2" "$here/.libs/shim-linked" >"$tmp/out" 2>"$tmp/err"
	is "$1: exit status" "$?" 0
	is "$1: ours" "$(grep -c '^LAUNCH' "$tmp/out")" 3
	is "$1: theirs" "$(grep chain "$tmp/err")" "chain saw 3"
}
both "interposer before us" "$chain:$shim"
both "interposer after us" "$shim:$chain"
LD_LIBRARY_PATH=$fake "$here/shim-consumer" "$shim:$chain" "$here/shim-routes" dlsym >"$tmp/out"
is "interposer after us, dlsym: ours" "$(grep -c '^LAUNCH' "$tmp/out")" 3
done_testing
