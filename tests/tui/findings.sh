#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# From what costs most to where it is: overview, findings, timeline.
. "${top_srcdir:?}/tests/lib.sh"
. "$top_srcdir/tests/tui/tmux.sh"
fixture timeline.db timeline

terminal 80 24 "TERM=xterm-256color $gputrail timeline.db"
shows "lost: waits for a copy to the host  *serve (model.py:10)"
ok "the overview says what costs most, and where"
shows "where its SM-time went"
shows "▏sync_readback 60.8%"
ok "and where the time of the SMs went"
keys Enter
shows "^ │ Severity *critical"
ok "Enter opens it"
shows "^ │ Gain "
shows "^ │ Advice "
shows "^ │ Where *serve (model.py:10)"
ok "with advice, gain and the line to blame"
keys Down Enter
shows "sync_readback 1.42 ms at 0\.0"
ok "Enter on evidence goes to it on the timeline"
shows "▏sync_readback 1.42 ms"
ok "where it has its cause written on it"
keys 0
shows "[0-9] findings"
text "fcopy"
keys Enter
shows "of [0-9] findings  filter copy"
ok "findings can be filtered"
keys w C-u
text "found.csv"
keys Enter
shows "wrote [0-9]* rows* to found.csv"
head -n 1 found.csv | grep -q "^Share,Lost (ns),Gain (ns),.*Advice"
ok "and exported, with the advice"
keys 1 Down Down Down Down Down Down Enter
shows "shapes* *of "
ok "Enter on a kernel of the overview opens its shapes"
keys q 1 2 f
text "!attention"
keys Enter 1
shows "Top kernels"
text "$(printf '\033[<0;50;20M\033[<0;50;20m\033[<0;50;20M\033[<0;50;20m')"
shows "shapes* *of "
ok "so do two clicks, whatever filter is set there"
done_testing
