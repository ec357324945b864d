# SPDX-License-Identifier: Apache-2.0
"""Python frames by raw reads equal traceback.extract_stack() at random points of a program with
generators, asyncio tasks, threads, callbacks from C, lambdas, comprehensions and exceptions.
Usage: pyframes.py LIBRARY PROBES; prints one line, exits 1 on a difference or a system call."""
import asyncio
import ctypes
import random
import sys
import threading
import traceback

library = ctypes.CDLL(sys.argv[1])      # CDLL drops the GIL during the call
wanted_probes = int(sys.argv[2])
CALLBACK = ctypes.CFUNCTYPE(None)
local = threading.local()
lock = threading.Lock()
probes = differences = 0
steady = set()     # answers of pysteady(): 0, or 77 where system calls cannot be forbidden


def probe():
    global probes, differences
    buffer = getattr(local, "buffer", None)
    if buffer is None:
        buffer = local.buffer = ctypes.create_string_buffer(1 << 18)
    stack = traceback.extract_stack(); count = library.pyprobe(buffer, len(buffer))
    lines = [line.rsplit(":", 2) for line in buffer.value.decode().split("\n") if line]
    got = [(file, int(line), name.rsplit(".", 1)[-1]) for file, line, name in lines]
    want = [(frame.filename, frame.lineno, frame.name) for frame in stack]
    with lock:
        probes += 1
        if probes % 400 == 1 and not threading.active_count() > 1:
            steady.add(library.pysteady(1000))
        if count < 0 or got != want:
            differences += 1
            if differences == 1:
                for pair in zip(want, got):
                    print("#", *pair, file=sys.stderr)


def walk(depth):
    way = random.random()
    if depth <= 0:
        return twice()
    if way < 0.2:
        return step(depth - 1)
    if way < 0.35:
        return len(list(generate(depth - 1)))
    if way < 0.45:
        return sorted([1, 2], key=lambda x: (walk(depth - 1), x)[1])
    if way < 0.55:
        try:
            raise ValueError(depth)
        except ValueError:
            return walk(depth - 1)
    if way < 0.7:
        return CALLBACK(lambda: walk(depth - 1) and None)()
    if way < 0.85:
        return [walk(depth - 1) for _ in (1,)]
    return Object().method(
        depth - 1)


def twice():
    probe()     # the same frames, but for one line
    probe()


def step(depth):
    x = 1; return walk(depth) or x


def generate(depth):
    yield walk(depth)
    yield 1


class Object:
    def method(self, depth):
        return walk(
            depth)


async def task(depth):
    await asyncio.sleep(0)
    walk(depth)


async def tasks():
    await asyncio.gather(*[task(random.randint(0, 12)) for _ in range(50)])


def thread():
    for _ in range(wanted_probes // 40):
        walk(random.randint(0, 10))


def main():
    random.seed(1)
    sys.setrecursionlimit(5000)
    while probes < wanted_probes // 2:
        walk(random.randint(0, 15))
    asyncio.run(tasks())
    threads = [threading.Thread(target=thread) for _ in range(3)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    while probes < wanted_probes:
        walk(random.randint(0, 15))
    print("Python %s: %d probes, %d differences" % (sys.version.split()[0], probes, differences))
    if not steady <= {0, 77}:
        print("# taking a known path made a system call, or was another path: %s" % steady, file=sys.stderr)
    sys.exit(differences != 0 or not steady <= {0, 77})


main()
