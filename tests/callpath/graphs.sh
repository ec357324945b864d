#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Work inside of CUDA graphs has the path of the call that captured or added it, through clones,
# updates, child graphs and other threads; its time is also kept at the path of the replay.
. "${top_srcdir:?}/tests/lib.sh"
[ -z "$sanitizers" ] || skip_all "LD_PRELOAD and sanitizers do not mix"
command -v sqlite3 >/dev/null || skip_all "sqlite3 is not installed"
program=$top_builddir/tests/callpath-graphs

ask() { sqlite3 "$tmp/$1.db" "$2"; }
record() {
	_name=$1
	shift
	"$gputrail" record --sim -o "$tmp/$_name.db" "$@" >"$tmp/out" 2>"$tmp/err"
	is "$_name: exit status" "$?" 0
	head -n 5 "$tmp/err" | sed 's/^/# /'
}
# Innermost function of the path of each kernel inside graphs, by its number.
functions() {
	ask "$1" "SELECT DISTINCT h.grid_x, f.symbol FROM node n JOIN shape h ON h.id = n.shape
		LEFT JOIN path p ON p.id = n.path LEFT JOIN frame f ON f.id = p.frame ORDER BY 1, 2" |
		tr '|' ' '
}
replays() {
	ask "$1" "SELECT DISTINCT f.symbol FROM graph_launch g JOIN path p ON p.id = g.path
		JOIN frame f ON f.id = p.frame"
}
# GPU time of all rows, and of those in graphs, as sum_path has it.
adds_up() {
	is "$1: GPU time of paths is that of all work" \
		"$(ask "$1" "SELECT sum(gpu_ns), sum(launches) FROM sum_path")" \
		"$(ask "$1" "SELECT (SELECT sum(gpu_dur_ns) FROM launch) + (SELECT sum(gpu_dur_ns)
			FROM node) + (SELECT coalesce(sum(gpu_dur_ns), 0) FROM copy),
			(SELECT count(*) FROM launch) + (SELECT count(*) FROM node)")"
	is "$1: replayed time is that of work in graphs" \
		"$(ask "$1" "SELECT sum(replay_gpu_ns) FROM sum_path")" \
		"$(ask "$1" "SELECT (SELECT sum(gpu_dur_ns) FROM node) + (SELECT
			coalesce(sum(gpu_dur_ns), 0) FROM copy WHERE graph_launch IS NOT NULL)")"
}

record every -- "$program"
is "every kernel has the function that captured it" "$(functions every)" "$(cat "$tmp/out")"
is "all kernels are there" "$(ask every "SELECT count(*) FROM node")" 19
is "graphs are launched elsewhere" "$(replays every)" replay
is "copies and sets, too" "$(ask every "SELECT c.kind & 255, f.symbol FROM copy c
	JOIN path p ON p.id = c.path JOIN frame f ON f.id = p.frame
	WHERE c.graph_launch IS NOT NULL ORDER BY 1")" "8|move
64|move"
is "the callers are there" "$(ask every "WITH RECURSIVE up(id, frame, depth) AS (
	SELECT p.parent, p.frame, 0 FROM path p WHERE p.id = (SELECT path FROM node LIMIT 1)
	UNION ALL SELECT p.parent, p.frame, depth + 1 FROM up JOIN path p ON p.id = up.id)
	SELECT group_concat(symbol, ' ') FROM (SELECT f.symbol FROM up JOIN frame f ON f.id = up.frame
	ORDER BY depth LIMIT 4)")" "embed capture every_way main"
is "nothing is lost" "$(ask every "SELECT sum(value) FROM counter WHERE name LIKE 'lost%'
	OR name LIKE 'graph_nodes%'")" ""
adds_up every
is "time at the launch of graphs only" "$(ask every "SELECT DISTINCT f.symbol FROM sum_path s
	JOIN path p ON p.id = s.path JOIN frame f ON f.id = p.frame WHERE s.replay_gpu_ns > 0")" replay
"$gputrail" report --metric=replay --order=flat "$tmp/every.db" callpaths >"$tmp/report"
grep -q "100.0 .* replay " "$tmp/report"; ok "the report shows the replaying side"
"$gputrail" report --order=flat "$tmp/every.db" callpaths | grep -q " embed "
ok "the report shows the capturing side"
is "graphs know what made them and how long that took" \
	"$(ask every "SELECT count(*) FROM graph g JOIN call c ON c.object = g.handle AND
		c.start_ns = g.created_ns AND c.dur_ns = g.instantiate_ns AND c.path = g.path
		JOIN api a ON a.id = c.api WHERE a.name GLOB 'cuGraphInstantiate*' AND g.path <> 0")" 8
is "and their updates" "$(ask every "SELECT sum(updates), sum(update_ns) = (SELECT sum(dur_ns)
	FROM call c JOIN api a ON a.id = c.api WHERE a.name GLOB 'cuGraphExecUpdate*'
	AND c.result = 0) FROM graph")" "1|1"
# Of the graph that was updated between two launches: what replaced a kernel is there, too.
is "an update adds what became different" "$(ask every "SELECT count(*) FROM graph_node n
	JOIN graph g ON g.id = n.graph WHERE g.updates")" 4
"$gputrail" report --width=200 "$tmp/every.db" graphs nodes >"$tmp/report"
grep -q " 2  *[0-9.]* us  *2 .* 1  .* instantiate (.* < " "$tmp/report"; ok "report graphs"
grep -Eq " 1 .* probe_kernel .* normalise_anew \(.* < " "$tmp/report"
ok "report nodes"

# recover counts the same from the rows.
ask every "SELECT * FROM sum_path ORDER BY 1" >"$tmp/before"
cp "$tmp/every.db" "$tmp/again.db"
ask again "UPDATE meta SET value = 'recording' WHERE key = 'state';
	UPDATE meta SET value = 'another' WHERE key = 'boot_id'"
"$gputrail" recover "$tmp/again.db" >/dev/null 2>&1
is "recover" "$?" 0
ask again "SELECT * FROM sum_path WHERE launches + gpu_ns + calls + replay_gpu_ns > 0 ORDER BY 1" \
	>"$tmp/after"
is "recover makes the same sums" "$(cat "$tmp/after")" "$(cat "$tmp/before")"

# Older libraries do not tell of updates: the node keeps the path it was captured with.
SIMCUPTI_RELEASE=12.4
export SIMCUPTI_RELEASE
record older -- "$program"
unset SIMCUPTI_RELEASE
is "12.4: all but updates" "$(functions older)" \
	"$(sed 's/14 normalise_anew/14 normalise/' "$tmp/out")"

# --- without the callbacks: the path of the replay ---
for how in SIMCUPTI_NO_RESOURCES=1 GPUTRAIL_CALLPATH=off; do
	name=${how%%=*}
	record "$name" -- env "$how" "$program"
	is "$name: kernels are there, without a capture" \
		"$(ask "$name" "SELECT count(*), count(path) FROM node")" "19|0"
	adds_up "$name"
done
is "their time is the replay's" "$(ask SIMCUPTI_NO_RESOURCES "SELECT DISTINCT f.symbol
	FROM sum_path s JOIN path p ON p.id = s.path JOIN frame f ON f.id = p.frame
	WHERE s.replay_gpu_ns > 0 AND s.gpu_ns = s.replay_gpu_ns")" replay
record refused -- env SIMCUPTI_REFUSE=39 GPUTRAIL_EVENTS=off "$program"
is "CUPTI refused: graph launches are there, without times" \
	"$(ask refused "SELECT count(*), count(gpu_dur_ns) FROM graph_launch")" "9|0"

record churn -- "$program" churn 300
is "graphs made anew: all kernels have their function" "$(functions churn)" "11 embed
12 attention"
is "graphs made anew: all are there" "$(ask churn "SELECT count(*) FROM node")" 600

# --- a server in Python: the model's code, not the loop that replays ---
# Innermost Python function of the model above each kernel inside graphs: all lie in a capture.
if python3 -c 'import ctypes, sys; sys.exit(not (3, 9) <= sys.version_info < (3, 14))' 2>/dev/null
then
	"$gputrail" demo --python --steps 20 -q -o "$tmp/demo.db" 2>"$tmp/err"
	is "demo: exit status" "$?" 0
	is "demo: all kernels of graphs are below the capture" "$(ask demo "
		WITH RECURSIVE above(path, id) AS (SELECT DISTINCT path, path FROM node
		UNION ALL SELECT a.path, p.parent FROM above a JOIN path p ON p.id = a.id)
		SELECT count(*) > 500 AND count(*) = sum(path IN (SELECT a.path FROM above a JOIN path p
			ON p.id = a.id JOIN frame f ON f.id = p.frame
			WHERE f.symbol GLOB '*capture_one_batch_size')) FROM node")" 1
	"$gputrail" report --full "$tmp/demo.db" callpaths >"$tmp/report"
	# Before 3.11 a code object does not know its class.
	if python3 -c 'import sys; sys.exit(sys.version_info < (3, 11))'; then
		is "demo: the report shows layers below the capture" "$(awk '
			/ModelRunner.capture_one_batch_size/ { inside = 1 }
			/Engine.run_engine_core/ { inside = 0 }
			inside && match($0, /(MLP|SelfAttention|DecoderLayer)[.]forward/) {
				seen[substr($0, RSTART, RLENGTH)]
			}
			END { for (name in seen) n++; print n }' "$tmp/report")" 3
	else
		skip "demo: the report shows layers below the capture" "Python before 3.11"
	fi
	adds_up demo
	is "demo: what graphs hold is written once" "$(ask demo "
		SELECT (SELECT count(*) FROM graph_node) = (SELECT count(*) FROM (SELECT DISTINCT
		g.graph, n.node, n.stream, n.shape, n.path FROM node n JOIN graph_launch g
		ON g.id = n.graph_launch)), (SELECT count(*) FROM replay) >
		5 * (SELECT count(*) FROM graph_node)")" "1|1"
else
	skip "demo in Python" "no Python 3.9 to 3.13 with ctypes"
fi
done_testing
