#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# gputrail record: one file for the tree, the command's end passed on, clear words when it cannot.
. "${top_srcdir:?}/tests/lib.sh"
[ -n "${sanitizers:-}" ] && skip_all "preloading needs a build without sanitizers"
[ -e "$sim_dir/libcuda.so.1" ] || skip_all "the simulated driver is not built"
command -v sqlite3 >/dev/null || skip_all "sqlite3 is not installed"
workload=$top_builddir/tests/collector-workload
cd "$tmp" || exit 99

ask() { sqlite3 "$1" "$2"; }
record() { "$gputrail" record --sim=H200 "$@" 2>err; }

# --- the truth ---
SIMCUDA_TRUTH=truth record -o truth.db -- "$workload" threads 3 700
is "exit code 0" $? 0
$PYTHON3 "$top_srcdir/tests/collector/truth.py" truth.db truth
ok "every launch, copy, set and allocation once, with the simulator's times"
is "all launches" "$(ask truth.db 'SELECT count(*) FROM launch')" 2100
is "three threads" "$(ask truth.db 'SELECT count(DISTINCT thread) FROM launch')" 3
is "the process exited" "$(ask truth.db 'SELECT state, exit_status FROM process')" "exited|0"
is "nothing lost" "$("$gputrail" report --json truth.db | $PYTHON3 -c 'import json, sys
print(json.load(sys.stdin)["losses"])')" "{}"
is "all calls went the way that the program took into the driver" \
	"$(ask truth.db "SELECT name, value = (SELECT sum(count) FROM sum_api) FROM counter
		WHERE name LIKE 'calls_%'")" "calls_dlsym|1"
"$gputrail" record --sim -q -o linked.db -- "$top_builddir/tests/.libs/shim-linked"
is "that of one that is linked to it, too" "$(ask linked.db "SELECT name, value = (SELECT sum(count)
	FROM sum_api) FROM counter WHERE name LIKE 'calls_%'")" "calls_linked|1"
"$gputrail" record --sim -q -o static.db -- "$top_builddir/tests/shim-runtime-static"
is "that of CUDA's runtime" "$(ask static.db "SELECT name, value = (SELECT sum(count)
	FROM sum_api) FROM counter WHERE name LIKE 'calls_%'")" "calls_getproc|1"
grep -q 'kernels, .*copies and sets, 0 lost -> truth.db' err; ok "the closing line names figures and file"
grep -q 'next: gputrail truth.db' err; ok "and the next command"
record -o "it's a name.db" -- "$workload" launches 1
eval "set -- $(sed -n 's/^next: gputrail //p' err)"
is "in words for a shell" "$*" "it's a name.db"

# --- arguments beyond those of the tables ---
cat >"$tmp/odd \"name\".ptx" <<'END'
.version 7.0
.target sm_70
.address_size 64
.visible .entry work(.param .u64 p)
{
	ret;
}
END
record -o arguments.db -- "$PYTHON3" -c '
import ctypes as c
cuda = c.CDLL("libcuda.so.1")
context, pointer, module = c.c_void_p(), c.c_void_p(), c.c_void_p()
def need(result):
    assert result == 0, result
need(cuda.cuInit(0))
need(cuda.cuDevicePrimaryCtxRetain(c.byref(context), 0))
need(cuda.cuCtxSetCurrent(context))
need(cuda.cuMemHostAlloc(c.byref(pointer), c.c_size_t(4096), 3))
need(cuda.cuMemAllocManaged(c.byref(pointer), c.c_size_t(4096), 1))
need(cuda.cuModuleLoad(c.byref(module), b"odd \"name\".ptx"))
for size in 64, 128:
    need(cuda.cuMemcpyPeer(pointer, context, pointer, context, c.c_size_t(size)))
'
is "arguments: exit code" $? 0
of() {
	ask arguments.db "SELECT group_concat($2, ' ') FROM (SELECT a.json FROM $1 e
		JOIN call_arguments ca USING (start_ns, thread) JOIN arguments a ON a.id = ca.arguments
		JOIN api ON api.id = e.api WHERE api.name GLOB '$3' ORDER BY e.start_ns)"
}
is "flags of host memory" "$(of memory json 'cuMemHostAlloc')" '{"Flags":3}'
is "flags of managed memory" "$(of memory json 'cuMemAllocManaged')" '{"flags":1}'
is "the file of a module" "$(of call "json_extract(json, '\$.fname')" 'cuModuleLoad')" 'odd "name".ptx'
is "both contexts of two peer copies" "$(of copy \
	"json_extract(json, '\$.dstContext') = json_extract(json, '\$.srcContext')" 'cuMemcpyPeer*')" "1 1"
is "which are one list" "$(ask arguments.db \
	"SELECT count(*) FROM arguments WHERE json LIKE '%dstContext%'")" 1

# --- ends are passed on ---
record -o e7.db -- "$workload" exit 7
is "exit code" $? 7
is "in the file" "$(ask e7.db 'SELECT state, exit_status >> 8 FROM process')" "exited|7"
record -o e8.db -- "$workload" _exit 8
is "_exit" $? 8
is "_exit in the file" "$(ask e8.db 'SELECT state, exit_status >> 8 FROM process')" "exited|8"
for signal in 15 9 6; do
	record -o s$signal.db -- "$workload" raise $signal
	is "dies of signal $signal like the command" $? $((128 + signal))
	is "killed by $signal, in the file" \
		"$(ask s$signal.db "SELECT p.state, p.exit_status & 127, m.value FROM process p, meta m WHERE key='state'")" \
		"killed|$signal|complete"
done
record -o none.db -- "$workload" none 3
is "exit code of a command without CUDA" $? 3
grep -q 'did not use CUDA' err; ok "it says that nothing was recorded"
[ ! -e none.db ]; ok "and keeps no file"
record -o nix.db -- ./does-not-exist
is "a command that is not there" $? 127
[ ! -e nix.db ]; ok "leaves no file"
record -o sh.db -- sh -c 'exit 5'
is "a shell" $? 5

# --- the tree ---
record -o tree.db -- sh -c "$workload tree 3 40; $workload launches 10"
is "tree: exit code" $? 0
is "tree: processes" "$(ask tree.db 'SELECT count(*) FROM process')" 4
is "tree: all launches in one file" "$(ask tree.db 'SELECT count(*) FROM launch')" 130
is "tree: one device" "$(ask tree.db 'SELECT count(*) FROM device')" 1
is "tree: GPU times everywhere" "$(ask tree.db 'SELECT count(*) FROM launch WHERE gpu_dur_ns IS NULL')" 0
record -o deep.db -- sh -c "$workload launches 1; sh -c '$workload _exit 4; $workload raise 9'; true"
is "tree: a grandchild that exited" "$(ask deep.db 'SELECT state FROM process WHERE id = 1')" "exited"
if [ "$(ask deep.db 'SELECT count(exit_status) FROM process WHERE id > 1')" -eq 2 ]; then
	is "tree: how grandchildren ended" \
		"$(ask deep.db 'SELECT state, exit_status FROM process WHERE id > 1' | tr '\n' ' ')" "exited|1024 killed|9 "
else
	skip "tree: how grandchildren ended" "the kernel does not tell"
fi
record -o leave.db -- "$workload" leave 30
is "a process left behind is waited for" "$(ask leave.db 'SELECT count(*) FROM launch')" 31
record --wait=primary -o primary.db -- "$workload" leave 30 gate
touch gate
is "--wait=primary ends with the command" "$(ask primary.db 'SELECT count(*) FROM launch')" 1

# --- signals ---
"$gputrail" record --sim=H200 -o term.db -- "$workload" forever count 2>err &
recorder=$!
has_rows() { [ "$(ask "$1" 'SELECT count(*) FROM launch' 2>/dev/null || echo 0)" -gt 0 ]; }
await [ -s term.db ]			# asking would make one
await has_rows term.db; ok "the file can be read while it grows"
is "and says so" "$(ask term.db "SELECT value FROM meta WHERE key = 'state'")" "recording"
kill -TERM $recorder
wait $recorder
is "SIGTERM to record goes to the command" $? 143
is "and the file is complete" "$(ask term.db "SELECT state, exit_status, value FROM process, meta WHERE key = 'state'")" "killed|15|complete"
"$gputrail" record --sim=H200 -o int.db -- sh -c "$workload launches 5; sleep 60 & echo \$! >left; exit 3" 2>err &
recorder=$!
await grep -q 'left behind' err
grep -q 'stops recording' err; ok "it says what it waits for"
kill -INT $recorder
wait $recorder
is "and stops waiting on SIGINT" $? 3
kill "$(cat left)"
is "with a complete file" "$(ask int.db "SELECT count(*), value FROM launch, meta WHERE key = 'state'")" "5|complete"

# --- names ---
record -o 'p-%p-%%.db' -- "$workload" launches 1
is "%p is the command's process id" "$(ls p-*)" "p-$(ask p-*.db 'SELECT pid FROM process')-%.db"
LD_PRELOAD=/does/not/exist.so record -o pre.db -- sh -c 'echo "$LD_PRELOAD"' >out 2>/dev/null
grep -q 'libprofile.so:/does/not/exist.so$' out; ok "an LD_PRELOAD that was there stays, after ours"

# --- refusals ---
record -o truth.db -- "$workload" launches 1
is "an existing file is refused" $? 1
grep -q 'exists' err && grep -q -- '--force' err; ok "with advice"
is "and unharmed" "$(ask truth.db 'SELECT count(*) FROM launch')" 2100
record -f -o truth.db -- "$workload" launches 1
is "--force replaces it" "$(ask truth.db 'SELECT count(*) FROM launch')" 1
record -o /nowhere/x.db -- "$workload" launches 1
is "a folder that is not there" $? 1
grep -q 'cannot write /nowhere/x.db: No such file or directory' err; ok "is named, with the reason"
record -f -o . -- "$workload" launches 1
is "a folder in place of a file" $? 1
grep -q 'not a regular file' err; ok "is told"
record --sim=H999 -o sim.db -- "$workload" launches 1
is "an unknown simulated device: usage" $? 2
grep -q -- '--sim knows A100 .*B200' err && [ ! -e sim.db ]; ok "and the known ones are named"
if [ "$(id -u)" -ne 0 ]; then
	mkdir -m 500 locked
	record -o locked/x.db -- "$workload" launches 1
	is "a folder without permission" $? 1
	grep -q 'locked/x.db: Permission denied' err; ok "is named, with the reason"
else
	skip "a folder without permission" "root may write anywhere"
fi
record
is "no command: usage" $? 2
record --wait=never -- true
is "a wrong option: usage" $? 2
record --ring-bytes=65537 -- true
is "a ring that is no power of two: usage" $? 2
record --ring-bytes=1G -- true
is "a ring in a wrong unit: usage" $? 2
record --ring-bytes=128K -o ring.db -- "$workload" launches 1
is "a ring of 128K" $? 0
if ldconfig -p 2>/dev/null | grep -q libcuda.so.1; then
	skip "no driver" "there is one"
else
	LD_LIBRARY_PATH='' "$gputrail" record -o no.db -- "$workload" launches 1 2>err
	is "no driver: exit code 77" $? 77
	grep -q -- '--sim' err; ok "and the simulated one is offered"
fi
record --host-only -o host.db -- "$workload" launches 100
is "host only: no GPU times, no rows missing" "$(ask host.db 'SELECT count(*), count(gpu_dur_ns) FROM launch')" "100|0"
is "host only: kernels are counted" "$(ask host.db 'SELECT kernels, busy_ns FROM sum_device')" "100|0"
is "the recorder prefers itself, not the command" "$("$gputrail" record --sim -- nice 2>/dev/null)" "$(nice)"
done_testing
