# SPDX-License-Identifier: Apache-2.0
"""Three launches through ctypes, as Python libraries reach the driver."""
import ctypes

IMAGE = b""".version 7.0
.target sm_70
.address_size 64
.visible .entry kernel3()
{
	ret;
}
"""
cuda = ctypes.CDLL("libcuda.so.1")
context, module, function = (ctypes.c_void_p() for _ in range(3))


def need(result):
    if result:
        raise SystemExit(f"driver says {result}")


need(cuda.cuInit(0))
need(cuda.cuDevicePrimaryCtxRetain(ctypes.byref(context), 0))
need(cuda.cuCtxSetCurrent(context))
need(cuda.cuModuleLoadData(ctypes.byref(module), IMAGE))
need(cuda.cuModuleGetFunction(ctypes.byref(function), module, b"kernel3"))
for i in range(1, 4):
    need(cuda.cuLaunchKernel(function, i, 2, 1, 32, 1, 1, 64, None, None, None))
