#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# What users do in the tree of call paths, in a real terminal.
. "${top_srcdir:?}/tests/lib.sh"
. "$top_srcdir/tests/tui/tmux.sh"
fixture plain.db plain
RECORDER_PID=$$
export RECORDER_PID
fixture live.db recording

terminal 80 24 "$gputrail" plain.db
shows "Nothing was lost"
keys 8
shows "top-down by GPU time"
selected "_start"
ok "the call paths"
keys C
hides "main (main.py"
selected "▸ _start"
ok "C folds all"
keys Enter
shows "▸ EngineCoreProc.run_engine_core"
ok "Enter unfolds a chain down to where it parts"
keys Down Down Down Down Space
shows "▾ EngineCoreProc.run_engine_core"
ok "Space unfolds the row"
keys Left
shows "▸ EngineCoreProc.run_engine_core"
ok "Left folds it"
keys Left
selected "▾ main (main.py"
ok "and then goes to the caller"
keys Right
selected "▸ EngineCoreProc.run_engine_core"
ok "Right goes to the row below"
keys Right
shows "▾ EngineCoreProc.run_engine_core"
ok "or unfolds"
keys z
shows "zoom: 95.8% of all"
selected "100% 5.56 s"
ok "z makes the row the root"
hides "__libc_start_main"
ok "nothing else is shown"
keys q
shows "__libc_start_main"
selected "EngineCoreProc.run_engine_core"
ok "q goes back out of it"
keys z Z
shows "__libc_start_main"
ok "so does Z"
keys E G
selected "at::native::copy_kernel_cuda"
ok "E unfolds all"
keys g
text "/forward_cuda"
keys Enter
selected "SiluAndMul.forward_cuda"
ok "search"
keys Escape C
text "/MLP.forward"
keys Enter
selected "LlamaMLP.forward (llama.py:92)"
ok "a search finds what is folded"
keys n
selected "LlamaMLP.forward (llama.py:93)"
ok "n goes to the next"
keys N
selected "LlamaMLP.forward (llama.py:92)"
ok "N to the one before"
text "/zzz"
keys Enter
shows "'zzz' is in no row shown"
ok "what is nowhere is told"
keys Escape C
text "fflash"
keys Enter
selected "flash::run_mha_fwd"
ok "a filter shows its matches in what is folded, and selects the first"
shows "LlamaForCausalLM.forward"
ok "and keeps their callers"
hides "LlamaMLP"
ok "but nothing else"
keys w
keys Enter
shows "wrote 23 rows to callpaths.csv"
ok "export"
head -1 callpaths.csv | grep -q '^Share,Total (ns),Self (ns),Function,Depth,GPU time (ns),'
ok "with titles"
grep -q '1660000000,1660000000,"flash::run_mha_fwd' callpaths.csv
ok "and raw numbers"
keys F
hides "flash"
shows "▸ _start"
ok "without the filter all is folded as before"
keys f C-u
text "total>2s"
keys Enter
shows "filter total>2s"
keys End
shows "LlamaAttention.forward (llama.py:198)"
hides "LlamaAttention.forward (llama.py:203)"
ok "filter by the metric"
keys Home F m
shows "top-down by host time"
ok "m: the next metric"
keys s End Enter
shows "by GPU time of replayed graphs"
ok "metrics from a menu"
keys M
shows "by allocated bytes"
shows "16.0 GiB"
ok "M: the one before"
keys M M M M M
shows "by GPU time  "
keys o
shows "bottom-up by GPU time"
selected "libtorch_cuda.so+0x1680"
ok "o: from the calling function up"
keys o
shows "flat by GPU time"
ok "and flat"
keys o I
shows "top-down by GPU time, with interpreter"
keys E
shows "Py_BytesMain"
ok "I shows the interpreter's frames"
keys I
hides "Py_BytesMain"
ok "and hides them"
keys i
shows "Kind *native"
ok "details"
keys q 2
shows "^ 12 kernels"
keys Space
selected "memset_zero"
ok "other views have their keys"

# A file that grows.
terminal 80 24 "$gputrail" live.db
shows "recording  *12.4 s"
keys 8 C Enter
text "/sample"
keys Enter Escape
selected "GPUModelRunner.sample"
keys Up Up Up Up Up Up z
selected "100% 5.56 s"
shows "▸ Module._wrapped_call_impl"
fixture live.db grow
selected "100% 9.45 s"
ok "zoomed into a growing file: the root stays, with new numbers"
shows "▸ Module._wrapped_call_impl"
ok "what is folded stays folded"
keys q
selected "EngineCore.step"
shows "▾ _start"
ok "the selection stays on its function"
keys G
selected "late_arrival"
ok "new paths appear"
done_testing
