#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Call paths taken by the shim equal the truth: libunwind's full walk for native frames,
# traceback.extract_stack() for Python's, for each interpreter that is found or in GPUTRAIL_PYTHONS.
# GPUTRAIL_LONG_TESTS=1 takes the numbers of probes that a release is measured with.
. "${top_srcdir:?}/tests/lib.sh"
[ -z "$sanitizers" ] || skip_all "another stack layout under sanitizers"
dir=$top_builddir/tests
native=3000 python=1000
[ -z "$GPUTRAIL_LONG_TESTS" ] || { native=100000 python=10000; }
export PLUGIN_A="$dir/.libs/unwind_plugin_a.so" PLUGIN_B="$dir/.libs/unwind_plugin_b.so"

if [ -x "$dir/unwind-truth" ]; then
	"$dir/unwind-truth" $native >"$tmp/out"
	ok "native paths equal libunwind's: $(cat "$tmp/out")"
	# A wrong memo may lead it astray: that it comes to an end is not said.
	timeout 120 "$dir/unwind-truth-unverified" 3000 >"$tmp/out"
	status=$?
	[ $status -ne 0 ] && [ $status -ne 124 ]
	ok "negative control: without verification they differ: $(cat "$tmp/out")"
else
	skip "native paths equal libunwind's" "needs libunwind-dev"
fi
pythons >"$tmp/pythons"
for kind in $python_kinds; do
	grep "^$kind " "$tmp/pythons" >"$tmp/these" ||
		skip "Python $kind paths equal traceback's" "no Python $kind here"
	while read -r _ path; do
		"$path" "$top_srcdir/tests/callpath/pyframes.py" "$dir/.libs/pyprobe.so" $python \
			</dev/null >"$tmp/out" 2>"$tmp/err"
		ok "Python paths equal traceback's: $kind, $(cat "$tmp/out")"
		head -n 5 "$tmp/err"
	done <"$tmp/these"
done
done_testing
