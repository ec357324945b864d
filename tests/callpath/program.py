# SPDX-License-Identifier: Apache-2.0
"""Launches from random places of a Python program: callbacks, generators, tasks, threads, code that
dies and is born again, processes, interpreters. Usage: program.py TRUTH LAUNCHES"""
import asyncio
import ctypes
import multiprocessing
import os
import random
import sys
import threading

from launching import Launcher

CALLBACK = ctypes.CFUNCTYPE(None)
launcher = None


def walk(depth):
    way = random.random()
    if depth <= 0:
        return launcher.launch()
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
    launcher.use()
    for _ in range(count):
        walk(random.randint(0, 8))


def in_threads(target, arguments):
    threads = [threading.Thread(target=target, args=a) for a in arguments]
    for t in threads:
        t.start()
    for t in threads:
        t.join()


def greenlets(count):
    """Stacks of C that greenlet copies away and back at the same addresses, launches between switches."""
    try:
        from greenlet import getcurrent, greenlet
    except ImportError:
        return
    others = []

    def deep(depth):
        if depth:
            return deep(depth - 1)
        launcher.launch()
        getcurrent().parent.switch()
        walk(random.randint(0, 6))

    def run():
        while True:
            deep(random.randint(0, 12))

    others = [greenlet(run) for _ in range(4)]
    for _ in range(count):
        CALLBACK(lambda: random.choice(others).switch() and None)() if random.random() < 0.3 else \
            random.choice(others).switch()
        walk(random.randint(0, 4))


def reborn(count):
    """Each function dies before the next is made, at the same address if the allocator likes."""
    addresses = set()
    for i in range(count):
        names = {"launcher": launcher}
        exec(compile("%sdef fun%d(): launcher.launch()" % ("\n" * (i % 5), i % 3),
                     "<cell %d>" % (i % 100), "exec"), names)
        function = names.pop("fun%d" % (i % 3))
        addresses.add(id(function.__code__))
        function()
        del names, function
    if len(addresses) == count and hasattr(sys, "getrefcount") and not free_threaded():
        sys.exit("no code object was born at an old one's address")


def free_threaded():
    return not getattr(sys, "_is_gil_enabled", lambda: True)()


def process(truth, first, count):
    global launcher
    launcher = Launcher(truth, first)
    for _ in range(count):
        walk(random.randint(0, 5))
    launcher.close()


def processes(truth, first, count):
    """Children by fork and by spawn: only before this process uses CUDA."""
    for i, method in enumerate(("fork", "spawn")):
        child = multiprocessing.get_context(method).Process(
            target=process, args=(truth, first + i * 1000, count))
        child.start()
        child.join()
        if child.exitcode:
            sys.exit("a child by %s failed" % method)


IN_INTERPRETER = """
import sys
sys.path.insert(0, %r)
import launching
try:
    launcher
except NameError:
    launcher = launching.Launcher(%r, %d)
launcher.use()
def inner(depth):
    return launcher.launch() if depth == 0 else [inner(depth - 1) for _ in (1,)]
def gen(depth):
    yield inner(depth)
for i in range(%d):
    list(gen(i %% 4))
if %d:
    launcher.close()
"""


def interpreter_module():
    """The module that makes interpreters; none where _ctypes refuses to live in a second one."""
    try:
        import _interpreters
        return _interpreters
    except ImportError:
        import _xxsubinterpreters
        return _xxsubinterpreters


def interpreters(truth, first, count):
    """A thread goes to and fro between two interpreters of its own and the main one."""
    module = interpreter_module()
    isolation = {"isolated": False} if sys.version_info[:2] == (3, 12) else {}
    ours = [module.create(**isolation) for _ in range(2)]
    rounds = 3
    for i in range(rounds):
        for j, interpreter in enumerate(ours):
            failed = module.run_string(interpreter, IN_INTERPRETER % (
                os.path.dirname(os.path.abspath(__file__)), truth, first + j * 1000, count,
                i == rounds - 1))
            if failed:
                sys.exit("interpreter: %s" % failed)
            launcher.use()
            walk(3)
    for interpreter in ours:
        module.destroy(interpreter)


def main():
    global launcher
    truth, count = sys.argv[1], int(sys.argv[2])
    random.seed(5)
    processes(truth, 100001, count // 10)
    launcher = Launcher(truth, 1)
    for _ in range(count // 2):
        walk(random.randint(0, 12))
    asyncio.run(tasks(count // 4))
    in_threads(thread, [(count // 8,)] * 2)
    greenlets(count // 4)
    reborn(count // 2)
    interpreters(truth, 200001, count // 20)
    in_threads(interpreters, [(truth, 300001, count // 20), (truth, 400001, count // 20)])
    launcher.close()


if __name__ == "__main__":
    main()
