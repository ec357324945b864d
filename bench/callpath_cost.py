# SPDX-License-Identifier: Apache-2.0
"""Paths below Python frames, each entered through C: of one function that calls itself, and of as
many functions as there are frames. Usage: callpath_cost.py LIBRARY [LEVELS]."""
import ctypes
import sys

library = ctypes.PyDLL(sys.argv[1])
levels = int(sys.argv[2]) if len(sys.argv) > 2 else 22


def level(n):
    if n == 0:
        library.bench_python()
    else:
        next(map(level, (n - 1,)))


def inner_most(_):
    library.bench_python()


level(levels)
inner = inner_most
for i in range(levels):
    scope = {"inner": inner}
    exec("%sdef level_%d(_):\n    next(map(inner, (0,)))" % ("\n" * i, i), scope)
    inner = scope["level_%d" % i]
inner(0)
