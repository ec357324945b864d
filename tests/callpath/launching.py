# SPDX-License-Identifier: Apache-2.0
"""Launches on the (simulated) driver, each with what Python itself says its stack is. The grid's x
numbers a launch; close() writes the stacks to TRUTH.FIRST, where compare.py looks for them."""
import ctypes
import json
import sys
import threading
import traceback

PTX = b""".version 7.0
.target sm_70
.address_size 64
.visible .entry probe_kernel(.param .u32 probe_kernel_param_0)
{
	ret;
}
"""


def check(result):
    if result:
        sys.exit("CUDA error %d" % result)


class Launcher:
    def __init__(self, truth, first):
        self.truth, self.first = truth, first
        self.stacks = []
        self.lock = threading.Lock()
        self.cuda = ctypes.CDLL("libcuda.so.1")     # CDLL drops the GIL during a call
        self.function, self.context = ctypes.c_void_p(), ctypes.c_void_p()
        module = ctypes.c_void_p()
        check(self.cuda.cuInit(0))
        check(self.cuda.cuDevicePrimaryCtxRetain(ctypes.byref(self.context), 0))
        self.use()
        check(self.cuda.cuModuleLoadData(ctypes.byref(module), PTX))
        check(self.cuda.cuModuleGetFunction(ctypes.byref(self.function), module, b"probe_kernel"))

    def use(self):
        """What each thread does before its first launch."""
        check(self.cuda.cuCtxSetCurrent(self.context))

    def launch(self):
        value = ctypes.c_uint32(7)
        params = (ctypes.c_void_p * 1)(ctypes.addressof(value))
        with self.lock:
            place = len(self.stacks)
            self.stacks.append(None)
        number = self.first + place
        stack = traceback.extract_stack(); result = self.cuda.cuLaunchKernel(self.function, number, 1, 1, 32, 1, 1, 0, None, params, None)
        check(result)
        self.stacks[place] = [[f.filename, f.lineno, f.name] for f in stack]

    def close(self):
        check(self.cuda.cuCtxSynchronize())
        with open("%s.%d" % (self.truth, self.first), "w") as out:
            json.dump(self.stacks, out)
