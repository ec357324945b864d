# SPDX-License-Identifier: Apache-2.0
"""A program that comes by the same places over and over, and what recording its launches needs then.
Usage: steady.py LIBRARY ROUNDS. Prints "launches N allocations N system-calls N" for the steady
rounds and for a thread's first launch, then whether launches wait for the GIL."""
import ctypes
import sys
import threading

library = ctypes.CDLL(sys.argv[1])      # CDLL drops the GIL during a call
with_gil = ctypes.PyDLL(sys.argv[1])
CALLBACK = ctypes.CFUNCTYPE(None)
COUNTS = "launches", "allocations", "system_calls"


def launch():
    if library.steady_launch():
        sys.exit("the launch failed")


def counts():
    return [ctypes.c_ulong.in_dll(library, "steady_" + name).value for name in COUNTS]


def report(what, before):
    now = counts()
    print(what, *["%s %d" % (name, now[i] - before[i]) for i, name in enumerate(COUNTS)])


def deep(depth):
    if depth:
        return deep(depth - 1)
    launch()
    launch()


def generate():
    launch()
    yield deep(3)
    yield deep(5)


class Layer:
    def __call__(self, x):
        return self.forward(x)

    def forward(self, x):
        launch()
        return x


def one_round(layers):
    for layer in layers:
        layer(1)
    list(generate())
    sorted([2, 1], key=lambda x: (launch(), x)[1])
    CALLBACK(lambda: deep(2))()
    try:
        raise ValueError
    except ValueError:
        with_gil.steady_launch()


def first_launch():
    library.steady_thread()
    before = counts()
    launch()
    report("first:", before)


def holding(seconds, control):
    """Whether launches end while another thread has the GIL all the time."""
    answer = []

    def hold():
        library.steady_await()
        answer.append(with_gil.steady_hold_gil(seconds))

    holder = threading.Thread(target=hold)
    holder.start()
    if library.steady_below_gil(200, control):
        sys.exit("no launch below the held GIL")
    holder.join()
    return "pass" if answer == [1] else "wait"


def main():
    if library.steady_open():
        sys.exit("no driver")
    if library.steady_thread():
        print("uncounted: system_calls")
    layers = [Layer(), Layer()]
    for _ in range(50):
        one_round(layers)
    before = counts()
    for _ in range(int(sys.argv[2])):
        one_round(layers)
    report("steady:", before)
    thread = threading.Thread(target=first_launch)
    thread.start()
    thread.join()
    if getattr(sys, "_is_gil_enabled", lambda: True)():
        print("gil:", holding(20, 0), "control:", holding(1, 1))
    print("all: launches %d" % counts()[0])


main()
