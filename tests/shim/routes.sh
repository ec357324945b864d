#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Every way to reach the driver is seen: three launches in, three launches recorded.
. "${top_srcdir:?}/tests/lib.sh"
here=$top_builddir/tests
fake=$here/shim/fake/.libs
plugins=$here/shim/.libs

# caught NAME DRIVER_DIR COMMAND...: its launches as recorded.
caught() {
	_name=$1 _dir=$2
	shift 2
	LD_LIBRARY_PATH=$_dir "$here/shim-consumer" "$shim" "$@" >"$tmp/out" 2>"$tmp/err"
	is "$_name: exit status" "$?" 0
	is "$_name: launches" "$(grep -c '^LAUNCH.*result=0 ok=1' "$tmp/out")" 3
	is "$_name: named" "$(grep -c '^DEF_FUNCTION.*name=.*kernel3' "$tmp/out")" 1
	head -n 5 "$tmp/err" | sed 's/^/# /'
}

for dir in "$fake" "$sim_dir"; do
	[ -z "$sanitizers" ] || [ "$dir" = "$fake" ] || continue
	GPUTRAIL_CUPTI=
	d=simulated
	# A CUPTI that is installed here would not survive the fake driver's answers.
	if [ "$dir" = "$fake" ]; then d=fake GPUTRAIL_CUPTI=off; fi
	export GPUTRAIL_CUPTI
	caught "a linked ($d)" "$dir" "$here/.libs/shim-linked"
	caught "d dlopen and dlsym ($d)" "$dir" "$here/shim-routes" dlsym
	caught "d dlvsym ($d)" "$dir" "$here/shim-routes" dlvsym
	caught "d RTLD_DEFAULT ($d)" "$dir" "$here/shim-routes" default
	caught "d dlsym fetched through dlsym ($d)" "$dir" "$here/shim-routes" indirect
	caught "d2 plugin linked ($d)" "$dir" "$here/shim-routes" plugin "$plugins/plugin_linked.so"
	caught "d3 plugin with dlsym ($d)" "$dir" "$here/shim-routes" plugin "$plugins/plugin_dlsym.so"
	caught "e1 driver opened with DEEPBIND ($d)" "$dir" "$here/shim-routes" deepbind
	caught "e2 DEEPBIND plugin linked ($d)" "$dir" "$here/shim-routes" plugin-deepbind \
		"$plugins/plugin_linked.so"
	caught "e3 DEEPBIND plugin with dlsym ($d)" "$dir" "$here/shim-routes" plugin-deepbind \
		"$plugins/plugin_dlsym.so"
	caught "cuGetProcAddress_v2 ($d)" "$dir" "$here/shim-routes" getproc
	caught "cuGetProcAddress ($d)" "$dir" "$here/shim-routes" getproc-v1
	caught "cuGetProcAddress through itself ($d)" "$dir" "$here/shim-routes" getproc-self
	if [ -n "$PYTHON3" ]; then
		caught "Python's ctypes ($d)" "$dir" "$PYTHON3" "$top_srcdir/tests/shim/launch3.py"
	else
		skip "Python's ctypes ($d)" "no python3"
	fi
done
if [ -n "$sanitizers" ]; then
	skip "b static runtime, c shared runtime, simulated driver" "sanitizers and LD_PRELOAD"
else
	caught "b static runtime" "$sim_dir" "$here/shim-runtime-static"
	caught "c shared runtime" "$sim_dir" "$here/.libs/shim-runtime-shared"
fi

FAKECUDA_ALIEN=cuLaunchKernel GPUTRAIL_CUPTI=off
export FAKECUDA_ALIEN GPUTRAIL_CUPTI
caught "an address the driver does not export" "$fake" "$here/shim-routes" getproc
is "counted" "$(grep -c '^COUNTER unknown_pointers=1' "$tmp/out")" 1
# A variant newer than our table could have other parameters: it must be left alone.
LD_LIBRARY_PATH=$fake "$here/shim-consumer" "$shim" "$here/shim-routes" getproc-newer >"$tmp/out"
is "a newer variant that is not exported: exit status" "$?" 0
is "a newer variant that is not exported: not wrapped" "$(grep -c '^LAUNCH' "$tmp/out")" 0
is "a newer variant that is not exported: counted" \
	"$(grep -c '^COUNTER unknown_pointers=1' "$tmp/out")" 1
# Were no address of the driver's an exported one: name, version and flags find every wrapper.
for FAKECUDA_ALIEN in none all; do
	export FAKECUDA_ALIEN
	LD_LIBRARY_PATH=$fake LD_PRELOAD=$shim GPUTRAIL_SOCKET=@nobody-$$ \
		"$here/shim-variants" "$shim" >"$tmp/out"
	is "every variant by name, version and flags ($FAKECUDA_ALIEN alien): exit status" "$?" 0
	is "every variant ($FAKECUDA_ALIEN alien)" "$(head -n 5 "$tmp/out")" ""
done
done_testing
