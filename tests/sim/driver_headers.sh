#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Our table and types against the toolkit's cuda.h: prototypes, sizes, offsets, constants.
. "${top_srcdir:?}/tests/lib.sh"

[ -n "${CUDA_INCLUDE:-}" ] || skip_all "no CUDA headers (configure --with-cuda=DIR)"
version=$(sed -n 's/^#define CUDA_VERSION \([0-9]*\)/\1/p' "$CUDA_INCLUDE/cuda.h")
[ "${version:-0}" -ge 13000 ] && [ "$version" -lt 13010 ] ||
	skip_all "the tables are those of CUDA 13.0, these headers are of $version"

# Every row must be a legal redeclaration of what cuda.h declares.
{
	echo '#define __CUDA_API_VERSION_INTERNAL'
	echo '#include <cuda.h>'
	echo '#define API(symbol, base, tier, since, per_thread, cbid, category, params, args) \'
	echo '	CUresult CUDAAPI symbol params;'
	echo '#include "driver/driver_api.def"'
} >"$tmp/rows.c"
${CC:-cc} -std=gnu11 -w -fsyntax-only -isystem "$CUDA_INCLUDE" -I"$top_srcdir" "$tmp/rows.c" 2>"$tmp/errors"
ok "637 prototypes agree with cuda.h" || :
sed 's/^/# /' "$tmp/errors" | head -n 10
# The check can fail: one changed parameter must be noticed.
sed 's/^API(cuMemAlloc_v2,.*/&/; s/(CUdeviceptr \*dptr, size_t bytesize),/(CUdeviceptr *dptr, int bytesize),/' \
	"$top_srcdir/driver/driver_api.def" >"$tmp/changed.def"
sed "s|driver/driver_api.def|$tmp/changed.def|" "$tmp/rows.c" >"$tmp/changed.c"
! ${CC:-cc} -std=gnu11 -w -fsyntax-only -isystem "$CUDA_INCLUDE" -I"$top_srcdir" "$tmp/changed.c" 2>/dev/null
ok "a wrong prototype would be noticed"
# And cuda.h declares nothing that the table lacks.
grep -o '\bcu[A-Z][A-Za-z0-9_]* *(' "$CUDA_INCLUDE/cuda.h" | tr -d ' (' | sort -u >"$tmp/header"
sed -n 's/^API(\([A-Za-z0-9_]*\), \([A-Za-z0-9_]*\),.*/\1\n\2/p' "$top_srcdir/driver/driver_api.def" |
	sort -u >"$tmp/table"
sed -n 's/^CUresult CUDAAPI \(cu[A-Za-z0-9_]*\)(.*/\1/p' "$CUDA_INCLUDE/cuda.h" | sort -u >"$tmp/declared"
is "cuda.h declares no function that the table lacks" "$(comm -23 "$tmp/declared" "$tmp/table")" ""

# One program, compiled with either set of headers, prints all it knows of them.
{
	sed -n 's/^[	 ,]*\(CUD*A*_[A-Za-z0-9_]*\) *=.*/CONSTANT(\1)/p;
		s/^[	 ]*\(CU_MEMPOOL_ATTR_[A-Z_]*\|CU_GRAPH_MEM_ATTR_[A-Z_]*\),*$/CONSTANT(\1)/p' \
		"$top_srcdir/driver/driver_enums.h"
	sed -n 's/^} \([A-Za-z0-9_]*\);/SIZE(\1)/p' "$top_srcdir/driver/driver_types.h"
	# Members of the outermost level only, and only their names.
	awk '/^typedef (struct|union) [A-Za-z0-9_]+ \{/ { depth = 1; n = 0; next }
		depth > 0 && /\{/ { depth++; next }
		depth > 1 && /\}/ { depth--; name = $0; sub(/^[ \t]*\} */, "", name); sub(/;.*/, "", name)
			if (depth == 1 && name != "") field[n++] = name; next }
		depth == 1 && /\}/ { type = $0; sub(/^[ \t]*\} */, "", type); sub(/;.*/, "", type)
			for (i = 0; i < n; i++) print "OFFSET(" type ", " field[i] ")"; depth = 0; next }
		depth == 1 && /;/ { name = $0; sub(/;.*/, "", name); sub(/\[.*/, "", name)
			sub(/.*[ *]/, "", name); field[n++] = name }' "$top_srcdir/driver/driver_types.h"
} >"$tmp/facts.def"
cat - "$tmp/facts.def" >"$tmp/facts.c" <<'EOF'
#include <stddef.h>
#include <stdio.h>
#ifdef OURS
#include "driver/driver_types.h"
#else
#define __CUDA_API_VERSION_INTERNAL
#include <cuda.h>
#endif
#define CONSTANT(name) printf("%s %lld\n", #name, (long long)name);
#define SIZE(type) printf("%s %zu\n", #type, sizeof(type));
#define OFFSET(type, field) printf("%s.%s %zu:%zu\n", #type, #field, offsetof(type, field), \
				   sizeof(((type *)0)->field));
int main(void) {
EOF
echo 'return 0; }' >>"$tmp/facts.c"
${CC:-cc} -std=gnu11 -w -DOURS -I"$top_srcdir" -o "$tmp/ours" "$tmp/facts.c" 2>"$tmp/errors"
ok "our headers compile"
${CC:-cc} -std=gnu11 -w -isystem "$CUDA_INCLUDE" -o "$tmp/theirs" "$tmp/facts.c" 2>>"$tmp/errors"
ok "all names exist in cuda.h"
sed 's/^/# /' "$tmp/errors" | head -n 10
"$tmp/ours" >"$tmp/ours.out" 2>/dev/null
"$tmp/theirs" >"$tmp/theirs.out" 2>/dev/null
is "sizes, offsets and constants are equal" "$(diff "$tmp/ours.out" "$tmp/theirs.out")" ""
count=$(wc -l <"$tmp/theirs.out")
test "$count" -gt 900
ok "there were many of them ($count)"
done_testing
