#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Full disk, full /dev/shm: clear words, the program unharmed, what was recorded readable.
. "${top_srcdir:?}/tests/lib.sh"
[ -n "${sanitizers:-}" ] && skip_all "preloading needs a build without sanitizers"
[ -e "$sim_dir/libcuda.so.1" ] || skip_all "the simulated driver is not built"
command -v sqlite3 >/dev/null || skip_all "sqlite3 is not installed"
[ "$(id -u)" -eq 0 ] || skip_all "mounting needs root"
workload=$top_builddir/tests/collector-workload
mkdir "$tmp/small"
mount -t tmpfs -o size=12m none "$tmp/small" 2>/dev/null || skip_all "mounting is not allowed here"
trap 'umount "$tmp/small"; rm -rf "$tmp"' EXIT
cd "$tmp" || exit 99

# No faster than a ring of the recorder can be emptied: what comes at once must fit the disk.
SIMCUDA_SUBMIT_NS=4000 "$gputrail" record --sim=H200 -o small/full.db -- "$workload" launches 250000 2>err
is "disk full: the program's exit code" $? 0
is "said once" "$(grep -c 'cannot write small/full.db any more' err)" 1
grep -q 'full' err; ok "with the reason"
is "the file is sound" "$(sqlite3 small/full.db 'PRAGMA integrity_check')" "ok"
is "and marked" "$(sqlite3 small/full.db "SELECT value FROM meta WHERE key = 'state'")" "truncated"
[ "$(sqlite3 small/full.db 'SELECT count(*) FROM launch')" -gt 1000 ]; ok "what was recorded before is there"
[ "$(sqlite3 small/full.db "SELECT value FROM counter WHERE name = 'rows_lost'")" -gt 1000 ]
ok "what was lost is counted in the file"
grep -q ' [1-9][0-9]* lost' err; ok "and in the closing line"
rm -f small/full.db*
dd if=/dev/zero of=small/fill bs=64k count=191 2>/dev/null
"$gputrail" record --sim=H200 -o small/full.db -- sh -c 'touch ran' 2>err
is "no room for the file: refused before the program runs" $? 1
[ ! -e ran ]; ok "it did not run"
grep -q 'cannot write small/full.db' err; ok "and the file is named"
is "nothing is left of it" "$(ls small)" "fill"
umount "$tmp/small"
trap 'rm -rf "$tmp"' EXIT

# Shared memory is a memfd: a full /dev/shm does not concern it.
if unshare -m sh -c 'mount -t tmpfs -o size=16k none /dev/shm' 2>/dev/null; then
	unshare -m sh -c "mount -t tmpfs -o size=16k none /dev/shm; dd if=/dev/zero of=/dev/shm/fill bs=4k \
		2>/dev/null; '$gputrail' record --sim=H200 -o shm.db -- '$workload' launches 500" 2>err
	is "full /dev/shm: the program's exit code" $? 0
	is "full /dev/shm: all is recorded" "$(sqlite3 shm.db 'SELECT count(*) FROM launch')" 500
else
	skip "full /dev/shm" "no mount namespaces here"
fi
done_testing
