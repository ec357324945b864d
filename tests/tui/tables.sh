#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Columns to choose, what is remembered of tables, and CSV of views that are no tables.
. "${top_srcdir:?}/tests/lib.sh"
. "$top_srcdir/tests/tui/tmux.sh"
fixture timeline.db timeline
fixture plain.db plain

# played NAME KEYS: what the screen is after these keys.
played() {
	COLUMNS=${columns:-120} LINES=${lines:-30} "$gputrail" tui --keys "$2 :screen $1.txt" \
		"${file:-timeline.db}" </dev/null >/dev/null 2>"$1.err"
}
has() { grep -q -e "$2" "$1.txt"; ok "$3" || sed 's/^/# /' "$1.txt"; }
lacks() { ! grep -q -e "$2" "$1.txt"; ok "$3" || sed 's/^/# /' "$1.txt"; }
# query SQL: of timeline.db, columns apart by blanks
query() { "$PYTHON3" -c 'import sqlite3, sys
print(*sqlite3.connect("timeline.db").execute(sys.argv[1]).fetchone())' "$1"; }
# csv FILE EXPRESSION: of its rows, r being one of them
csv() { "$PYTHON3" -c 'import csv, sys
rows = list(csv.DictReader(open(sys.argv[1])))
n = lambda text: int(text or 0)
print(eval(sys.argv[2]))' "$1" "$2"; }

# Columns.
played hidden "2 c Down Down Enter q"
lacks hidden "Count" "a column is hidden"
has hidden "Average" "the others are not"
played menu "2 c Down Down Enter"
has menu "✓ Total" "the menu stays open and marks what is shown"
lacks menu "✓ Count" "and not what is hidden"
played shown "2 c End Up Enter q"
has shown "Full name" "what only the details had is shown"
played again "2 c Down Down Enter End Enter q"
has again "Count" "all as at first"
played stays "2 c End Up Up Enter q"
has stays "rows are known by this column" "the name cannot be hidden"
played sorted "2 s Down Down Enter c Down Down Enter q"
lacks sorted "Count" "the column that sorts can be hidden"
has sorted "Kernel▴" "and names sort then"
columns=80 played narrow "2 c Home Down Down Down Down Down Down Enter Enter q"
has narrow "Kernel" "what is shown again fits"
file=plain.db played good "3"
lacks good "Error" "no column for errors where there are none"
fixture failed.db plain
"$PYTHON3" -c 'import sqlite3
db = sqlite3.connect("failed.db")
db.executescript("""INSERT OR IGNORE INTO result (id, name) VALUES (2, "CUDA_ERROR_OUT_OF_MEMORY"), (1, "CUDA_ERROR_INVALID_VALUE");
INSERT INTO call (id, start_ns, dur_ns, thread, api, result)
VALUES (1, 500000000, 10, 1, 6, 2), (2, 600000000, 10, 1, 6, 2), (3, 700000000, 10, 1, 6, 1)""")'
file=failed.db played errors "3"
has errors "Error " "one where calls failed"
has errors "OUT_OF_MEMORY, 1.*cuMemAlloc_v2" "with the most frequent, and how many others"

# CSV.
played overview "w Enter"
has overview "wrote .* rows to overview.csv" "the overview is written"
is "with the device's busy time" \
	"$(csv overview.csv '[n(r["Time (ns)"]) for r in rows if r["Part"] == "device busy"]')" \
	"[$(query "SELECT busy_ns FROM sum_device")]"
is "and parts that add up to it" \
	"$(csv overview.csv 'sum(n(r["Time (ns)"]) for r in rows if r["Part"] == "SM-time")')" \
	"$(query "SELECT max(max(l.start_ns + l.gpu_delay_ns + l.gpu_dur_ns),
(SELECT max(start_ns + gpu_delay_ns + gpu_dur_ns) FROM copy)) - min(l.start_ns + l.gpu_delay_ns) FROM launch l")"
is "findings with their places" \
	"$(csv overview.csv '[r["Where"] for r in rows if r["Part"] == "finding"][0]')" "serve (model.py:10)"
played timeline "9 w Enter"
has timeline "wrote .* rows to timeline.csv" "the timeline is written"
is "all kernels and copies of the streams" \
	"$(csv timeline.csv '(sum(n(r["Duration (ns)"]) for r in rows if r["Kind"] == "stream"),
sum(r["Kind"] == "stream" for r in rows))')" \
	"($(query "SELECT sum(ns) || ', ' || count(*) FROM (SELECT gpu_dur_ns AS ns FROM launch UNION ALL
SELECT gpu_dur_ns FROM copy)"))"
is "idle time with its causes" \
	"$(csv timeline.csv 'sorted({r["Name"] for r in rows if r["Kind"] == "idle"})')" \
	"['allocation', 'kernel_boundary', 'sync_readback']"
rm timeline.csv
played zoomed "9 + + + + w Enter"
csv timeline.csv '(min(n(r["Start (ns)"]) + n(r["Duration (ns)"]) for r in rows),
max(n(r["Start (ns)"]) for r in rows), len(rows))' >zoomed
"$PYTHON3" -c 'least, most, count = eval(open("zoomed").read())
assert 15_000_000 < least and most < 33_000_000 and 0 < count < 150, (least, most, count)'
ok "only what is on the screen" || sed 's/^/# /' zoomed
played exists "9 w Enter"
has exists "exists already" "no file is written over"

# What is remembered.
state=$tmp/remembered
terminal 120 30 "$gputrail" timeline.db
shows "Nothing was lost"
keys 2 c Down Down Enter q
hides "Count"
keys Enter s Down Down Enter
shows "Count▾"
keys q 3 f
text sync
keys Enter
shows "filter sync"
keys Q
i=0
until [ -s "$state/gputrail/viewer" ] || [ $i -gt 400 ]; do i=$((i + 1)); sleep 0.05; done
is "columns and orders of all recordings, the filters of one" \
	"$(sed "s|^file .*/|file |" "$state/gputrail/viewer")" \
"theme dark
columns kernels -count
sort shapes count
file timeline.db
view entry points
filter entry points sync"
terminal 120 30 "$gputrail" timeline.db
shows "filter sync"
ok "the filter of a table comes again"
keys 2
shows "Average"
hides "Count"
ok "and its columns"
keys Enter
shows "Count▾"
ok "and the order of what Enter opens"
keys Q
terminal 120 30 "$gputrail" plain.db
shows "Nothing was lost"
keys 3
shows "Entry point"
hides "filter sync"
ok "another recording has no such filter"
keys Q
done_testing
