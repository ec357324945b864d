#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Objects made by nvcc run on the simulated runtime: linked to our static library, to our shared
# one, and unmodified after nvcc -cudart shared; also with per-thread default streams.
. "${top_srcdir:?}/tests/lib.sh"
source=$top_srcdir/tests/sim/runtime_nvcc.cu
toolkit=${CUDA_INCLUDE:+$(dirname "$CUDA_INCLUDE")}
nvcc=$(command -v nvcc || echo "$toolkit/bin/nvcc")
[ -x "$nvcc" ] || skip_all "no nvcc"
"$nvcc" --version | grep -q 'release 13' || skip_all "nvcc is not of CUDA 13, whose runtime is simulated"
[ -z "${sanitizers:-}" ] || skip_all "programs of nvcc are built without the sanitizers"
LD_LIBRARY_PATH=$sim_dir${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}
export LD_LIBRARY_PATH

wanted="NVIDIA H200 sm_90 counter 3 managed 17 registers 1 blocks 1 failures 0"
# kernels FILE: what the simulator ran, without the times.
kernels() {
	awk -F '\t' '$1 == "kernel" { print $12, $13, $14, $16 }' "$1" | sort | uniq -c |
		awk '{ print $1, $2, $3, $4, $5 }'
}
# try NAME PROGRAM: its output, and the kernels it launched.
try() {
	is "$1: runs" "$(SIMCUDA_TRUTH=$tmp/$1.truth "$2" 2>&1)" "$wanted"
	is "$1: launches what the program says" "$(kernels "$tmp/$1.truth")" \
"6 _Z3addPfi5Shape 4,1,1 256,1,1 0
1 _Z4fillIdEvPT_S0_ 1,1,1 64,1,1 128
5 _Z4fillIfEvPT_S0_ 1,1,1 32,1,1 0"
}

"$nvcc" -arch=sm_90 -c "$source" -o "$tmp/one.o" 2>"$tmp/log" || { sed 's/^/# /' "$tmp/log"; false; }
ok "nvcc compiles the program"
"$nvcc" -cudart none "$tmp/one.o" "$top_builddir/simcuda/libsimcudart.a" -ldl -lpthread \
	-o "$tmp/static" && try static "$tmp/static"
"$nvcc" -cudart none "$tmp/one.o" -L"$sim_dir" -lcudart -o "$tmp/shared" && try shared "$tmp/shared"
"$nvcc" -arch=sm_90 -cudart shared "$source" -o "$tmp/unmodified" && try unmodified "$tmp/unmodified"
"$nvcc" -arch=sm_90 -default-stream per-thread -cudart shared "$source" -o "$tmp/threads" &&
	try threads "$tmp/threads"
is "with per-thread streams nothing runs on the legacy one" \
	"$(awk -F '\t' '$1 == "kernel" && $11 == 7' "$tmp/threads.truth" | wc -l)" 0
# PTX is all that serves a device of another generation; the simulator unpacks no zstd.
"$nvcc" --no-compress -gencode arch=compute_80,code=compute_80 -cudart shared "$source" -o "$tmp/ptx" &&
	is "PTX alone is compiled for the device" "$("$tmp/ptx" 2>&1)" "$wanted"
"$nvcc" -cudart shared -x cu - -o "$tmp/old" <<'CODE'
#include <cstdio>
int main()
{
	int count = 0;

	std::puts(cudaGetErrorName(cudaGetDeviceCount(&count)));
}
CODE
is "a driver of CUDA 11 is too old for it" "$(SIMCUDA_DRIVER_VERSION=11080 "$tmp/old")" \
	cudaErrorInsufficientDriver
is "one of CUDA 12 is not" "$(SIMCUDA_DRIVER_VERSION=12040 "$tmp/unmodified")" "$wanted"
done_testing
