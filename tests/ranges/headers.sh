#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# What libprofile.so takes for NVTX's interface is what its headers say.
. "${top_srcdir:?}/tests/lib.sh"
[ -f "${CUDA_INCLUDE:-/nowhere}/nvtx3/nvToolsExt.h" ] || skip_all "no headers of NVTX 3"

cat >"$tmp/check.c" <<'C'
#include <nvtx3/nvToolsExt.h>
#include "libprofile/nvtx_layout.h"
#include "wire/wire.h"

/* Numbers of the functions. */
#define NVTX_CALL(module, number, name, type, parameters) \
	_Static_assert(NVTX_CBID_##module##_##name == number, #name);
#include "libprofile/nvtx.def"
#define SAME(ours, theirs) _Static_assert((long)(ours) == (long)(theirs), #theirs);
SAME(NVTX_MODULE_CORE, NVTX_CB_MODULE_CORE)
SAME(NVTX_MODULE_CORE2, NVTX_CB_MODULE_CORE2)
SAME(NVTX_TABLE_CALLBACKS, NVTX_ETID_CALLBACKS)
SAME(sizeof(struct nvtx_callbacks), sizeof(NvtxExportTableCallbacks))
SAME(offsetof(struct nvtx_callbacks, module_functions),
     offsetof(NvtxExportTableCallbacks, GetModuleFunctionTable))
SAME(NVTX_LEVEL_UNKNOWN, NVTX_NO_PUSH_POP_TRACKING)
SAME(NVTX_MESSAGE_NONE, NVTX_MESSAGE_UNKNOWN)
SAME(NVTX_MESSAGE_TEXT, NVTX_MESSAGE_TYPE_ASCII)
SAME(NVTX_MESSAGE_WIDE, NVTX_MESSAGE_TYPE_UNICODE)
SAME(NVTX_ARGB, NVTX_COLOR_ARGB)
SAME(NVTX_MESSAGE_REGISTERED, NVTX_MESSAGE_TYPE_REGISTERED)
SAME(WIRE_PAYLOAD_UINT64, NVTX_PAYLOAD_TYPE_UNSIGNED_INT64)
SAME(WIRE_PAYLOAD_INT64, NVTX_PAYLOAD_TYPE_INT64)
SAME(WIRE_PAYLOAD_DOUBLE, NVTX_PAYLOAD_TYPE_DOUBLE)
SAME(WIRE_PAYLOAD_UINT32, NVTX_PAYLOAD_TYPE_UNSIGNED_INT32)
SAME(WIRE_PAYLOAD_INT32, NVTX_PAYLOAD_TYPE_INT32)
SAME(WIRE_PAYLOAD_FLOAT, NVTX_PAYLOAD_TYPE_FLOAT)
SAME(sizeof(struct nvtx_attributes), sizeof(nvtxEventAttributes_t))
#define FIELD(ours, theirs)								\
	SAME(offsetof(struct nvtx_attributes, ours), offsetof(nvtxEventAttributes_t, theirs))	\
	SAME(sizeof(((struct nvtx_attributes *)0)->ours), sizeof(((nvtxEventAttributes_t *)0)->theirs))
FIELD(version, version)
FIELD(bytes, size)
FIELD(category, category)
FIELD(color_type, colorType)
FIELD(color, color)
FIELD(payload_type, payloadType)
FIELD(payload, payload)
FIELD(message_type, messageType)
FIELD(message, message)
C
${CC:-cc} -std=gnu11 -fsyntax-only -I"$top_srcdir" -I"$CUDA_INCLUDE" "$tmp/check.c" 2>"$tmp/err"
ok "numbers and layouts are those of the headers"
head -n 12 "$tmp/err" | sed 's/^/# /'

# Parameters: ours with NVIDIA's structure in the place of ours must be NVIDIA's type.
{
	echo '#include <nvtx3/nvToolsExt.h>'
	echo '#include <wchar.h>'
	sed -n 's/^NVTX_CALL([A-Z0-9]*, *[0-9]*, \([A-Za-z]*\), *\(.*\), (\(.*\)))$/\1|\2|\3/p' \
		"$top_srcdir/libprofile/nvtx.def" |
		sed 's/const struct nvtx_attributes \*/const nvtxEventAttributes_t */
		     s/void \*domain/nvtxDomainHandle_t domain/' |
		while IFS='|' read -r name type parameters; do
			case $name in
			DomainRegister*) type=nvtxStringHandle_t ;;
			DomainCreate*) type=nvtxDomainHandle_t ;;
			esac
			echo "typedef $type f_$name($parameters);"
			echo "_Static_assert(__builtin_types_compatible_p(f_$name *, nvtx${name}_impl_fntype), \"$name\");"
		done
} >"$tmp/types.c"
is "functions compared" "$(grep -c _Static_assert "$tmp/types.c")" \
	"$(grep -c '^NVTX_CALL' "$top_srcdir/libprofile/nvtx.def")"
${CC:-cc} -std=gnu11 -fsyntax-only -I"$CUDA_INCLUDE" "$tmp/types.c" 2>"$tmp/err"
ok "types of the functions are those of the headers"
head -n 12 "$tmp/err" | sed 's/^/# /'
done_testing
