#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# libprofile.so as a file: exactly the wrappers are exported, nothing but a small part of libc is
# used, and the table of entry points is that of cuda.h.
. "${top_srcdir:?}/tests/lib.sh"
table=$top_srcdir/driver/driver_api.def

# The calls of CUPTI that another tool begins and ends to trace with.
lent=$(sed -n 's/^\tCALL(\([A-Za-z0-9_]*\),.*/cupti\1/p' "$top_srcdir/libprofile/cupti_lend.c")
{
	sed -n 's/^API(\([A-Za-z0-9_]*\), [A-Za-z0-9_]*, [12],.*/\1/p' "$table"
	printf '%s\n' $lent InitializeInjectionNvtx2 _Exit _exit dlclose dlopen dlsym dlvsym
} | LC_ALL=C sort >"$tmp/wanted"
${NM:-nm} -D --defined-only "$shim" | awk '{ print $NF }' | LC_ALL=C sort >"$tmp/exported"
diff "$tmp/wanted" "$tmp/exported" | sed 's/^/# /'
cmp -s "$tmp/wanted" "$tmp/exported"
ok "exports are the rows of tiers 1 and 2, CUPTI's that are lent, the loader's, _exit and NVTX's begin"

# Of libc only what neither allocates nor buffers; weak ones are the compiler's.
allowed='__cxa_atexit __errno_location __register_atfork access clock_gettime clone close connect
	dl_iterate_phdr dlclose dlerror dup2 environ __environ execve fallocate fcntl fcntl64 fstat
	ftruncate ftruncate64 fallocate64 getenv getpid getsockopt getppid getrlimit getrlimit64 getuid madvise
	memchr memcmp memcpy memfd_create memmove memset mmap mmap64 mprotect munmap nanosleep open open64
	poll prctl process_vm_readv
	pthread_attr_destroy pthread_attr_getstack pthread_cond_signal pthread_cond_timedwait pthread_create pthread_detach
	pthread_getattr_np pthread_key_create
	pthread_mutex_lock pthread_mutex_unlock pthread_self pthread_setcancelstate pthread_setspecific
	pthread_sigmask read readlink recv sched_yield sendmsg setsid sigaction sigemptyset sigfillset
	sigprocmask socket strchr strcmp strlen strncmp strnlen strrchr strstr syscall sysconf
	waitpid write __stack_chk_fail'
for name in $(${NM:-nm} -D --undefined-only "$shim" | awk '$1 == "U" { sub(/@.*/, "", $2); print $2 }'); do
	case " $(echo $allowed) " in
	*" $name "*) ;;
	*) echo "$name" ;;
	esac
done >"$tmp/strange"
is "imports are on the list" "$(cat "$tmp/strange")" ""
is "needs only libc" "$(readelf -d "$shim" | sed -n 's/.*NEEDED.*\[\(.*\)\]/\1/p' | grep -v '^ld-linux')" \
	"libc.so.6"
readelf -d "$shim" | grep -q 'FLAGS_1.*NOW.*NODELETE'
ok "bound at load, never unloaded"
readelf -lW "$shim" | grep -q 'GNU_STACK.*RWE'
test $? -ne 0
ok "no executable stack"

# Every row has the type that cuda.h gives it, and every function of cuda.h has a row.
if [ -z "$CUDA_INCLUDE" ]; then
	skip "types of cuda.h" "no CUDA headers"
	skip "functions of cuda.h" "no CUDA headers"
	skip "layouts of cuda.h" "no CUDA headers"
	done_testing
	exit 0
fi
cat >"$tmp/check.c" <<'C'
#define __CUDA_API_VERSION_INTERNAL 1
#include <stddef.h>
#include <cuda.h>
#include <cudaProfiler.h>
#define API(symbol, base, tier, since, per_thread, cbid, category, params, args) \
	_Static_assert(__builtin_types_compatible_p(__typeof__(symbol), CUresult params), #symbol);
#include "driver/driver_api.def"
C
${CC:-cc} -std=gnu11 -fsyntax-only -I"$top_srcdir" -I"$CUDA_INCLUDE" "$tmp/check.c" 2>"$tmp/err"
ok "types of cuda.h"
head -n 12 "$tmp/err" | sed 's/^/# /'
# Words before "(" of declarations that return CUresult, as the preprocessor leaves them.
${CC:-cc} -std=gnu11 -E -P -I"$CUDA_INCLUDE" "$tmp/check.c" 2>/dev/null |
	sed -n 's/.*CUresult *\(cu[A-Z][A-Za-z0-9_]*\) *(.*/\1/p' | LC_ALL=C sort -u >"$tmp/header"
sed -n 's/^API(\([A-Za-z0-9_]*\),.*/\1/p' "$table" | LC_ALL=C sort -u >"$tmp/rows"
LC_ALL=C comm -23 "$tmp/header" "$tmp/rows" >"$tmp/missing"
is "functions of cuda.h without a row" "$(cat "$tmp/missing")" ""

layout=$top_srcdir/tests/shim/layout.c
${CC:-cc} -std=gnu11 -I"$top_srcdir" -o "$tmp/ours" "$layout" && "$tmp/ours" >"$tmp/ours.txt"
ok "layouts of our types"
${CC:-cc} -std=gnu11 -DUSE_CUDA_H -I"$CUDA_INCLUDE" -o "$tmp/theirs" "$layout" &&
	"$tmp/theirs" >"$tmp/theirs.txt"
ok "layouts of cuda.h"
diff "$tmp/ours.txt" "$tmp/theirs.txt" | sed 's/^/# /'
cmp -s "$tmp/ours.txt" "$tmp/theirs.txt"
ok "are the same"
done_testing
