# SPDX-License-Identifier: Apache-2.0
"""What the plants do around and inside of a step; the C server does the same."""
import contextlib
import ctypes
import struct
import time

import cuda
from nn import BATCH_MAX, BLOCKS_PER_REQUEST, FFN, HIDDEN, METADATA_BYTES
from plants import host_work

MIB = 1 << 20
WORKSPACE, BIG_WORKSPACE, PEAK, LEAK = 64 * MIB, 3072 * MIB, 2048 * MIB, 4 * MIB
UPLOAD, OFFLOAD, MANAGED, SEGMENT = 2 * MIB, 8 * MIB, 16 * MIB, 2 * MIB
SMALL_GRID, TRITON_STEPS, LEAKS_MAX = 24, 700, 4096
MAPS_PER_GEMM = 16
DISPATCH_NS, SLOW_STEP_NS = 40_000, 4_000_000
# CUmemAllocationProp and CUmemAccessDesc of device memory.
ALLOCATION_PROPERTIES, ACCESS = "iiiiQBBH4x", "iii"
# Plants whose doing is spread over the launches of a step: one fact for all of them.
SPREAD = {"small-copies", "launch-bound", "tiny-kernels", "sync-per-layer", "no-graphs",
          "attribute-queries", "no-pdl", "redundant-copies",
          "redundant-casts", "cross-stream-wait", "null-stream", "arch-fallback", "wave-tail",
          "low-occupancy", "low-coverage", "spill", "exposed-comm", "mega-kernel"}

TRITON = """.version 7.0
.target sm_80
.address_size 64
.visible .entry {name}(
	.param .u64 {name}_param_0,
	.param .u32 {name}_param_1
)
.maxntid 128, 1, 1
.maxnreg 32
{{
	.reg .f32 %f<4>;
{steps}	nanosleep.u32 8000;
	ret;
}}
"""


class Planted:
    """The plants' memory and doings."""

    def __init__(self, device):
        self.device, self.plants = device, device.plants
        self.inputs, self.staging = cuda.allocate(UPLOAD), cuda.allocate(65536)
        self.pageable = ctypes.create_string_buffer(UPLOAD)
        self.pinned = cuda.pinned(OFFLOAD)
        self.modules, self.failures, self.begin_ns = 0, 0, 0
        self.leaks, self.segment, self.other = [], None, None
        self.workspace = self.big_workspace = self.managed = self.peak = 0
        self.kv_cache = 0
        if {"launch-bound", "tensormap-in-loop", "attribute-queries"} & set(self.plants.rates):
            device.per_launch = self.per_launch

    def reserve(self, free):
        """Of the free memory, what the plants will take later."""
        size = 0
        if "leak" in self.plants:
            self.leaks_allowed = min(LEAKS_MAX, free // 4 // LEAK)
            size += self.leaks_allowed * LEAK
        if "big-workspace" in self.plants:
            size += BIG_WORKSPACE
        if "transient-peak" in self.plants:
            size += PEAK
        return size

    def after_cache(self, kv_cache, weight):
        """What comes after the KV pool was reserved."""
        self.kv_cache, self.weight = kv_cache, weight
        if "managed-memory" in self.plants:
            self.managed = cuda.created("cuMemAllocManaged", MANAGED, 1, kind=cuda.c_uint64)
        if "wrong-device" in self.plants:
            self.open_other_device()
        if "big-workspace" in self.plants:
            with self.on_record("big-workspace", "3072 MiB after the KV pool"):
                self.big_workspace = cuda.allocate(BIG_WORKSPACE)

    @contextlib.contextmanager
    def on_record(self, name, detail):
        """Puts what is done inside on record."""
        begin_ns = time.monotonic_ns()
        yield
        self.plants.record(name, begin_ns, detail)

    def gather(self, stream, grid=None):
        """A kernel that reads rows by an index."""
        self.device.launch("gather", [cuda.c_uint64(self.inputs),
                                      cuda.c_uint64(self.managed or self.staging),
                                      cuda.c_uint64(self.staging), cuda.c_int(SMALL_GRID * 256)],
                           grid and (grid, 1, 1), stream, is_dependent=False)

    def before_forward(self, plan):
        """In front of the metadata and the forward pass."""
        for name, (action, detail) in self.actions(plan).items():
            if name in plan.due:
                with self.on_record(name, detail):
                    action()
        self.begin_ns = time.monotonic_ns()

    def actions(self, plan):
        """What is done once per step, in this order."""
        return {
            "host-slow": (self.prepare_inputs_slowly, "prepare_inputs_slowly"),
            "jit-in-loop": (self.compile_and_load, "cuModuleLoadDataEx"),
            "long-kernel": (self.launch_long_kernel, "1.5 ms"),
            "pageable-copies": (self.upload_pageable, "2 MiB"),
            "kv-offload": (self.offload_and_reload, "8 MiB each way"),
            "alloc-in-loop": (self.allocate_workspace, "cuMemAlloc"),
            "fragmentation": (lambda: self.churn_segments(plan.step), "cuMemMap"),
            "leak": (self.leak, "4 MiB"),
            "oom": (self.allocate_too_much, "cuMemAlloc"),
            "wrong-device": (self.launch_on_other_device, "88 KiB of shared memory"),
            "launch-failure": (self.launch_impossible, "2048 threads"),
            "managed-memory": (self.touch_managed, "16 MiB"),
            "transient-peak": (self.allocate_peak, "2048 MiB"),
        }

    def after_forward(self, plan):
        """Behind the launches of a step."""
        if "transient-peak" in plan.due:
            cuda.call("cuMemFreeAsync", self.peak, self.device.compute)
        if "alloc-in-loop" in plan.due:
            with self.on_record("alloc-in-loop", "cuMemFree"):
                cuda.call("cuMemFree", self.workspace)
        if "long-prefill" in plan.due and plan.prefill_tokens > 512:
            self.plants.record("long-prefill", self.begin_ns, "whole prompts")
        if "graph-miss" in plan.due and not plan.prefill_tokens and plan.decode_batch > 2:
            self.plants.record("graph-miss", self.begin_ns, "eager decode")
        if "shrinking-batch" in plan.due and not plan.prefill_tokens and plan.decode_batch <= 8:
            self.plants.record("shrinking-batch", self.begin_ns, "half empty")
        for name in plan.due & SPREAD:
            self.plants.record(name, self.begin_ns, "step")

    def prepare_inputs_slowly(self):
        """Host work that should have been done elsewhere."""
        host_work(SLOW_STEP_NS)

    def compile_and_load(self):
        """A kernel that a compiler made for this shape just now."""
        name = f"triton_poi_fused_add_mul_silu_{self.modules}"
        self.modules += 1
        steps = "\tfma.rn.f32 %f1, %f1, %f2, %f3;\n" * TRITON_STEPS
        module = cuda.load_module(TRITON.format(name=name, steps=steps).encode())
        function = cuda.created("cuModuleGetFunction", module, name.encode())
        cuda.Kernel(function, name, 128, 0).launch(
            (self.device.sm_count * 16, 1, 1), self.device.compute,
            [cuda.c_uint64(self.inputs), cuda.c_uint32(4096)])

    def launch_long_kernel(self):
        """Another model's work, which nothing of the step waits for."""
        self.device.launch("rerank", [(cuda.c_uint64 * 16)(self.inputs)], stream=self.device.side,
                           is_dependent=False)

    def upload_pageable(self):
        """A large input."""
        cuda.call("cuMemcpyHtoDAsync", self.inputs, self.pageable, UPLOAD, self.device.compute)

    def offload_and_reload(self):
        """KV blocks to the host and back."""
        stream = self.device.compute
        cuda.call("cuMemcpyDtoHAsync", self.pinned, self.kv_cache, OFFLOAD, stream)
        cuda.call("cuMemcpyHtoDAsync", self.kv_cache, self.pinned, OFFLOAD, stream)

    def allocate_workspace(self):
        """Not from a pool."""
        self.workspace = cuda.allocate(WORKSPACE)

    def allocate_peak(self):
        """Logits of all tokens."""
        self.peak = cuda.created("cuMemAllocAsync", PEAK, self.device.compute, kind=cuda.c_uint64)

    def leak(self):
        """Never given back while serving."""
        if len(self.leaks) < self.leaks_allowed:
            self.leaks.append(cuda.allocate(LEAK))

    def churn_segments(self, step):
        """An allocator with expandable segments that never settles."""
        if self.segment:
            pointer, handle, size = self.segment
            cuda.call("cuMemUnmap", pointer, size)
            cuda.call("cuMemRelease", handle)
            cuda.call("cuMemAddressFree", pointer, size)
        size = SEGMENT * (1 + step % 7)
        properties = cuda.pack(ALLOCATION_PROPERTIES, 1, 0, 1, self.device.ordinal, 0, 0, 0, 0)
        pointer = cuda.created("cuMemAddressReserve", size, 0, 0, 0, kind=cuda.c_uint64)
        handle = cuda.created("cuMemCreate", size, properties, 0, kind=cuda.c_uint64)
        cuda.call("cuMemMap", pointer, size, 0, handle, 0)
        cuda.call("cuMemSetAccess", pointer, size, cuda.pack(ACCESS, 1, self.device.ordinal, 3), 1)
        self.segment = pointer, handle, size

    def allocate_too_much(self):
        """Asks for more than there is, then goes on without."""
        free, total = cuda.c_size_t(), cuda.c_size_t()
        cuda.call("cuMemGetInfo", cuda.byref(free), cuda.byref(total))
        pointer = cuda.c_uint64()
        if cuda.attempt("cuMemAlloc", cuda.byref(pointer), free.value + 1024 * MIB):
            self.failures += 1
        else:
            cuda.call("cuMemFree", pointer)

    def launch_impossible(self):
        """A block size no device has."""
        argument = cuda.c_uint64(self.inputs)
        pointers = (cuda.c_void_p * 3)(*[ctypes.addressof(argument)] * 3)
        kernel = self.device.kernels["silu_mul"]
        self.failures += bool(cuda.attempt("cuLaunchKernel", kernel.function, 1, 1, 1, 2048, 1, 1, 0,
                                           self.device.compute, pointers, None))

    def open_other_device(self):
        """The same kernel on another device; what was set for the first does not hold there."""
        ordinal = cuda.created("cuDeviceGet", 1, kind=cuda.c_int)
        context = cuda.created("cuDevicePrimaryCtxRetain", ordinal)
        cuda.call("cuCtxSetCurrent", context)
        function = self.device.kernels.load_again("attention_two_warps")
        self.device.use()
        self.other = ordinal, context, function

    def launch_on_other_device(self):
        """More shared memory than a kernel may have that was not told so."""
        _, context, function = self.other
        params = ctypes.create_string_buffer(128)
        pointers = (cuda.c_void_p * 1)(ctypes.addressof(params))
        cuda.call("cuCtxSetCurrent", context)
        self.failures += bool(cuda.attempt("cuLaunchKernel", function, 264, 1, 1, 64, 1, 1, 90112,
                                           None, pointers, None))
        self.device.use()

    def touch_managed(self):
        """By the host, then by a kernel."""
        pages = (ctypes.c_char * MANAGED).from_address(self.managed)
        for place in range(0, MANAGED, 65536):
            pages[place] = b"x"
        self.gather(self.device.compute)

    def upload_metadata(self, device_metadata, host_metadata, batch):
        """Every field and every block table in a copy of its own."""
        row, table = BATCH_MAX * 4, METADATA_BYTES - BATCH_MAX * BLOCKS_PER_REQUEST * 4
        places = [(16 + index * row, row) for index in range(7)]
        places += [(table + index * BLOCKS_PER_REQUEST * 4, BLOCKS_PER_REQUEST * 4)
                   for index in range(batch)]
        for place, size in places:
            cuda.call("cuMemcpyHtoDAsync", device_metadata + place, host_metadata + place, size,
                      self.device.compute)

    def in_layer(self):
        """At the end of each layer of an eager step."""
        due = self.device.due
        if "sync-per-layer" in due:
            self.retrieve()
        if "cross-stream-wait" in due:
            self.detour_over_side_stream()
        if "null-stream" in due:
            self.serialise_by_legacy_stream()

    def retrieve(self):
        """A few bytes back, wait, an index forth."""
        stream = self.device.compute
        cuda.call("cuMemcpyDtoHAsync", self.pinned, self.staging, 64, stream)
        cuda.call("cuStreamSynchronize", stream)
        cuda.call("cuMemcpyHtoDAsync", self.staging, self.pinned, 4096, stream)
        self.gather(stream)

    def detour_over_side_stream(self):
        """There and back by events."""
        device = self.device
        if not hasattr(self, "side_events"):
            self.side_events = cuda.event(), cuda.event()
        begin, end = self.side_events
        cuda.call("cuEventRecord", begin, device.compute)
        cuda.call("cuStreamWaitEvent", device.side, begin, 0)
        self.gather(device.side, SMALL_GRID)
        cuda.call("cuEventRecord", end, device.side)
        cuda.call("cuStreamWaitEvent", device.compute, end, 0)

    def serialise_by_legacy_stream(self):
        """Two streams that never overlap."""
        self.gather(self.device.side, SMALL_GRID)
        cuda.call("cuMemsetD8Async", self.staging, 0, 256, None)
        self.gather(self.device.compute, SMALL_GRID)

    def per_launch(self, name):
        """In front of every launch."""
        due = self.device.due
        if "launch-bound" in due:
            host_work(DISPATCH_NS)
        if "tensormap-in-loop" in due and name.startswith(("decode_", "prefill_", "lm_head")):
            with self.on_record("tensormap-in-loop", "cuTensorMapEncodeTiled"):
                for _ in range(MAPS_PER_GEMM):
                    self.encode_tensor_map()
        if "attribute-queries" in due:
            self.query_attributes(name)

    def encode_tensor_map(self):
        """Looks up the entry point and encodes the same map again."""
        cuda.look_up("cuTensorMapEncodeTiled")
        room = ctypes.create_string_buffer(128 + 64)
        place = -ctypes.addressof(room) % 64 + ctypes.addressof(room)
        cuda.call("cuTensorMapEncodeTiled", place, 9, 2, self.weight,
                  cuda.pack("2Q", HIDDEN, FFN), cuda.pack("Q", HIDDEN * 2),
                  cuda.pack("2I", 64, 128), cuda.pack("2I", 1, 1), 0, 3, 2, 0)

    def query_attributes(self, name):
        """What could have been asked and set once."""
        function = self.device.kernels[name].function
        cuda.call("cuFuncSetAttribute", function, cuda.SHARED_CARVEOUT, 100)
        self.device.attribute(16)
        cuda.created("cuFuncGetAttribute", 4, function, kind=cuda.c_int)
        cuda.created("cuOccupancyMaxActiveBlocksPerMultiprocessor", function, 128, 0,
                     kind=cuda.c_int)
        cuda.created("cuPointerGetAttribute", 2, self.kv_cache, kind=cuda.c_int)

    def close(self):
        """Gives all memory back."""
        for pointer in [*self.leaks, self.inputs, self.staging, self.big_workspace, self.managed]:
            if pointer:
                cuda.call("cuMemFree", pointer)
        cuda.call("cuMemFreeHost", self.pinned)
        if self.other:
            cuda.call("cuDevicePrimaryCtxRelease", self.other[0])


assert struct.calcsize(ALLOCATION_PROPERTIES) == 32
