#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# The tables of the simulated CUPTI and runtime against the headers of a CUDA toolkit: sizes and
# offsets of records and structs, callback ids, result codes.
. "${top_srcdir:?}/tests/lib.sh"
include=${CUDA_INCLUDE:-}
sim=$top_srcdir/simcuda
[ -f "$include/cupti_activity.h" ] || skip_all "no CUDA toolkit with CUPTI (configure --with-cuda=DIR)"

# The toolkit's release as our tables write it: 13000 -> 1300, 12040 -> 1204.
release=$(sed -n 's/^#define CUDA_VERSION \([0-9]*\)$/\1/p' "$include/cuda.h")
release=$((release / 1000 * 100 + release % 1000 / 10))

# Assertions for one table; a compiler's error names the row.
records() {
	awk -v release="$release" -F '[(), ]+' '
	function same(what, value, row) {
		printf "_Static_assert(%s == %s, \"%s\");\n", what, value, row
	}
	$1 == "RECORD" { header[$2] = $4 }
	$1 == "SIZE" && $3 <= release {
		type[$2] = "CUpti_Activity" header[$2] ($4 > 1 ? $4 : "")
		same("sizeof(" type[$2] ")", $5, $0)
	}
	$1 == "FIELD" && $6 <= release && type[$2] {
		name = $3
		if ($2 == "overhead" && name ~ /^(process|thread)Id$/)
			name = "objectId.pt." name
		same("offsetof(" type[$2] ", " name ")", $4, $0)
		same("sizeof(((" type[$2] " *)0)->" name ")", $5, $0)
	}' "$sim/cupti_records.def"
}
codes() {
	# The callback ids end in _vVERSION; twins have their own.
	awk -v release="$release" -F '[(), ]+' '
	function same(name, version, id) {
		printf "_Static_assert(CUPTI_RUNTIME_TRACE_CBID_%s_v%d == %d, \"%s\");\n",
			name, version, id, name
	}
	$1 == "CALL" && $4 <= release * 10 { same($2, $4, $3) }
	$1 == "STREAM" && $5 <= release * 10 && $7 <= release * 10 {
		same($2, $5, $4)
		same($3, $7, $6)
	}' "$1"
}

# What callbacks are given; libprofile/cupti.h has the same.
callbacks() {
	while read -r type field offset; do
		echo "_Static_assert(offsetof(CUpti_$type, $field) == $offset, \"$type.$field\");"
	done <<-END
		CallbackData context 40
		CallbackData correlationId 64
		ResourceData resourceDescriptor 16
		GraphData graph 0
		GraphData originalGraph 8
		GraphData node 16
		GraphData originalNode 24
		GraphData nodeType 32
		GraphData dependency 40
		GraphData graphExec 48
	END
}

compile() {
	${CC:-cc} -fsyntax-only -I"$include" -I"$top_srcdir" "$1" 2>"$tmp/errors"
	_rc=$?
	sed 's/^/# /' "$tmp/errors" | head -n 20
	return $_rc
}

{
	echo '#include <stddef.h>'
	echo '#include <cupti.h>'
	records
	callbacks
} >"$tmp/records.c"
{
	echo '#include "simcuda/cupti.h"'
	callbacks
} >"$tmp/callbacks.c"
compile "$tmp/callbacks.c"
ok "the simulator's callback data"
checks=$(grep -c _Static_assert "$tmp/records.c")
[ "$checks" -gt 200 ] && compile "$tmp/records.c"
ok "activity records of release $release: $checks sizes and offsets"

# The rows of a table that go over several lines, on one line each.
rows() {
	sed -e ':a' -e '/,$/{N;s/\n[ \t]*/ /;ba' -e '}' "$1"
}

# Declaring a function again with other types is an error.
{
	echo '#include <cupti.h>'
	rows "$sim/cupti_functions.def" | awk -v release="$release" -F '[(), ]+' '
	$1 == "CUPTI" && $3 <= release {
		params = $0
		sub(/^[^,]*,[^,]*, */, "", params)
		sub(/\)$/, "", params)
		print "CUptiResult " $2 params ";"
	}'
} >"$tmp/functions.c"
rows "$sim/cupti_functions.def" | awk -v release="$release" -F '[(), ]+' '
	$1 == "CUPTI" && $3 > release { print $2 }' >"$tmp/absent"
checks=$(grep -c CUptiResult "$tmp/functions.c")
[ "$checks" -gt 30 ] && compile "$tmp/functions.c" && awk '
	NR == FNR { absent[$1]; next }
	match($0, /CUPTIAPI *cupti[A-Za-z_0-9]*/) {
		name = substr($0, RSTART + 8, RLENGTH - 8)
		gsub(/ /, "", name)
		if (name in absent) { print "# " name " is there already"; failed = 1 }
	}
	END { exit failed }' "$tmp/absent" "$include"/cupti_*.h
ok "functions of release $release: $checks prototypes"

{
	echo '#include <cupti.h>'
	rows "$sim/runtime_api.def" >"$tmp/api.def"
	codes "$tmp/api.def"
	sed -n 's/^[ \t]*X(\(CUPTI_[A-Z0-9_]*\), \([0-9]*\)).*/_Static_assert(\1 == \2, "\1");/p' \
		"$sim/cupti.h"
	sed -n 's/^[ \t]\(CUPTI_\(ACTIVITY\|CB\|CBID\|API\)_[A-Za-z0-9_]*\) = \([0-9a-fx]*\),*$/\1 \3/p' \
		"$sim/cupti.h" |
		while read -r name value; do
			case $name in
			*_LIMIT | *_FORCE_INT | *DEVICE_GRAPHS | *PER_THREAD_ACTIVITY_BUFFER) continue ;;
			esac
			echo "_Static_assert($name == $value, \"$name\");"
		done
} >"$tmp/codes.c"
checks=$(grep -c _Static_assert "$tmp/codes.c")
if [ "$release" -lt 1300 ]; then
	skip "ids and results" "the toolkit is older than the runtime that is simulated"
	skip "structs of the runtime" "the toolkit is older than the runtime that is simulated"
else
	[ "$checks" -gt 150 ] && compile "$tmp/codes.c"
	ok "CUPTI's ids, kinds, attributes and results: $checks values"
	{
		echo '#include <stddef.h>'
		echo '#include <cuda_runtime_api.h>'
		echo '_Static_assert(sizeof(struct cudaDeviceProp) == 1008, "cudaDeviceProp");'
		echo '_Static_assert(sizeof(struct cudaFuncAttributes) == 144, "cudaFuncAttributes");'
		echo '_Static_assert(sizeof(struct cudaPointerAttributes) == 88, "cudaPointerAttributes");'
		awk -F '[(), ]+' '$1 == "PROPERTY" {
			name = "struct cudaDeviceProp"
			printf "_Static_assert(offsetof(%s, %s) == %s, \"%s\");\n", name, $2, $3, $2
			printf "_Static_assert(sizeof(((%s *)0)->%s) == %s, \"%s\");\n",
				name, $2, $4, $2
		}' "$sim/runtime_properties.def"
		awk -F '[(), ]+' '$1 == "ERROR" {
			printf "_Static_assert(%s == %s, \"%s\");\n", $2, $3, $2 }' "$sim/runtime_errors.def"
	} >"$tmp/runtime.c"
	checks=$(grep -c _Static_assert "$tmp/runtime.c")
	[ "$checks" -gt 200 ] && compile "$tmp/runtime.c"
	ok "structs and errors of the runtime: $checks values"
fi
done_testing
