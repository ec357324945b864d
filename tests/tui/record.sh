#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# gputrail record --tui: the viewer beside the program, its output, its end, and leaving it.
. "${top_srcdir:?}/tests/lib.sh"
. "$top_srcdir/tests/tui/tmux.sh"
mkfifo gate
# begin NAME [COMMAND]: in a shell, whose last line is the exit status.
begin() {
	terminal 80 24 sh
	text "cd $tmp; PS1='\$ '; clear; $gputrail record --tui --sim -o $1.db -- ${2:-sh -c 'echo hello; echo oops >&2; read go <gate; exit 7'}; echo \"status \$?\""
	keys Enter
}

begin ends
shows "ends.db  ● recording" &&
shows "OOutput"
ok "the viewer opens on what is being recorded"
keys O
shows "Output of sh" &&
shows "│ hello" &&
shows "│ oops"
ok "what the program writes is in a window, not on the screen"
keys q C-c
shows "sh is still running"
ok "^C asks"
keys q
hides "still running" &&
shows "● recording"
ok "and q stays"
keys q
shows "sh is still running"
keys Enter
hides "still running"
ok "so does Enter"
echo >gate
shows "sh ended with exit code 7; the recording is complete" &&
shows "ends.db  complete"
ok "the end is told, and the viewer stays"
keys q
shows "^status 7"
ok "the exit code is the program's"
shows "what sh wrote is in ends.db.log"
is "its output is in a log" "$(cat ends.db.log)" "$(printf 'hello\noops')"
text "stty -a | grep -c '[^-]echo '"
keys Enter
shows "^1$"
ok "the terminal is as it was"

# It uses CUDA: the file of a program that does not is removed in the end.
begin leaves "sh -c '$top_builddir/demo/gputrail-demo --steps=2 --quiet; read go <gate'"
shows "Top kernels"
keys C-c Down Enter
shows "sh runs on as process [0-9]* and is being recorded" &&
shows "^status 0"
ok "left alone it runs on"
is "and is recorded" "$("$gputrail" info leaves.db | grep -c recording)" 1
echo >gate
is_complete() { "$gputrail" info "$1" | grep -q complete; }
await is_complete leaves.db
ok "to its end"

begin stops
shows "● recording"
keys C-c Down Down Enter
shows "sh was ended by signal 2 (Interrupt); the recording is complete"
ok "stopped as by ^C"
keys q
shows "^gputrail: record: what sh wrote"
text 'echo "status $?"'
keys Enter
shows "^status 130"
ok "which the exit code tells"

begin missing /no/such/program
shows "cannot run /no/such/program" &&
shows "^status 127"
ok "a program that is not there"
is "leaves nothing behind" "$(ls -A | grep -c -e missing -e gputrail-)" 0
touch there.db
begin there
shows "there.db exists" &&
shows "^status 1"
ok "nor is a recording replaced"
begin ends "echo again"
shows "echo ended with exit code 0"
keys q
shows "what echo wrote is in ends.db.log.2"
is "or the log of one" "$(cat ends.db.log ends.db.log.2)" "$(printf 'hello\noops\nagain')"
"$gputrail" record --tui --sim -o none.db -- true </dev/null >out 2>&1
is "without a terminal: exit status" $? 2
grep -q "needs a terminal" out
ok "and says why"
done_testing
