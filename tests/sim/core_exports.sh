#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# libcuda.so.1 exports the rows of driver_api.def and its own hooks, and nothing else.
. "${top_srcdir:?}/tests/lib.sh"

library=$sim_dir/libcuda.so.1
sed -n 's/^API(\([A-Za-z0-9_]*\),.*/\1/p' "$top_srcdir/driver/driver_api.def" >"$tmp/wanted"
# The hooks that libcupti and libcudart use: what headers declare as exported.
sed -n 's/.*SIM_EXPORT .*[ *]\(simcuda_[a-z_]*\)(.*/\1/p' "$top_srcdir"/simcuda/*.h >>"$tmp/wanted"
sort "$tmp/wanted" >"$tmp/wanted.sorted"
$NM -D --defined-only "$library" | awk '{ print $3 }' | sed 's/@.*//' | sort >"$tmp/got"
is "exported symbols" "$(cat "$tmp/got")" "$(cat "$tmp/wanted.sorted")"
is "number of entry points" "$(grep -c '^cu' "$tmp/got")" 637
is "soname" "$(LC_ALL=C readelf -d "$library" | sed -n 's/.*SONAME.*\[\(.*\)\]/\1/p')" libcuda.so.1
is "needs nothing but libc and libm" \
	"$(LC_ALL=C readelf -d "$library" | sed -n 's/.*NEEDED.*\[\(.*\)\]/\1/p' |
		grep -v -e '^libc\.so' -e '^libm\.so' -e '^lib[a-z]*san\.so' -e '^ld-linux')" ""

# Every error has its name and text.
sed -n '/cudaError_enum/,/CUresult;/s/^[	 ]*\(CUDA_[A-Z0-9_]*\) = [0-9]*,*$/\1/p' \
	"$top_srcdir/driver/driver_enums.h" | sort >"$tmp/codes"
sed -n 's/^ERROR(\([A-Z0-9_]*\), ".*")$/\1/p' "$top_srcdir/simcuda/errors.def" | sort >"$tmp/named"
is "errors with a name" "$(cat "$tmp/named")" "$(cat "$tmp/codes")"
done_testing
