#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Cubin, fat binary and PTX of the same source must read the same; where nvcc is to be had.
. "${top_srcdir:?}/tests/lib.sh"

nvcc=$(command -v nvcc || echo "${CUDA_INCLUDE%/include}/bin/nvcc")
[ -n "${CUDA_INCLUDE:-}" ] && [ -x "$nvcc" ] || skip_all "no nvcc"
source=$top_srcdir/tests/sim/images.cu
compile() {
	"$nvcc" -w "$@" "$source" >"$tmp/log" 2>&1 || skip_all "nvcc cannot compile here: $(head -n 1 "$tmp/log")"
}
compile -arch=sm_90 -cubin -o "$tmp/90.cubin"
compile -arch=sm_80 -cubin -o "$tmp/80.cubin"
compile -arch=sm_90 -ptx -o "$tmp/90.ptx"
compile -gencode arch=compute_80,code=sm_80 -gencode arch=compute_90,code=sm_90 \
	-gencode arch=compute_90,code=compute_90 -fatbin -o "$tmp/both.fatbin"
compile -gencode arch=compute_80,code=compute_80 --no-compress -fatbin -o "$tmp/ptx.fatbin"
compile -gencode arch=compute_80,code=compute_80 -fatbin -o "$tmp/packed.fatbin"
compile -gencode arch=compute_80,code=sm_80 -fatbin -o "$tmp/old.fatbin"

SIMCUDA_HOST_SCALE=0
export SIMCUDA_HOST_SCALE
show() {
	"$top_builddir/tests/sim-core-images" "$@" | sort
}
wanted=$(show "$tmp/90.ptx")
is "five kernels, five globals" "$(echo "$wanted" | wc -l)" 10
is "parameters of a struct by value" "$(echo "$wanted" | grep -c 'kernel mixed 0:1 4:32 36:2 40:8 threads 256 shared 1200')" 1
is "cluster size" "$(echo "$wanted" | grep -c 'clustered.* cluster 2$')" 1
is "an initial value" "$(echo "$wanted" | grep '^global counter')" "global counter 4 0000002a"
is "cubin reads as PTX does" "$(show "$tmp/90.cubin")" "$wanted"
is "so does a fat binary" "$(show "$tmp/both.fatbin")" "$wanted"
is "the fat binary's cubin is taken" "$(show -r "$tmp/both.fatbin")" "$(show -r "$tmp/90.cubin")"
is "a fat binary with PTX only" "$(show "$tmp/ptx.fatbin" | grep -v clustered)" \
	"$(echo "$wanted" | grep -v clustered)"
if ldconfig -p 2>/dev/null | grep -q 'libzstd\.so\.1 ' || ls /lib/*/libzstd.so.1 >"$tmp/log" 2>&1; then
	is "packed PTX" "$(show "$tmp/packed.fatbin")" "$(show "$tmp/ptx.fatbin")"
else
	skip "packed PTX" "no libzstd"
fi
is "a cubin for another architecture" "$(show "$tmp/80.cubin")" "error 209"
is "a fat binary without a match" "$(show "$tmp/old.fatbin")" "error 209"

SIMCUDA_DEVICE=A100
export SIMCUDA_DEVICE
is "the A100's cubin on an A100" "$(show "$tmp/80.cubin" | grep -v clustered)" \
	"$(echo "$wanted" | grep -v clustered)"
is "the A100's part of a fat binary" "$(show -r "$tmp/both.fatbin")" "$(show -r "$tmp/80.cubin")"
unset SIMCUDA_DEVICE
"$top_builddir/tests/sim-core-images" -d "$tmp/90.ptx" "$tmp/90.cubin" "$tmp/both.fatbin"
ok "damaged images do not crash the driver"
done_testing
