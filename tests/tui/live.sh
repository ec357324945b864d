#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# The viewer follows a file that is being recorded, and keeps its place.
. "${top_srcdir:?}/tests/lib.sh"
. "$top_srcdir/tests/tui/tmux.sh"
RECORDER_PID=$$
export RECORDER_PID
fixture live.db recording
terminal 80 24 "$gputrail" live.db
shows "recording  *12.4 s"
ok "says that it is being recorded"
keys 2 j j j
selected "rms_norm"
text "f!memset"
keys Enter
shows "11 of 12 kernels"
ok "filtered before"
fixture live.db grow
shows "12 of 13 kernels"
ok "new rows appear by themselves, filtered"
shows "arrival"
ok "a kernel that was not there is"
selected "rms_norm"
ok "the selection stays on its kernel"
keys 1
shows "24.8 s"
ok "the run became longer"
"$PYTHON3" -c '
import sqlite3
db = sqlite3.connect("live.db")
db.execute("UPDATE meta SET value = ? WHERE key = ?", ("complete", "state"))
db.commit()'
shows "live.db  complete"
ok "and completes"
# A file that is spoilt while it is shown.
keys 2
shows "12 of 13 kernels"
"$PYTHON3" -c '
import sqlite3
db = sqlite3.connect("live.db")
db.execute("DROP TABLE sum_kernel")
db.commit()'
shows "no such table: sum_kernel"
ok "an error while following is told"
shows "rms_norm"
ok "and what was read stays"
keys Q
hides "kernels"
ok "Q quits"
done_testing
