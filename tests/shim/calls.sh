#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Arguments of every family of calls as they arrive at the collector.
. "${top_srcdir:?}/tests/lib.sh"
here=$top_builddir/tests
fake=$here/shim/fake/.libs
GPUTRAIL_CUPTI=off LD_LIBRARY_PATH=$fake
export GPUTRAIL_CUPTI

export LD_LIBRARY_PATH
"$here/shim-consumer" "$shim" "$here/.libs/shim-calls" >"$tmp/out"
is "exit status" "$?" 0

# has NAME PATTERN [COUNT]: lines with it.
has() {
	is "$1" "$(grep -c -E "$2" "$tmp/out")" "${3:-1}"
}
has "records in order" "OUT OF ORDER|CORRUPT" 0
has "times" " ok=0" 0
has "function defined once" "DEF_FUNCTION id=1.*kernel_of_calls" 1
has "LaunchKernelEx" \
	"api=cuLaunchKernelEx .*grid=8,1,1 block=256,1,1 cluster=2,1,1 shared=1024 stream=5000 flags=15$"
has "per-thread variant" "api=cuLaunchKernel_ptsz .*grid=3,1,1 .*flags=32$"
has "cooperative" "api=cuLaunchCooperativeKernel .*grid=4,1,1 .*flags=1$"
has "several devices" "api=cuLaunchCooperativeKernelMultiDevice .*grid=[56]," 2
has "legacy launch" "api=cuLaunchGrid .*grid=7,3,1 block=16,2,1 .*shared=48"
has "captured launch" "LAUNCH .*grid=9,.* flags=16$"
has "launch beside a capture" "LAUNCH .*grid=10,.* flags=0$"
has "launch after a capture" "LAUNCH .*grid=11,.* flags=0$"
has "graph launch" "GRAPH_LAUNCH .*stream=5000 exec=9000 flags=0"
has "HtoD" "api=cuMemcpyHtoD_v2 .*kind=1 from=1 to=3 bytes=64 stream=0 async=0 .*destination=d000"
has "DtoH async" \
	"api=cuMemcpyDtoHAsync_v2 .*kind=2 from=3 to=1 bytes=32 stream=5000 async=1 .*source=d000"
has "DtoD per thread" "api=cuMemcpyDtoDAsync_v2_ptsz .*kind=8 .*bytes=16 .*flags=32"
has "32-bit variant" "api=cuMemcpyHtoD .*bytes=8 .*destination=d000"
has "unified copy" "api=cuMemcpyAsync .*kind=0 from=0 to=0 bytes=24"
has "from pinned memory" "api=cuMemcpyHtoDAsync_v2 .*kind=1 from=2 to=3 bytes=20"
has "unified copy from managed memory" "api=cuMemcpy .*kind=0 from=5 to=0 bytes=21"
has "from freed pinned memory" "api=cuMemcpyHtoD_v2 .*kind=1 from=1 to=3 bytes=22"
has "batch" \
	"api=cuMemcpyBatchAsync .*bytes=(111|222) stream=5000 async=1 .*source=a[12] destination=d[12]" 2
has "2D copy" "api=cuMemcpy2DAsync_v2 .*kind=1 .*bytes=30 stream=5000 async=1"
has "set" "api=cuMemsetD8Async .*value=7 bytes=100 stream=5000 async=1"
has "set of words" "api=cuMemsetD32_v2 .*value=9 bytes=100 stream=0 async=0"
has "2D set" "api=cuMemsetD2D16_v2 .*value=5 bytes=48"
has "alloc" "api=cuMemAlloc_v2 .*op=1 kind=1 bytes=4096 address=[0-9a-f]*[1-9a-f][0-9a-f]*"
has "free" "api=cuMemFree_v2 .*op=2 kind=1 bytes=0 address=[0-9a-f]*[1-9a-f][0-9a-f]*"
has "alloc async" "api=cuMemAllocAsync .*op=1 kind=2 bytes=512 .*stream=5000"
has "free async" "api=cuMemFreeAsync .*op=2 kind=2 .*stream=5000"
has "linked entry points counted" "^COUNTER route_linked="
has "host alloc" "api=cuMemHostAlloc .*op=1 kind=4 bytes=2048 address=[0-9a-f]*[1-9a-f][0-9a-f]*"
has "host free" "api=cuMemFreeHost .*op=2 kind=4"
has "host register" "api=cuMemHostRegister_v2 .*op=1 kind=5 bytes=1000"
has "managed" "api=cuMemAllocManaged .*op=1 kind=3 bytes=300"
has "VMM reserve" "api=cuMemAddressReserve .*op=1 kind=7 bytes=2097152"
has "VMM create" "api=cuMemCreate .*op=1 kind=6 bytes=2097152"
has "VMM map" "api=cuMemMap .*op=3 kind=6 bytes=2097152 address=[0-9a-f]*[1-9a-f][0-9a-f]*"
has "VMM unmap" "api=cuMemUnmap .*op=4 kind=6"
has "VMM release" "api=cuMemRelease .*op=2 kind=6"
has "host alloc's flags" "^ARGUMENTS api=cuMemHostAlloc .* names=\\(Flags\\) value=2$"
has "managed memory's flags" "^ARGUMENTS api=cuMemAllocManaged .* names=\\(flags\\) value=1$"
has "2D copy's pitches" "^ARGUMENTS api=cuMemcpy2DAsync_v2 .*pCopy->dstPitch, .* value=40 "
has "a module's file" "^ARGUMENTS api=cuModuleLoad .*names=\\(fname\\) text=\"/no.such/module.cubin\"$"
has "array" "api=cuArrayCreate_v2 .*op=1 kind=8 bytes=320"
has "stream defined" "^DEF_STREAM handle=[0-9a-f]+ priority=0"
has "stream created" "api=cuStreamCreate .*value=1$"
has "event created" "api=cuEventCreate .*value=2$"
has "event recorded" "api=cuEventRecord .*object=e000 second=5000"
has "event waited for" "api=cuStreamWaitEvent .*object=5000 second=e000"
has "event synchronised" "api=cuEventSynchronize .*object=e000"
has "stream synchronised" "api=cuStreamSynchronize .*object=5000"
has "context synchronised" "OBJECT api=cuCtxSynchronize "
has "capture begun" "api=cuStreamBeginCapture_v2 .*object=77 second=0 value=2"
has "capture ended" "api=cuStreamEndCapture .*object=77"
has "graph instantiated" "api=cuGraphInstantiateWithFlags .*second=6000 value=3"
has "graph updated" "api=cuGraphExecUpdate_v2 .*object=9000 second=6000"
has "graph destroyed" "api=cuGraphExecDestroy .*object=9000"
has "function attribute" "api=cuFuncSetAttribute .*second=8 value=10000"
has "tensor map" "api=cuTensorMapEncodeTiled .*object=d000 second=2 value=[0-9a-f]{8}"
has "counted only" "COUNTED api=cuCtxSetLimit calls=2 failed=0"
has "not recorded" "^[A-Z_]+ api=cuCtxSetLimit" 1
has "module gone" "api=cuModuleUnload"

FAKECUDA_FAIL=2 "$here/shim-consumer" "$shim" "$here/.libs/shim-calls" fail >"$tmp/out"
is "failing calls: exit status" "$?" 0
has "failed alloc" "MEMORY api=cuMemAlloc_v2 result=2 .*op=1 kind=1 bytes=77 address=0"
has "failed counted call" "CALL api=cuCtxSetLimit result=2"
has "text of a failed call is not touched" "^ARGUMENTS api=cuModuleLoad result=2 .* text=\"\"$"
has "failed event" "OBJECT api=cuEventCreate result=2 .*object=0"
done_testing
