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
# await COMMAND...: until it succeeds; fails after a minute, or more on a slow machine.
await() {
	_tries=1200
	until "$@"; do
		_tries=$((_tries - 1))
		[ "$_tries" -gt 0 ] || return 1
		sleep 0.05
	done
}
# pythons: "KIND PATH" of each different CPython that can be found: the words of GPUTRAIL_PYTHONS if
# that is set, else those of the path, /usr/bin and pyenv. KIND is 3.11, 3.14t and the like.
pythons() {
	_home=$(getent passwd "$(id -u)" | cut -d: -f6)
	_seen=
	for _python in ${GPUTRAIL_PYTHONS:-python3 /usr/bin/python3 python3.9 python3.10 python3.11 python3.12 \
			python3.13 python3.14 python3.13t python3.14t "$_home"/.pyenv/versions/*/bin/python3}; do
		_path=$(command -v "$_python" 2>/dev/null) || continue
		_kind=$("$_path" -c 'import sys, sysconfig; print("%d.%d%s|%d%s" % (sys.version_info[:2] +
			("t" if sysconfig.get_config_var("Py_GIL_DISABLED") else "", sys.version_info[2],
			sys.prefix)))' 2>/dev/null) || continue
		case "$_seen" in *"|$_kind|"*) continue ;; esac
		_seen="$_seen|$_kind|"
		echo "${_kind%%|*} $_path"
	done
}
python_kinds="3.9 3.10 3.11 3.12 3.13 3.13t 3.14 3.14t"	# those whose frames are read
# done_testing: the plan, last line of every test.
done_testing() {
	echo "1..$test_count"
}
