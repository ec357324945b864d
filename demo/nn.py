# SPDX-License-Identifier: Apache-2.0
"""The little of a neural-network framework that the model needs: modules and their calls."""
import os
import struct

import cuda

HIDDEN, HEADS, KV_HEADS, HEAD_DIM, FFN, VOCABULARY = 4096, 32, 8, 128, 14336, 128256
BATCH_MAX, BLOCK_TOKENS, BLOCKS_PER_REQUEST = 32, 16, 256
CHUNK_TOKENS, PROMPT_MAX, SKINNY_TOKENS = 512, 2048, 64
METADATA_BYTES = 4 * (4 + 7 * BATCH_MAX + BATCH_MAX * BLOCKS_PER_REQUEST)
GEMM_PARAMS = "4Q3q4I2f2Q"
PAGED_KV_PARAMS = "6Q3q8i2fqQ"
SAMPLING_PARAMS = "3Q2i2Q"


class Device:
    """The GPU: context, streams, kernels, and which plants are due in this step."""

    def __init__(self, plants):
        cuda.call("cuInit", 0)
        self.ordinal = cuda.created("cuDeviceGet", 0, kind=cuda.c_int)
        self.context = cuda.created("cuDevicePrimaryCtxRetain", self.ordinal)
        self.use()
        self.sm_count = self.attribute(16)
        self.capability = self.attribute(75) * 10 + self.attribute(76)
        least, greatest = cuda.c_int(), cuda.c_int()
        cuda.call("cuCtxGetStreamPriorityRange", cuda.byref(least), cuda.byref(greatest))
        self.plants, self.due = plants, frozenset()
        flags = 0 if "null-stream" in plants else cuda.STREAM_NON_BLOCKING
        compute = greatest if "long-kernel" in plants else least
        self.compute, self.copy, self.sampling, self.side = (
            cuda.created("cuStreamCreateWithPriority", flags, priority.value)
            for priority in (compute, greatest, greatest, least))
        self.kernels = cuda.Kernels()
        self.per_launch = None

    def use(self):
        """Makes the context current to the calling thread."""
        cuda.call("cuCtxSetCurrent", self.context)

    def attribute(self, number):
        """An attribute of the device."""
        return cuda.created("cuDeviceGetAttribute", number, self.ordinal, kind=cuda.c_int)

    def full_grid(self, name, waves=1):
        """As many blocks as fill the device exactly."""
        return self.sm_count * self.kernels[name].blocks_per_sm * waves

    def launch(self, name, arguments, grid=None, stream=None, is_dependent=True):
        """Launches a kernel, by default one full wave on the compute stream."""
        if self.per_launch:
            self.per_launch(name)
        may_overlap = is_dependent and self.capability >= 90 and "no-pdl" not in self.due
        self.kernels[name].launch(grid or (self.full_grid(name), 1, 1), stream or self.compute,
                                  arguments, may_overlap)

    def close(self):
        """Gives everything back."""
        for stream in (self.compute, self.copy, self.sampling, self.side):
            cuda.call("cuStreamDestroy", stream)
        self.kernels.close()
        cuda.call("cuDevicePrimaryCtxRelease", self.ordinal)


class Module:
    """Calls go through __call__ to forward, so that hooks can be put around them."""

    def __init__(self, device):
        self.device = device
        self.hooks = []

    def __call__(self, *arguments):
        return self._call_impl(*arguments)

    def _call_impl(self, *arguments):
        if self.hooks:
            for hook in self.hooks:
                hook(self, *arguments)
        return self.forward(*arguments)

    def forward(self, *arguments):
        """What the module computes."""
        raise NotImplementedError(f"{type(self).__name__}.forward{arguments}")


class Parameter:
    """A weight; its values do not matter, so it is filled on the device."""

    def __init__(self, device, elements):
        self.pointer = cuda.allocate(elements * 2)
        device.launch("uniform_fill", [cuda.c_uint64(self.pointer), cuda.c_uint64(elements),
                                       cuda.c_uint32(1)], is_dependent=False)

    def free(self):
        """Gives the memory back."""
        cuda.call("cuMemFree", self.pointer)


def elementwise(device, name, output, *inputs, count):
    """A kernel over `count` elements."""
    device.launch(name, [cuda.c_uint64(pointer) for pointer in (output, *inputs)] +
                  [cuda.c_int(count)])


def prepare_simulator(plants):
    """What the simulated GPU takes from its environment; a real driver ignores it."""
    if "wrong-device" in plants:
        os.environ.setdefault("SIMCUDA_DEVICES", "2")
    os.environ.setdefault("SIMCUDA_COSTS", os.path.join(cuda.FOLDER, "demo.costs"))


assert struct.calcsize(GEMM_PARAMS) == 96
assert struct.calcsize(PAGED_KV_PARAMS) == 128
assert struct.calcsize(SAMPLING_PARAMS) == 48
