#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# From steps to where they are: the views that the reading in the background fills.
. "${top_srcdir:?}/tests/lib.sh"
. "$top_srcdir/tests/tui/tmux.sh"
RECORDER_PID=$$
export RECORDER_PID
fixture serving.db serving
fixture live.db timeline-live
fixture slower.db slower

terminal 80 24 "$gputrail" serving.db
shows "[0-9]% useful"
keys S
shows "^ 2 kinds of steps" &&
shows "3 slow steps: +1.59 ms over 578 us" &&
shows "1.55 ms *97.3% *idle sync_readback"
ok "slow steps and what they have more"
keys j
shows "^ 5 steps:  p50 2.63 ms  p90 3.09 ms"
ok "each row has its own distribution"
keys k Enter
shows "^ 294 steps  of decode" &&
selected "2.30 ms *3.94 1.60 ms"
ok "the slowest step comes first"
shows "^ sync_readback *1.60 ms *37.5 us *73.1 us *1: gemm<128, 64>"
ok "its idle time beside the usual, and the launch that takes longer"
keys f
text "step=214"
keys Enter
shows "^ 1 of 294 steps" &&
shows "^ allocation *136 us *31.8 us"
ok "a step that waited for an allocation"
keys F g Enter
shows "▏sync_readback 1.60" &&
shows "0\.042[0-9]* s  4.59 ms shown"
ok "Enter goes to the step on the timeline"
keys S q
shows "^ 2 kinds of steps"
ok "and the list is still there"

# Memory: who holds it, and the way to the call path.
keys 5
shows "Memory of GPU 0: at most 20.2 GiB at 206 ms, never freed 19.7 GiB" &&
shows "^ 12.0 GiB *59.4% *load_weights (model.p" &&
shows "1 failed allocation" &&
shows "148 ms: 160 GiB, 17.6 GiB in use, KVC"
ok "usage, what the high-water was made of, and what failed"
keys Enter
shows "^ 4 call paths  of GPU 0" &&
shows "12.0 GiB *12.0 GiB *never freed *load_weights (model.py:7)" &&
shows "7.50 GiB *7.50 GiB *accumulates *KVCache.grow (model.py:88" &&
shows "512 MiB *0 B *again and again *workspace (model.py:150)"
ok "who holds, leaks and churns it"
keys j j Enter
shows "^ top-down by allocated bytes" &&
selected "workspace (model.py:150)"
ok "Enter goes to the call path"
keys C 5 j Enter
selected "remember (model.py:131)"
ok "also where the tree is folded, and shown already"

# Two recordings.
terminal 80 24 "$gputrail" tui serving.db slower.db
shows "^ 14 changes  from serving.db" &&
shows "+24.0 us *+20.0% *120 us *144 us launch *flash_fwd_splitkv_kernel" &&
shows "+24.5 us *+4.2% *582 us *607 us step *decode p50"
ok "what changed, launch by launch and in the steps"
keys Down
shows "14 changes"
is "more time in the colour of faults" "$(capture -e | grep -c '38;5;203m[^0-9]*+25.2 us')" 1
is "more of it busy in the other" "$(capture -e | grep -c '38;5;114m[^0-9]*+0.7%')" 1
text "fpart=family"
keys Enter
shows "^ 1 of 14 changes" &&
shows "+23.5 us *+20.0% *118 us *141 us family *attention_decode"
ok "a part of it"
keys w Enter
shows "wrote 1 row"
is "as CSV" "$(tail -n 1 changes.csv)" \
	"23524,19.9997,117622,141146,family,attention_decode,family.attention_decode"
keys F '>' r
shows "Change %▴" &&
selected "family *attention_decode"
ok "sorted by per cent"
keys 9
shows "218 ms shown\|21[0-9] ms shown"
keys D
shows "^ 14 changes"
ok "all other views show the second one"
terminal 80 24 "$gputrail" tui nowhere.db serving.db
shows "cannot open 'nowhere.db'"
ok "a recording that is not there is told"
keys 1
shows "[0-9]% useful"
ok "and the other one is shown"

# A file that grows: the views follow, and what they show of the old reading is not touched.
terminal 80 24 "$gputrail" live.db
shows "[0-9]% useful"
keys S
shows " 24  *2\.00 ms"
keys Enter
shows "^ 24 steps"
fixture live.db grow-timeline
shows "^ 48 steps"
ok "steps that come while they are looked at"
keys q
shows " 48  *2\.00 ms"
ok "and in the table above"
done_testing
