#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# What users do in the viewer, in a real terminal.
. "${top_srcdir:?}/tests/lib.sh"
. "$top_srcdir/tests/tui/tmux.sh"
fixture plain.db plain
fixture many.db many

terminal 80 24 "$gputrail" many.db
shows "Nothing was lost"
keys 2
shows "^ 311 kernels"
ok "all kernels"
text /rms_norm
keys Enter
selected "rms_norm"
ok "search selects the first match"
capture -e | grep -q '48;5;221m[^ ]*rms_norm'
ok "and marks it"
text "/kernel_39"
keys Enter n n
selected "kernel_39.*7<5>"
ok "n goes to the next match"
keys Escape
hides "search kernel_39"
ok "Esc ends the search"
text "fmany !kernel_1"
keys Enter
shows "^ 200 of 311 kernels  filter many !kernel_1"
ok "filter by words"
keys f C-u
text "count>5000 average>100us"
keys Enter
shows "^ 2 of 311 kernels"
ok "filter by values with units"
keys f C-u
text "zzz"
shows "nothing matches the filter"
ok "the filter acts while it is typed"
keys Escape
shows "^ 2 of 311 kernels"
ok "and Esc takes it back"
keys F
shows "^ 311 kernels"
ok "F shows all rows"
keys G
selected "kernel_101"
ok "End: the least comes last"
keys g
selected "Kernel2"
ok "Home"
keys '>' '>' r
shows "Count▴"
ok "sort by another column, reversed"
keys s End Enter
shows "Kernel▴"
ok "sort menu"
selected "Kernel2"
ok "the selection stays with its row"
keys PageDown PageDown
hides "Kernel2<"
ok "paging"
text "w"
keys Enter
shows "wrote 311 rows to kernels.csv"
ok "export"
is "the CSV has a title and all rows" "$(wc -l <kernels.csv | tr -d ' ')" 312
keys w Enter
shows "exists already"
ok "export overwrites nothing"
keys Tab
shows "9 entry points"
ok "Tab"
keys BTab BTab
shows "Top kernels"
ok "back with Shift-Tab"

# The mouse: SGR reports, as terminals send them.
terminal 80 24 "TERM=xterm-256color $gputrail plain.db"
shows "Nothing was lost"
text "$(printf '\033[<0;15;2M\033[<0;15;2m')"
shows "^ 12 kernels"
ok "click on a tab"
text "$(printf '\033[<0;55;7M\033[<0;55;7m')"
selected "act_and_mul"
ok "click on a row"
text "$(printf '\033[<65;55;7M')"
selected "reshape_and_cache"
ok "the wheel moves"
text "$(printf '\033[<0;30;4M\033[<0;30;4m')"
shows "Count▾"
ok "click on a title sorts"
text "$(printf '\033[<0;55;5M\033[<0;55;5m\033[<0;55;5M\033[<0;55;5m')"
shows "shape"
ok "click twice opens"
text "$(printf '\033[<0;2;24M\033[<0;2;24m')"
shows "Help: Shapes"
ok "click on the footer"

# Sizes.
terminal 80 24 "$gputrail" plain.db
shows "Nothing was lost"
keys 2
resize 120 30
shows "StdDev"
ok "wider: more columns"
resize 39 24
shows "40x10 needed"
ok "too narrow says so"
resize 80 24
screen_is kernels-80x24
ok "and back"

# Suspend and continue.
terminal 80 24 sh
text "cd $tmp; PS1='\$ '; $gputrail plain.db"
keys Enter
shows "Nothing was lost"
keys 2
shows "^ 12 kernels"
keys C-z
shows "Stopped"
ok "^Z gives the shell back"
hides "12 kernels"
ok "and its screen"
text "fg"
keys Enter
shows "^ 12 kernels"
ok "fg goes on where it was"
keys q
hides "12 kernels"
text "stty -a | grep -c ' echo '"
keys Enter
shows "^1$"
ok "q leaves the terminal as it was"

# Killed, or left by its terminal.
viewer_pid() {
	_shell=$(tmux -S "$socket" list-panes -t 0 -F '#{pane_pid}')
	cat "/proc/$_shell/task/$_shell/children"
}
text "$gputrail plain.db"
keys Enter
shows "^ 12 kernels"			# where it was left
kill -TERM "$(viewer_pid | tr -d ' ')"
hides "^ 12 kernels"
ok "SIGTERM ends it"
text "stty -a | grep -c '[^-]echo '"
keys Enter
shows "^1$"
ok "and leaves the terminal as it was"
text "$gputrail plain.db"
keys Enter
shows "^ 12 kernels"
pid=$(viewer_pid | tr -d ' ')
terminal_close
is_gone() { ! kill -0 "$pid" 2>/dev/null; }
await is_gone
ok "it ends with its terminal"

# Colours.
colours() { capture -e | grep -cE '\[[0-9;]*(38|48);5|\[[0-9;]*3[0-7]m'; }
terminal 80 24 "$gputrail" plain.db
shows "Nothing was lost"
[ "$(colours)" -gt 5 ]
ok "colours by default"
terminal 80 24 "NO_COLOR=1 $gputrail plain.db"
screen_is overview-80x24
is "none with NO_COLOR, and the same text" "$(colours)" 0
terminal 80 24 "$gputrail" tui --theme none plain.db
screen_is overview-80x24
is "none with --theme none" "$(colours)" 0
terminal 80 24 "TERM=vt100 $gputrail tui --theme light plain.db"
shows "Nothing was lost"
is "none where the terminal has none" "$(colours)" 0
for theme in light blind; do
	terminal 80 24 "GPUTRAIL_THEME=$theme $gputrail plain.db"
	screen_is overview-80x24 && [ "$(colours)" -gt 5 ]
	ok "theme $theme"
done
done_testing
