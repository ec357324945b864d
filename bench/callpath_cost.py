# SPDX-License-Identifier: Apache-2.0
"""Paths below Python frames, each entered through C: callpath_cost.py LIBRARY [LEVELS]."""
import ctypes
import sys

library = ctypes.PyDLL(sys.argv[1])


def level(n):
    if n == 0:
        library.bench_python()
    else:
        next(map(level, (n - 1,)))


level(int(sys.argv[2]) if len(sys.argv) > 2 else 22)
