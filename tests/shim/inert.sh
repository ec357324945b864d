#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Programs that do not use CUDA do not notice: same output, no thread, descriptor or shared memory.
. "${top_srcdir:?}/tests/lib.sh"
here=$top_builddir/tests
cat >"$tmp/look.c" <<'C'
#include <dirent.h>
#include <stdio.h>
#include <string.h>

static int entries(const char *path)
{
	DIR *directory = opendir(path);
	int count = 0;

	while (directory && readdir(directory))
		count++;
	if (directory)
		closedir(directory);
	return count;
}

int main(void)
{
	char line[4096];
	int shared = 0;
	FILE *maps = fopen("/proc/self/maps", "r");

	while (maps && fgets(line, sizeof(line), maps))
		shared += strstr(line, "memfd") || !strncmp(strchr(line, ' '), " rw-s", 5);
	printf("threads %d descriptors %d shared %d\n", entries("/proc/self/task"),
	       entries("/proc/self/fd"), shared);
	return 0;
}
C
if ${CC:-cc} -o "$tmp/look" "$tmp/look.c"; then
	"$tmp/look" >"$tmp/bare"
	LD_PRELOAD=$shim "$tmp/look" >"$tmp/hooked"
	is "no thread, descriptor or shared memory" "$(cat "$tmp/hooked")" "$(cat "$tmp/bare")"
	LD_PRELOAD=$shim ${CC:-cc} -o "$tmp/look2" "$tmp/look.c"
	ok "the compiler works"
	cmp -s "$tmp/look" "$tmp/look2"
	ok "and gives the same bytes"
else
	skip "no thread, descriptor or shared memory" "no compiler"
fi

# same NAME COMMAND...: output and exit status with the preload are those without.
same() {
	_name=$1
	shift
	"$@" >"$tmp/bare" 2>&1
	_bare=$?
	LD_PRELOAD=$shim "$@" >"$tmp/hooked" 2>&1
	is "$_name: exit status" "$?" "$_bare"
	cmp -s "$tmp/bare" "$tmp/hooked"
	ok "$_name: output"
}
same "sh" sh -c 'echo $(( 6 * 7 )); ls / | sort; exit 3'
if [ -n "$PYTHON3" ]; then
	same "python" "$PYTHON3" -c 'import ctypes, threading; print(ctypes.CDLL(None).getpid() > 0)'
	same "python without the driver" "$PYTHON3" -c '
import ctypes
try:
    print(ctypes.CDLL(None).cuInit(0))
except AttributeError:
    print("none")'
else
	skip "python" "no python3"
fi
ptxas=$(command -v ptxas || ls /usr/local/cuda/bin/ptxas 2>/dev/null)
if [ -n "$ptxas" ]; then
	printf '.version 7.0\n.target sm_80\n.address_size 64\n.visible .entry k()\n{ ret; }\n' >"$tmp/k.ptx"
	same "ptxas" "$ptxas" -arch=sm_80 -o "$tmp/k.cubin" "$tmp/k.ptx"
else
	skip "ptxas" "not installed"
fi
done_testing
