#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Filters of all views, places visited, what is remembered, jumps and the clipboard.
# New looks: as in screens.sh.
. "${top_srcdir:?}/tests/lib.sh"
. "$top_srcdir/tests/tui/tmux.sh"
fixture timeline.db timeline
fixture plain.db plain

# played NAME KEYS: what the screen is after these keys.
played() {
	COLUMNS=${columns:-80} LINES=${lines:-24} "$gputrail" tui --keys "$2 :screen $1.txt" \
		"${file:-timeline.db}" </dev/null >/dev/null 2>"$1.err"
}
# has NAME PATTERN DESCRIPTION
has() { grep -q -e "$2" "$1.txt"; ok "$3" || sed 's/^/# /' "$1.txt"; }
lacks() { ! grep -q -e "$2" "$1.txt"; ok "$3" || sed 's/^/# /' "$1.txt"; }

for size in 80x24 200x60; do
	terminal "${size%x*}" "${size#*x}" "$gputrail" timeline.db
	shows "Nothing was lost"
	keys 2 v
	screen_is "filter-kernels-$size"
	ok "only the kernel at the cursor at $size"
	keys '&'
	text '!stream:13 time:10ms..30ms'
	keys Enter 1
	screen_is "filter-overview-$size"
	ok "combined with others, on the overview at $size"
	keys 9
	shows "shown"
	screen_is "filter-timeline-$size"
	ok "on the timeline at $size"
	keys X
	screen_is "filter-remove-$size"
	ok "the filters to remove at $size"
done

# The mouse and undo.
terminal 80 24 "TERM=xterm-256color $gputrail timeline.db"
shows "Nothing was lost"
keys 2 v
shows 'kernel="'
text "$(printf '\033[<0;5;3M\033[<0;5;3m')"
hides 'kernel="'
ok "a click on a filter removes it"
keys u
shows 'kernel="'
ok "u brings it back"
keys u
hides '^&'
ok "u until none is set"
keys 3
shows "entry point"
text "$(printf '\033[<2;5;9M\033[<2;5;9m')"
shows "4 kernels"
ok "the right button goes back"
keys u
shows "no filter to undo"
ok "and says when there are no more"

played only "2 v"
has only "1 kernel  " "v: only this"
played without "2 x"
has without "3 kernels" "x: all but this"
has without '!kernel="gemm<128, 64>"' "which the line says"
played both "& 'kernel:gemm' Enter & 'kernel:sample' Enter 2"
has both "2 kernels" "two of a kind: any of them"
played wrong "& 'lane:3' Enter"
has wrong "'lane:3' is no filter: they are time, device" "a wrong filter is explained"
played calls "& 'device:0' Enter 3"
has calls "not by device" "what a view cannot tell by is said"
played menu "t j j j v"
has menu "stream:" "on the timeline there is a choice"
played marks "t a m Right Right Right m v Enter 2"
has marks "time:.*\.\." "the time between two marks"

# The figures are those of the events.
played sums "& 'kernel:gemm time:10ms..30ms' Enter 2 w Enter"
is "the sum of what is shown is that of the events" \
	"$("$PYTHON3" -c 'import csv
row = next(csv.DictReader(open("kernels.csv")))
print(row["Total (ns)"], row["Count"])')" \
	"$("$PYTHON3" -c 'import sqlite3; print(*sqlite3.connect("timeline.db").execute(
"SELECT sum(gpu_dur_ns), count(*) FROM launch JOIN shape s ON s.id = shape JOIN kernel k ON k.id = s.kernel "
"WHERE k.name LIKE \"%gemm%\" AND start_ns + gpu_delay_ns BETWEEN 10000000 AND 29999999").fetchone())')"

# Back and forward.
played back "2 v Enter ,"
has back "1 kernel " "back from the shapes to the kernels"
played back2 "2 v Enter , ,"
has back2 "4 kernels" "back to before the filter"
played forward "2 v Enter , , . ."
has forward "of gemm<128, 64>" "and forward again"
has forward 'kernel="' "with the filter"
played begin "2 , ,"
has begin "this is where you began" "back has an end"
played zoom "t + + a ,"
has zoom "12.0 ms shown" "a stretch of time is a place"

# From rows to the timeline, from idle time to its finding and back.
played row "2 End J"
has row "rms_norm" "from a kernel to its longest launch"
has row "ns at\|us at" "which is at the cursor"
played other "2 End J ,"
has other "^ 4 kernels" "and back"
played process "6 J"
has process " shown" "from a process to its threads"
file=plain.db played none "8 J"
file=
has none "no place on the timeline" "call paths have none"
played finding "t b f"
has finding "Evidence" "from idle time to its finding"
played evidence "t b f Enter"
has evidence "shown" "and by its evidence back"

# The clipboard, as far as tmux takes it.
terminal 80 24 "$gputrail" timeline.db
tmux -S "$socket" set-option -g set-clipboard on
shows "Nothing was lost"
keys 2 y
shows "on the clipboard"
is "the row is copied" "$(tmux -S "$socket" show-buffer | tr '\t' '|' | cut -d'|' -f3)" "24"

# What is remembered.
state=$tmp/remembered
terminal 80 24 "$gputrail" timeline.db
shows "Nothing was lost"
keys T 2 '>' '>' x
shows '!kernel'
keys Q
await [ -s "$state/gputrail/viewer" ]
is "in a file: theme, order, view, filter" "$(sed "s|^file .*/|file |" "$state/gputrail/viewer")" \
"theme light
sort kernels count
file timeline.db
view kernels
scope !kernel=\"void serve::gemm<128, 64>(float*)\""
is "which is of the user alone" "$(stat -c %a "$state/gputrail/viewer")" 600
terminal 80 24 "$gputrail" timeline.db
shows "Count▾"
ok "the view and its order come again"
shows '^& !kernel="gemm'
ok "and the filter"
terminal 80 24 "$gputrail" plain.db
shows "Overview"
shows "Nothing was lost"
ok "another recording begins with the overview"
keys 2
shows "Count▾"
ok "with the order of the tables"
keys Q
await grep -q plain "$state/gputrail/viewer"
is "both are remembered, the last one first" \
	"$(sed -n 's|^file .*/||p' "$state/gputrail/viewer" | tr '\n' ' ')" "plain.db timeline.db "
terminal 80 24 "$gputrail" tui --no-state timeline.db
shows "Nothing was lost"
ok "--no-state: not reminded"
keys 3 Q
sleep 0.2
grep -q "view kernels" "$state/gputrail/viewer"
ok "and nothing is changed"
{ head -c 3000 /dev/urandom; printf '\nsort\nsort kernels nosuch\nview\nfile\ntheme \nscope %%s%%n:\n'
  sed 's/!kernel/!kermit/' "$state/gputrail/viewer"; } >"$tmp/damaged"
cp "$tmp/damaged" "$state/gputrail/viewer"
terminal 80 24 "$gputrail" timeline.db
shows "Count▾"
hides '^&'
ok "damage costs only what it is in"
keys Q
begins_with_theme() { head -n 1 "$state/gputrail/viewer" | grep -q "^theme"; }
await begins_with_theme		# the damage has such a line further down
is "and the file is whole again" "$(head -n 1 "$state/gputrail/viewer")" "theme light"
rm -rf "$state"
: >"$state"
terminal 80 24 "$gputrail" timeline.db
shows "Nothing was lost"
ok "where nothing can be remembered the viewer works"
keys Q
done_testing
