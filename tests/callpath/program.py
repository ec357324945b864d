# SPDX-License-Identifier: Apache-2.0
"""Launches kernels on the (simulated) driver from random places of a Python program and writes
down, for each launch, what Python itself says its stack is. Usage: program.py TRUTH LAUNCHES"""
import asyncio
import ctypes
import json
import random
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
cuda = ctypes.CDLL("libcuda.so.1")
truth = []
lock = threading.Lock()
CALLBACK = ctypes.CFUNCTYPE(None)
function = ctypes.c_void_p()
context = ctypes.c_void_p()


def check(result):
    if result:
        sys.exit("CUDA error %d" % result)


def setup():
    module = ctypes.c_void_p()
    check(cuda.cuInit(0))
    check(cuda.cuDevicePrimaryCtxRetain(ctypes.byref(context), 0))
    check(cuda.cuCtxSetCurrent(context))
    check(cuda.cuModuleLoadData(ctypes.byref(module), PTX))
    check(cuda.cuModuleGetFunction(ctypes.byref(function), module, b"probe_kernel"))


def launch():
    value = ctypes.c_uint32(7)
    params = (ctypes.c_void_p * 1)(ctypes.addressof(value))
    with lock:      # the grid's x numbers the launch
        number = len(truth) + 1
        truth.append(None)
    stack = traceback.extract_stack(); result = cuda.cuLaunchKernel(function, number, 1, 1, 32, 1, 1, 0, None, params, None)
    check(result)
    truth[number - 1] = [[f.filename, f.lineno, f.name] for f in stack]


def walk(depth):
    way = random.random()
    if depth <= 0:
        return launch()
    if way < 0.3:
        return step(depth - 1)
    if way < 0.5:
        return len(list(generate(depth - 1)))
    if way < 0.7:
        return CALLBACK(lambda: walk(depth - 1) and None)()
    if way < 0.85:
        return sorted([1], key=lambda x: (walk(depth - 1), x)[1])
    return Object().method(
        depth - 1)


def step(depth):
    return walk(depth)


def generate(depth):
    yield walk(depth)


class Object:
    def method(self, depth):
        return walk(
            depth)


async def task(depth):
    await asyncio.sleep(0)
    walk(depth)


async def tasks(count):
    await asyncio.gather(*[task(random.randint(0, 8)) for _ in range(count)])


def thread(count):
    check(cuda.cuCtxSetCurrent(context))
    for _ in range(count):
        walk(random.randint(0, 8))


def main():
    count = int(sys.argv[2])
    random.seed(5)
    setup()
    for _ in range(count // 2):
        walk(random.randint(0, 12))
    asyncio.run(tasks(count // 4))
    threads = [threading.Thread(target=thread, args=(count // 8,)) for _ in range(2)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    check(cuda.cuCtxSynchronize())
    with open(sys.argv[1], "w") as out:
        json.dump(truth, out)


main()
