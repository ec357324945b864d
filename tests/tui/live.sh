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

# The overview and findings follow events.
fixture growing.db timeline-live
terminal 80 24 "$gputrail" growing.db
shows "recording"
shows "28.3 ms lost: waits"
shows "0  *48.0 ms$"
ok "the overview of what is there yet"
fixture growing.db grow-timeline
shows "56.7 ms lost: waits"
ok "what costs most follows"
shows "0  *96.0 ms$"
ok "and the charts"
keys 0
shows "60.3% 56.7 ms waits"
ok "and the findings"
keys Q
# So they do with filters: the part that passes is read again.
fixture narrowed.db timeline-live
terminal 80 24 "$gputrail" narrowed.db
shows "28.3 ms lost: waits"
keys '&'
text 'time:10ms..'
keys Enter 0
shows "21.3 ms waits"
ok "findings of a part"
fixture narrowed.db grow-timeline
shows "49.6 ms waits"
ok "follow as well"
keys '&'
text 'path:nowhere'
keys Enter
shows "nothing passes the filters"
ok "and are empty where nothing passes"
keys Q
done_testing
