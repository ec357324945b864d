#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# What users do on the timeline, in a real terminal.
. "${top_srcdir:?}/tests/lib.sh"
. "$top_srcdir/tests/tui/tmux.sh"
RECORDER_PID=$$
export RECORDER_PID
fixture timeline.db timeline
fixture live.db timeline-live

terminal 80 24 "$gputrail" timeline.db
shows "Nothing was lost"
keys t
shows "48.1 ms shown"
ok "t shows the whole run"
hides "never used"
ok "without streams that nothing ran on"
keys j j j n
shows "310 us at 0.025060000 s: gemm"
ok "n goes to the next kernel of a stream"
keys n n
shows "20.0 us at 0.025564000 s: rms_norm"
ok "and on"
keys p
shows "190 us at 0.025372000 s: attention_decode"
ok "p goes back"
keys c
shows "4.00 us at 0.025010000 s: cuLaunchKernel"
ok "c goes to the call that launched it"
keys c
shows "190 us at 0.025372000 s: attention_decode"
ok "and back to the work"
keys z
shows "285 us shown"
ok "z zooms to it"
shows "attention_decode *▏"
ok "so that its name has room"
keys Enter
shows "decode (/srv/model.py:42)"
ok "Enter tells all, with the call path"
keys q - + + -
shows "285 us shown"
ok "zooming in and out again"
keys m
shows "from the mark 0 ns"
keys Right Right
shows "from the mark 9.19 us"
ok "the way from a mark is measured"
keys m Left Left Left
shows "between the marks 9.19 us"
ok "and what is between two of them"
keys z
shows "9.19 us shown"
ok "z zooms to what is between the marks"
keys M
hides "between the marks"
ok "M removes them"
keys a
shows "48.1 ms shown"
ok "a shows all again"
keys b Enter
shows "Because"
shows "allocation\|sync_readback\|host_busy"
ok "b finds the longest idle time"
keys q + + + PageDown PageUp
shows "6.02 ms shown"
ok "paging keeps the width"
keys G
shows "0.048.*6.02 ms shown"
ok "End"
keys a k k k k j j j j j j
shows "in calls for\|cuStreamSynchronize"
keys j + + p
shows "failed: cuStreamSynchronize"
ok "calls that failed say so"

# The mouse.
terminal 80 24 "TERM=xterm-256color $gputrail timeline.db"
shows "Nothing was lost"
text "$(printf '\033[<0;63;2M\033[<0;63;2m')"
shows "48.1 ms shown"
ok "click on the tab"
text "$(printf '\033[<64;20;6M')"
shows "24.[01] ms shown"
ok "the wheel zooms in where the mouse is"
text "$(printf '\033[<65;20;6M')"
shows "48.1 ms shown"
ok "and out"
text "$(printf '\033[<64;60;6M\033[<64;60;6M')"
shows "12.0 ms shown"
text "$(printf '\033[<0;30;14M')"
shows "^ 0.02[0-9]* s  12.0 ms"
text "$(printf '\033[<0;70;14m')"
shows "^ 0.02[0-9]* s  12.0 ms"
ok "dragging moves the picture"

# What was measured.
"$PYTHON3" -c '
import sqlite3
db = sqlite3.connect("timeline.db")
db.executemany("INSERT INTO activity (device, start_ns, dur_ns, samples, sm_active_ppm)"
               " VALUES (1, ?, 10000000, 1, ?)", [(i * 10000000, 200000 * i) for i in range(4)])
db.commit()'
terminal 80 24 "$gputrail" timeline.db
shows "Nothing was lost"
keys t
shows "^  idle" && shows "^  SMs 30.0%"
ok "a line for the SMs, with their mean"
keys j j j G
hides "of the SMs were active"
ok "that says nothing where nothing was measured"
keys Left Left Left Left Left Left Left Left Left Left Left Left Left Left Left Left Left Left Left Left
shows "60.0% of the SMs were active here, as NVML measured"
ok "and tells what was measured at the cursor"

# A recording of which a part was taken, with an instant that somebody named.
fixture sampled.db timeline
"$PYTHON3" -c '
import sqlite3
db = sqlite3.connect("sampled.db")
db.execute("DELETE FROM detail")
db.executemany("INSERT INTO detail (process, start_ns, end_ns, level, cause) VALUES (1, ?, ?, ?, ?)",
               [(0, 12000000, "full", "start"), (12000000, 36000000, "host", "sample"),
                (36000000, 48000000, "full", "sample")])
db.execute("INSERT INTO mark (start_ns, process, text) VALUES (24000000, 1, ?)", ("warmed up",))
db.commit()'
terminal 80 24 "$gputrail" sampled.db
shows "GPU times were taken for 50.0% of the time"
ok "the overview says that a part was taken"
keys t
shows "48.1 ms shown  mark: warmed up  detail: host (sample)"
ok "the timeline names the mark under the cursor and what was taken there"
shows "▾\|▼.*···"
ok "marks and what was left out are on its axis"
keys End
shows "shown  detail: full (sample)"
ok "and the last line follows the cursor"

# A file that grows.
terminal 80 24 "$gputrail" live.db
shows "recording"
keys 9
shows "48.1 ms shown"
keys + + F
shows "12.0 ms shown  following"
capture >"$tmp/before"
fixture live.db grow-timeline
shows "^ 0.096.*12.0 ms shown  following"
ok "F follows the end of a recording"
keys a
shows "96.1 ms shown"
hides "following"
ok "and a shows what came, and stops following"
"$PYTHON3" -c '
import sqlite3
db = sqlite3.connect("live.db")
db.execute("DROP TABLE launch")
db.commit()'
shows "lacks what this version reads\|no such table"
ok "an error while following is told"
done_testing
