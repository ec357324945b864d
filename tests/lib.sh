# SPDX-License-Identifier: Apache-2.0
# Helpers of the shell tests: sourced as `. "${top_srcdir:?}/tests/lib.sh"`; prints TAP.
# Every test works in a fresh folder $tmp, removed at the end.
test_count=0
tmp=$(mktemp -d "${TMPDIR:-/tmp}/gputrail-test.XXXXXX") || exit 99
trap 'rm -rf "$tmp"' EXIT
gputrail=$top_builddir/cmd/gputrail
shim=$top_builddir/libprofile/.libs/libprofile.so
sim_dir=$top_builddir/simcuda/.libs
export HOME="$tmp" XDG_CONFIG_HOME="$tmp/config" XDG_CACHE_HOME="$tmp/cache" TERM=xterm-256color

# ok NAME: the last command's exit status decides. `cmd; ok "name"`.
ok() {
	_status=$?
	test_count=$((test_count + 1))
	if [ "$_status" -eq 0 ]; then echo "ok $test_count - $1"; else echo "not ok $test_count - $1"; fi
	return 0
}
# is NAME GOT WANTED
is() {
	test_count=$((test_count + 1))
	if [ "$2" = "$3" ]; then
		echo "ok $test_count - $1"
	else
		echo "not ok $test_count - $1"
		echo "# got    '$2'" | head -n 20
		echo "# wanted '$3'" | head -n 20
	fi
}
# skip NAME REASON
skip() {
	test_count=$((test_count + 1))
	echo "ok $test_count - $1 # SKIP $2"
}
# skip_all REASON: before any test ran.
skip_all() {
	echo "1..0 # SKIP $1"
	exit 0
}
# done_testing: the plan, last line of every test.
done_testing() {
	echo "1..$test_count"
}
