#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# SIGKILL of the recorded program at 50 moments, of the recorder, of the whole tree's collector.
. "${top_srcdir:?}/tests/lib.sh"
[ -n "${sanitizers:-}" ] && skip_all "preloading needs a build without sanitizers"
[ -e "$sim_dir/libcuda.so.1" ] || skip_all "the simulated driver is not built"
command -v sqlite3 >/dev/null || skip_all "sqlite3 is not installed"
workload=$top_builddir/tests/collector-workload
cd "$tmp" || exit 99

ask() { sqlite3 "$1" "$2"; }
# Number of launches that had returned, as the workload counts them.
returned() { od -An -td8 "$1" 2>/dev/null | tr -d ' \n'; }
launched() { # FILE NUMBER: the workload has made more than so many launches
	[ -s "$1" ] && [ "$(returned "$1")" -gt "$2" ]
}

# --- the program dies: all that was pushed is there ---
bad=0
i=0
while [ $i -lt 50 ]; do
	i=$((i + 1))
	rm -f count k.db*
	"$gputrail" record --sim=H200 -q -o k.db -- "$workload" forever count 2>err &
	recorder=$!
	await launched count 0 || { bad=$((bad + 1)); kill -9 $recorder; continue; }
	sleep 0.0$((i % 10))$((i * 7 % 10))
	kill -9 "$(pgrep -P $recorder | head -n 1)"
	wait $recorder; rc=$?
	n=$(returned count)
	# A recorder that the machine keeps waiting meets a full ring: that is counted, with the calls that wait
	# for the device, one for 256 launches.
	got=$(ask k.db "WITH n AS (SELECT (SELECT count(*) FROM launch) AS rows,
			(SELECT coalesce(sum(value), 0) FROM counter WHERE name = 'lost_records') AS lost)
		SELECT CASE lost WHEN 0 THEN rows IN ($n, $n + 1) ELSE
			rows + lost BETWEEN $n AND $n + $n / 256 + 30 AND rows < $n END, (SELECT state FROM process),
		(SELECT value FROM meta WHERE key = 'state'), (SELECT count(*) FROM pragma_integrity_check
		WHERE integrity_check <> 'ok') FROM n")
	[ "$rc $got" = "137 1|killed|complete|0" ] && continue
	bad=$((bad + 1))
	echo "# round $i: exit code $rc, $n launches returned, the file says $got, $(ask k.db 'SELECT count(*) FROM launch')"
done
is "killed at 50 moments: every launch that returned is in the file, or counted" $bad 0

# --- the recorder dies: the program runs on, recover finishes the file ---
rm -f count
"$gputrail" record --sim=H200 -o r.db -- "$workload" forever count 2>err &
recorder=$!
await launched count 0; ok "the program runs"
has_rows() { [ "$(ask "$1" 'SELECT count(*) FROM launch' 2>/dev/null || echo 0)" -gt 0 ]; }
await has_rows r.db
program=$(pgrep -P $recorder | head -n 1)
"$gputrail" recover r.db >out 2>&1
is "recover leaves a recording in progress alone" $? 1
for force in record import; do
	case $force in
	record) "$gputrail" record --sim=H200 -f -o r.db -- true 2>err ;;
	import) "$gputrail" import -f -o r.db /dev/null 2>err ;;
	esac
	is "$force --force does not replace it" $? 1
	grep -q "is being recorded by process $recorder" err; ok "$force: it says who records"
done
kill -9 $recorder
wait $recorder 2>/dev/null
await launched count $(($(returned count) + 100)); ok "the program runs on without its recorder"
kill -9 "$program"
[ "$(ask r.db 'SELECT count(*) FROM launch')" -gt 0 ]; ok "the file opens with the rows that were written"
"$gputrail" recover r.db >out
is "recover" $? 0
is "state" "$(ask r.db "SELECT value FROM meta WHERE key = 'state'")" "truncated"
is "summaries equal the rows" \
	"$(ask r.db 'SELECT sum(launches), sum(count), sum(total_ns) FROM sum_kernel')" \
	"$(ask r.db 'SELECT count(*), count(gpu_dur_ns), sum(gpu_dur_ns) FROM launch')"
is "kernels of the device equal the rows" "$(ask r.db 'SELECT kernels FROM sum_device')" \
	"$(ask r.db 'SELECT count(*) FROM launch')"
is "calls equal the rows" \
	"$(ask r.db "SELECT count FROM sum_api s JOIN api a ON a.id = s.api WHERE name = 'cuLaunchKernel'")" \
	"$(ask r.db 'SELECT count(*) FROM launch')"
is "every row is in the zone map" "$(ask r.db "SELECT count(*) FROM launch l WHERE NOT EXISTS (SELECT 1
	FROM chunk WHERE kind = 'launch' AND l.id BETWEEN first_id AND last_id AND l.start_ns >= min_ns
	AND l.start_ns < max_ns)")" 0
grep -q 'recorder was killed' out; ok "it says what it found"
"$gputrail" recover r.db >out
is "recover of a finished file" $? 0
grep -q 'nothing to do' out; ok "has nothing to do"

# --- what a killed recorder left beside its file is not taken for the next one's ---
cp r.db again.db
echo damage >again.db-wal
echo damage >again.db-shm
"$gputrail" record --sim=H200 -q -f -o again.db -- "$workload" launches 500 2>err
is "a file with leftovers is replaced" "$? $(ask again.db 'SELECT count(*) FROM launch')" "0 500"

# --- recovering a healthy file's copy gives the same summaries as recording it ---
"$gputrail" record --sim=H200 -q -o h.db -- "$workload" threads 2 3000
dump='SELECT * FROM sum_kernel; SELECT * FROM sum_copy; SELECT * FROM sum_device;
	SELECT process, device, kind, live_bytes, high_bytes, allocs, frees, failed FROM sum_memory;
	SELECT process, api, count, failed, total_ns, min_ns, max_ns FROM sum_api;
	SELECT level, device, bucket, busy_ns, compute_ns, copy_ns, launches FROM bucket
	WHERE busy_ns OR launches; SELECT * FROM chunk;
	SELECT * FROM sum_path'
ask h.db "$dump" | sort >recorded
ask h.db "UPDATE meta SET value = 'recording' WHERE key = 'state'"
"$gputrail" recover h.db >/dev/null
is "recover" $? 0
ask h.db "$dump" | sort >recovered
diff recorded recovered >diff.out; ok "summaries from the rows are those of the recording"
head -n 5 diff.out | sed 's/^/# /'

"$gputrail" recover "$top_srcdir/README.md" 2>err
is "recover of another file" $? 3
"$gputrail" recover nix.db 2>err
is "recover of no file" $? 3

# --- a recorder that sleeps: the program goes on, and what was lost is told ---
rm -f count
"$gputrail" record --sim=H200 --ring-bytes=65536 --callpath=off -o l.db -- "$workload" forever count 2>err &
recorder=$!
await launched count 0
kill -STOP $recorder
await launched count $(($(returned count) + 5000)); ok "the program does not wait for its recorder"
kill -CONT $recorder
kill -TERM $recorder
wait $recorder
n=$(returned count)
lost=$(ask l.db "SELECT coalesce(sum(value), 0) FROM counter WHERE name = 'lost_records'")
[ "$lost" -gt 0 ]; ok "records were lost"
rows=$(ask l.db "SELECT (SELECT count(*) FROM launch) + (SELECT count(*) FROM call WHERE api IN
	(SELECT id FROM api WHERE name = 'cuStreamSynchronize'))")
made=$((n + n / 256))
[ $((rows + lost)) -ge $((made - 1)) ] && [ $((rows + lost)) -le $((made + 30)) ]
ok "recorded and lost add up to what was called"
echo "# $made calls, $rows rows, $lost lost"
grep -q ' [1-9][0-9]* lost' err; ok "the closing line tells"

# --- LD_PRELOAD alone ---
mkdir pre
(cd pre && LD_LIBRARY_PATH=$sim_dir LD_PRELOAD=$shim SIMCUDA_TRUTH=truth "$workload" tree 2 200 >out 2>&1)
is "LD_PRELOAD alone: exit code" $? 0
is "LD_PRELOAD alone: nothing printed" "$(cat pre/out)" ""
is_complete() {
	file=$(ls pre/gputrail-*.db 2>/dev/null)
	[ -n "$file" ] && [ "$(ask "$file" "SELECT value FROM meta WHERE key = 'state'" 2>/dev/null)" = complete ]
}
await is_complete
is "LD_PRELOAD alone: one file for the tree, complete" "$(ask "$file" 'SELECT count(*) FROM process')" 2
is "LD_PRELOAD alone: the command line" \
	"$(ask "$file" "SELECT value FROM meta WHERE key = 'command_line'")" "$workload tree 2 200"
$PYTHON3 "$top_srcdir/tests/collector/truth.py" "$file" pre/truth; ok "LD_PRELOAD alone: the truth"
LD_LIBRARY_PATH=$sim_dir LD_PRELOAD=$shim GPUTRAIL_OUTPUT=/nowhere/x.db "$workload" launches 10 >out 2>&1
is "LD_PRELOAD alone, nowhere to write: the program is unharmed" $? 0
grep -q "^gputrail: not recording: .*/nowhere/x.db" out; ok "LD_PRELOAD alone, nowhere to write: it says so"
"$gputrail" collect --socket=@gputrail-test-$$ --output=c.db --root=$$ &
collector=$!
await grep -q "@gputrail-test-$$" /proc/net/unix
LD_LIBRARY_PATH=$sim_dir LD_PRELOAD=$shim GPUTRAIL_OUTPUT=/nowhere/x.db "$workload" launches 10 >out 2>&1
is "LD_PRELOAD alone, nowhere to write: the program is unharmed" $? 0
"$gputrail" collect --socket=@gputrail-test-$$ --output=c.db --root=$$
is "a second collector of the same name leaves" $? 0
kill $collector; wait $collector
is "a collector ends on SIGTERM" $? 0
[ ! -e c.db ]; ok "and leaves no file when nothing came"
done_testing
