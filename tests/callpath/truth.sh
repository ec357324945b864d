#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Call paths taken by the shim equal the truth: libunwind's full walk for native frames,
# traceback.extract_stack() for Python's, for each interpreter that is installed here.
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
	! "$dir/unwind-truth-unverified" 3000 >"$tmp/out"
	ok "negative control: without verification they differ: $(cat "$tmp/out")"
else
	skip "native paths equal libunwind's" "needs libunwind-dev"
fi
seen=
for interpreter in python3 /usr/bin/python3 python3.9 python3.10 python3.11 python3.12 python3.13 python3.14 \
	"$(getent passwd "$(id -u)" | cut -d: -f6)"/.pyenv/versions/*/bin/python3; do
	path=$(command -v "$interpreter" 2>/dev/null) || continue
	version=$("$path" -c 'import sys; print("%d.%d.%d %s" % (sys.version_info[:3] + (sys.prefix,)))' \
		2>/dev/null) || continue
	case "$seen" in *"|$version|"*) continue ;; esac
	case "$version" in 3.9.* | 3.1[0-4].*) ;; *) continue ;; esac
	seen="$seen|$version|"
	"$path" "$top_srcdir/tests/callpath/pyframes.py" "$dir/.libs/pyprobe.so" $python >"$tmp/out" 2>"$tmp/err"
	ok "Python paths equal traceback's: $(cat "$tmp/out")"
	head -n 5 "$tmp/err"
done
[ -n "$seen" ] || skip "Python paths equal traceback's" "no Python 3.9 to 3.14 here"
done_testing
