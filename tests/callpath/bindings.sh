#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Exceptions of C++ code stay with libgcc_s: recording changes no binding of an _Unwind_* function,
# although libunwind, which exports them too, may be opened in the process.
. "${top_srcdir:?}/tests/lib.sh"
[ -z "$sanitizers" ] || skip_all "LD_PRELOAD and sanitizers do not mix"
python=/usr/bin/python3
"$python" -c 'import ctypes; ctypes.CDLL("libstdc++.so.6")' 2>/dev/null || python=$PYTHON3
"$python" -c 'import ctypes; ctypes.CDLL("libstdc++.so.6")' 2>/dev/null ||
	skip_all "no python3 with ctypes, or no libstdc++"
cat >"$tmp/program.py" <<'P'
import ctypes
cuda = ctypes.CDLL("libcuda.so.1")
assert cuda.cuInit(0) == 0
context = ctypes.c_void_p()
assert cuda.cuDevicePrimaryCtxRetain(ctypes.byref(context), 0) == 0
try:
    ctypes.CDLL("libunwind.so.8")       # as the shim opens it: RTLD_LOCAL
except OSError:
    pass
ctypes.CDLL("libstdc++.so.6")
assert cuda.cuCtxSetCurrent(context) == 0
P

# "file symbol library" of each _Unwind_* binding of the process with its pid.
bindings() {
	cat "$@" | sed -n 's/.*binding file \([^ ]*\) .* to \([^ ]*\) .*symbol `\(_Unwind_[A-Za-z]*\).*/\1 \3 \2/p' |
		grep -v '^[^ ]*libunwind' | LC_ALL=C sort -u
}
LD_LIBRARY_PATH=$sim_dir LD_BIND_NOW=1 LD_DEBUG=bindings LD_DEBUG_OUTPUT=$tmp/bare \
	"$python" "$tmp/program.py"
is "runs without the preload" "$?" 0
LD_BIND_NOW=1 LD_DEBUG=bindings LD_DEBUG_OUTPUT=$tmp/recorded \
	"$gputrail" record --sim -q -o "$tmp/run.db" -- "$python" "$tmp/program.py"
is "runs recorded" "$?" 0
grep -l libstdc++ "$tmp"/bare.* >/dev/null
ok "bindings were written down"
bindings "$tmp"/bare.* | grep libstdc++ >"$tmp/wanted"
for file in "$tmp"/recorded.*; do
	grep -q 'binding file .*libcuda\.so' "$file" && bindings "$file" | grep libstdc++
done | LC_ALL=C sort -u >"$tmp/got"
[ -s "$tmp/wanted" ]
ok "libstdc++ binds _Unwind_* functions ($(wc -l <"$tmp/wanted"))"
is "the same ones when recorded" "$(cat "$tmp/got")" "$(cat "$tmp/wanted")"
is "none of them to libunwind" "$(grep -c ' [^ ]*libunwind' "$tmp/got")" 0
done_testing
