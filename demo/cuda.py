# SPDX-License-Identifier: Apache-2.0
"""The CUDA driver by ctypes: opened at run time, resolved with cuGetProcAddress."""
import csv
import ctypes
import os
import struct
from ctypes import (POINTER, byref, c_char_p, c_float, c_int, c_size_t, c_uint, c_uint32, c_uint64,
                    c_void_p)

FOLDER = os.path.dirname(os.path.realpath(__file__))
BUILT_FOR_CUDA = 12080
NOT_READY = 600
STREAM_NON_BLOCKING = 1
EVENT_DISABLE_TIMING = 2
CAPTURE_THREAD_LOCAL = 1
MAX_DYNAMIC_SHARED = 8
SHARED_CARVEOUT = 9
PROGRAMMATIC_STREAM_SERIALIZATION = 6

# Entry point: the types of its arguments. cuGetProcAddress chooses the variant for our version.
PROTOTYPES = {
    "cuInit": [c_uint],
    "cuDeviceGet": [POINTER(c_int), c_int],
    "cuDeviceGetAttribute": [POINTER(c_int), c_int, c_int],
    "cuDevicePrimaryCtxRetain": [POINTER(c_void_p), c_int],
    "cuDevicePrimaryCtxRelease": [c_int],
    "cuCtxSetCurrent": [c_void_p],
    "cuCtxSynchronize": [],
    "cuCtxGetStreamPriorityRange": [POINTER(c_int), POINTER(c_int)],
    "cuGetErrorName": [c_int, POINTER(c_char_p)],
    "cuModuleLoadDataEx": [POINTER(c_void_p), c_char_p, c_uint, c_void_p, c_void_p],
    "cuModuleGetFunction": [POINTER(c_void_p), c_void_p, c_char_p],
    "cuModuleUnload": [c_void_p],
    "cuFuncGetAttribute": [POINTER(c_int), c_int, c_void_p],
    "cuFuncSetAttribute": [c_void_p, c_int, c_int],
    "cuOccupancyMaxActiveBlocksPerMultiprocessor": [POINTER(c_int), c_void_p, c_int, c_size_t],
    "cuLaunchKernel": [c_void_p] + [c_uint] * 7 + [c_void_p, c_void_p, c_void_p],
    "cuLaunchKernelEx": [c_void_p, c_void_p, c_void_p, c_void_p],
    "cuMemGetInfo": [POINTER(c_size_t), POINTER(c_size_t)],
    "cuMemAlloc": [POINTER(c_uint64), c_size_t],
    "cuMemFree": [c_uint64],
    "cuMemAllocManaged": [POINTER(c_uint64), c_size_t, c_uint],
    "cuMemHostAlloc": [POINTER(c_void_p), c_size_t, c_uint],
    "cuMemFreeHost": [c_void_p],
    "cuMemAllocAsync": [POINTER(c_uint64), c_size_t, c_void_p],
    "cuMemFreeAsync": [c_uint64, c_void_p],
    "cuDeviceGetDefaultMemPool": [POINTER(c_void_p), c_int],
    "cuMemPoolSetAttribute": [c_void_p, c_int, c_void_p],
    "cuMemAddressReserve": [POINTER(c_uint64), c_size_t, c_size_t, c_uint64, c_uint64],
    "cuMemAddressFree": [c_uint64, c_size_t],
    "cuMemCreate": [POINTER(c_uint64), c_size_t, c_void_p, c_uint64],
    "cuMemRelease": [c_uint64],
    "cuMemMap": [c_uint64, c_size_t, c_size_t, c_uint64, c_uint64],
    "cuMemUnmap": [c_uint64, c_size_t],
    "cuMemSetAccess": [c_uint64, c_size_t, c_void_p, c_size_t],
    "cuMemcpyHtoDAsync": [c_uint64, c_void_p, c_size_t, c_void_p],
    "cuMemcpyDtoHAsync": [c_void_p, c_uint64, c_size_t, c_void_p],
    "cuMemcpyDtoDAsync": [c_uint64, c_uint64, c_size_t, c_void_p],
    "cuMemsetD8Async": [c_uint64, ctypes.c_ubyte, c_size_t, c_void_p],
    "cuPointerGetAttribute": [c_void_p, c_int, c_uint64],
    "cuStreamCreateWithPriority": [POINTER(c_void_p), c_uint, c_int],
    "cuStreamDestroy": [c_void_p],
    "cuStreamSynchronize": [c_void_p],
    "cuStreamWaitEvent": [c_void_p, c_void_p, c_uint],
    "cuStreamBeginCapture": [c_void_p, c_int],
    "cuStreamEndCapture": [c_void_p, POINTER(c_void_p)],
    "cuEventCreate": [POINTER(c_void_p), c_uint],
    "cuEventDestroy": [c_void_p],
    "cuEventRecord": [c_void_p, c_void_p],
    "cuEventQuery": [c_void_p],
    "cuEventSynchronize": [c_void_p],
    "cuGraphInstantiateWithFlags": [POINTER(c_void_p), c_void_p, c_uint64],
    "cuGraphUpload": [c_void_p, c_void_p],
    "cuGraphLaunch": [c_void_p, c_void_p],
    "cuGraphDestroy": [c_void_p],
    "cuGraphExecDestroy": [c_void_p],
    "cuTensorMapEncodeTiled": [c_void_p, c_int, c_uint32, c_void_p] + [c_void_p] * 4 + [c_int] * 4,
}


# Calls that may wait let other threads run; the rest keep the interpreter's lock, since taking it
# back costs more than they do.
WAITING = {"cuInit", "cuDevicePrimaryCtxRetain", "cuCtxSynchronize", "cuModuleLoadDataEx",
           "cuMemAlloc", "cuMemFree", "cuMemHostAlloc", "cuMemFreeHost", "cuStreamSynchronize",
           "cuEventSynchronize", "cuGraphInstantiateWithFlags"}


class CudaError(RuntimeError):
    """A driver call failed."""

    def __init__(self, call, result):
        name = c_char_p()
        _entries["cuGetErrorName"](result, byref(name))
        super().__init__(f"{call}: {(name.value or b'unknown error').decode()} ({result})")
        self.result = result


class NoDriver(RuntimeError):
    """There is no CUDA driver, or it is too old."""


_entries = {}
_get_proc_address = None


def look_up(name):
    """The address of an entry point, as a runtime asks for it."""
    pointer, status = c_void_p(), c_int()
    result = _get_proc_address(name.encode(), byref(pointer), BUILT_FOR_CUDA, 0, byref(status))
    if result or not pointer.value:
        raise NoDriver(f"this driver has no {name} for CUDA 12.8")
    return pointer.value


def open_driver():
    """Opens libcuda.so.1 and resolves all entry points."""
    global _get_proc_address
    try:
        library = ctypes.CDLL("libcuda.so.1")
        _get_proc_address = library.cuGetProcAddress_v2
    except (OSError, AttributeError) as error:
        raise NoDriver(f"no CUDA driver: {error}") from None
    _get_proc_address.argtypes = [c_char_p, POINTER(c_void_p), c_int, c_uint64, POINTER(c_int)]
    for name, types in PROTOTYPES.items():
        prototype = ctypes.CFUNCTYPE if name in WAITING else ctypes.PYFUNCTYPE
        _entries[name] = prototype(c_int, *types)(look_up(name))


def call(name, *arguments):
    """Calls the driver; an error becomes an exception."""
    result = _entries[name](*arguments)
    if result:
        raise CudaError(name, result)


def attempt(name, *arguments):
    """Calls the driver and returns its result."""
    return _entries[name](*arguments)


def created(name, *arguments, kind=c_void_p):
    """For calls whose first argument is where the result goes."""
    handle = kind()
    call(name, byref(handle), *arguments)
    return handle.value


def created_at_end(name, *arguments):
    """For calls whose last argument is where the result goes."""
    handle = c_void_p()
    call(name, *arguments, byref(handle))
    return handle.value


def allocate(size):
    """Device memory."""
    return created("cuMemAlloc", size, kind=c_uint64)


def pinned(size):
    """Page-locked host memory."""
    return created("cuMemHostAlloc", size, 0)


def event():
    """An event without timing."""
    return created("cuEventCreate", EVENT_DISABLE_TIMING)


class LaunchAttribute(ctypes.Structure):
    """CUlaunchAttribute with an integer value."""
    _fields_ = [("id", c_int), ("pad", c_int), ("value", c_int), ("rest", ctypes.c_byte * 60)]


class LaunchConfig(ctypes.Structure):
    """CUlaunchConfig."""
    _fields_ = [("grid", c_uint * 3), ("block", c_uint * 3), ("shared", c_uint),
                ("stream", c_void_p), ("attributes", POINTER(LaunchAttribute)),
                ("attribute_count", c_uint)]


def pack(layout, *values):
    """A kernel argument passed by value as a structure."""
    return ctypes.create_string_buffer(struct.pack(layout, *values), struct.calcsize(layout))


class Kernel:
    """A function of a module with its launch shape."""

    def __init__(self, function, name, threads, shared):
        self.function, self.name, self.threads, self.shared = function, name, threads, shared
        if shared:
            call("cuFuncSetAttribute", function, MAX_DYNAMIC_SHARED, shared)
        self.blocks_per_sm = max(1, created("cuOccupancyMaxActiveBlocksPerMultiprocessor", function,
                                            threads, shared, kind=c_int))
        self.attribute = LaunchAttribute(id=PROGRAMMATIC_STREAM_SERIALIZATION, value=1)

    def launch(self, grid, stream, arguments, is_dependent=False):
        """Launches with ctypes objects as arguments."""
        pointers = (c_void_p * len(arguments))(*map(ctypes.addressof, arguments))
        x, y, z = grid
        if is_dependent:
            config = LaunchConfig((x, y, z), (self.threads, 1, 1), self.shared, stream,
                                  ctypes.pointer(self.attribute), 1)
            call("cuLaunchKernelEx", byref(config), self.function, pointers, None)
        else:
            call("cuLaunchKernel", self.function, x, y, z, self.threads, 1, 1, self.shared, stream,
                 pointers, None)


def read_rows(table, macro):
    """Rows of a .def file as lists of texts; the C server includes the same file."""
    with open(os.path.join(FOLDER, table), encoding="utf-8") as lines:
        for line in lines:
            if line.startswith(macro + "("):
                yield from csv.reader([line.rstrip()[len(macro) + 1:-1]], skipinitialspace=True)


class Kernels:
    """All kernels of kernels.def, by their identifiers."""

    def __init__(self):
        self.modules, self.symbols = {}, {}
        self.by_name = {}
        for name, module, threads, shared, symbol in read_rows("kernels.def", "KERNEL"):
            if module not in self.modules:
                self.modules[module] = load_file(module)
            self.symbols[name] = module, symbol
            function = created("cuModuleGetFunction", self.modules[module], symbol.encode())
            self.by_name[name] = Kernel(function, name, int(threads), int(shared))

    def load_again(self, name):
        """The kernel's function from its module loaded once more, into the current context."""
        module, symbol = self.symbols[name]
        return created("cuModuleGetFunction", load_file(module), symbol.encode())

    def __getitem__(self, name):
        return self.by_name[name]

    def close(self):
        """Unloads the modules."""
        for module in self.modules.values():
            call("cuModuleUnload", module)


def load_file(module):
    """A module of kernels.def."""
    with open(os.path.join(FOLDER, module + ".ptx"), "rb") as image:
        return load_module(image.read())


def load_module(image):
    """A module from PTX text."""
    return created("cuModuleLoadDataEx", image, 0, None, None)
