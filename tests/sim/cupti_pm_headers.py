#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""driver/cupti_pm.h and cupti_pm_functions.def against CUPTI's headers: of the toolkit, and of each release
in a folder of $GPUTRAIL_CUPTI_HEADERS (maint/cupti-headers fetches them). With $GPUTRAIL_CUPTI_LIBRARY, a
real libcupti.so: whether its host library, which needs no GPU, schedules the counters of collector/pm.def
into one pass. Prints TAP."""
import ctypes
import os
import re
import subprocess
import sys
import tempfile

TOP = os.environ["top_srcdir"]
CC = os.environ.get("CC", "cc").split()
CXX = os.environ.get("CXX", "c++").split()
PARAMETERS = ("structSize", "pPriv")
# Last fields that not all releases have, and what was the last one before.
LATER = {"hwBufferAppendMode": "triggerMode", "pSinglePassMetricSetName": "pHostObject"}
count = 0


def ok(wrong, name):
    global count
    count += 1
    print(f"{'not ok' if wrong else 'ok'} {count} - {name}")
    for line in wrong[:10]:
        print("#", line)


def read(*parts):
    with open(os.path.join(*parts), encoding="utf-8", errors="replace") as file:
        return file.read()


HEADER = re.sub(r"/\*.*?\*/", "", read(TOP, "driver", "cupti_pm.h"), flags=re.S)
FUNCTIONS = re.findall(r"^PM\((\w+), (\w+), (\w+)\)", read(TOP, "driver", "cupti_pm_functions.def"), re.M)
VALUES = re.findall(r"^\s*(CUPTI_\w+) = \d+", HEADER, re.M)
METRICS = re.findall(r'^PM\((\w+),\s+"([\w.]+)"', read(TOP, "collector", "pm.def"), re.M)


def fields_of():
    """{structure: [field, ...]}"""
    found = {}
    for body, name in re.findall(r"typedef struct \{(.*?)\n\} (\w+);", HEADER, re.S):
        found[name] = list(PARAMETERS)
        for piece in re.split("[,;]", body.replace("CUPTI_PM_PARAMS", "")):
            field = re.search(r"(\w+)$", piece.strip())
            found[name] += [field.group(1)] if field else []
    for old, new in re.findall(r"^typedef (CUpti_\w+) (CUpti_\w+);", HEADER, re.M):
        found[new] = found[old]
    return found


FIELDS = fields_of()


def printed(compiler, suffix, includes, lines):
    with tempfile.TemporaryDirectory() as tmp:
        source, program = os.path.join(tmp, "l" + suffix), os.path.join(tmp, "l")
        with open(source, "w", encoding="utf-8") as file:
            file.write("#include <stdio.h>\n#include <stddef.h>\n" + includes +
                       "\nint main(void)\n{\n" + "\n".join(lines) + "\nreturn 0;\n}\n")
        result = subprocess.run([*compiler, "-w", "-I", TOP, "-o", program, source],
                                capture_output=True, text=True, check=False)
        if result.returncode:
            return result.stderr.splitlines(), {}
        text = subprocess.run([program], capture_output=True, text=True, check=True).stdout
    return [], dict(line.split(" ", 1) for line in text.splitlines())


def check(name, folder):
    text = read(folder, "cupti_pmsampling.h") + read(folder, "cupti_profiler_host.h")
    lacks = [f for f in LATER if f not in text]
    has_mode = "hwBufferAppendMode" not in lacks
    there = [(s, f) for s, fields in FIELDS.items() for f in fields if f not in lacks]
    offsets = [f'printf("{s}.{f} %zu\\n", offsetof({s}, {f}));' for s, f in there]
    values = [f'printf("{v} %d\\n", (int){v});' for v in VALUES if not v.startswith("CUPTI_PM_ERROR") and
              v != "CUPTI_PM_SUCCESS" and (has_mode or "APPEND_MODE" not in v)]
    results = [f'printf("{v} %d\\n", (int){v.replace("CUPTI_PM_", "CUPTI_")});' for v in VALUES
               if v.startswith("CUPTI_PM_ERROR")]
    sizes = {s: LATER[last] if last in lacks else last for _, s, last in FUNCTIONS}
    theirs_sizes = [f'printf("{s} %zu\\n", (size_t){s}_STRUCT_SIZE);' for s in sizes]
    ours_sizes = [f'printf("{s} %zu\\n", CUPTI_PM_SIZE({s}, {last}));' for s, last in sizes.items()]
    prototypes = [f"static_assert(std::is_same<decltype({f}), CUptiResult CUPTIAPI({s} *)>::value, \"{f}\");"
                  for f, s, _ in FUNCTIONS]
    failed, theirs = printed([*CXX, "-I", folder, "-I", TOOLKIT], ".cc", CUPTI,
                             prototypes + offsets + values + results + theirs_sizes)
    missing, mine = printed(CC, ".c", '#include "driver/cupti_pm.h"', offsets + values + ours_sizes + [
        f'printf("{v} %d\\n", (int){v});' for v in VALUES if v.startswith("CUPTI_PM_ERROR")])
    wrong = failed + missing + [f"{key}: {mine.get(key)}, not {value}" for key, value in theirs.items()
                                 if mine.get(key) != value]
    if len(theirs) < 120:
        wrong.append(f"only {len(theirs)} values")
    ok(wrong, f"{name}: {len(theirs)} offsets, sizes and values, {len(FUNCTIONS)} prototypes")


class Library:
    """The host side of a real libcupti."""
    def __init__(self, path):
        self.library = ctypes.CDLL(path)

    def call(self, function, fields, **values):
        structure = type(function, (ctypes.Structure,), {"_fields_": [
            ("structSize", ctypes.c_size_t), ("pPriv", ctypes.c_void_p), *fields]})
        last = getattr(structure, fields[-1][0])
        params = structure(structSize=last.offset + last.size, **values)
        return getattr(self.library, function)(ctypes.byref(params)), params

    def passes(self, chip, names):
        """None: it refuses them."""
        pointer, size = ctypes.c_void_p, ctypes.c_size_t
        result, params = self.call("cuptiProfilerHostInitialize", [
            ("type", ctypes.c_int), ("chip", ctypes.c_char_p), ("available", pointer), ("host", pointer)],
            type=1, chip=chip.encode())
        host = params.host
        array = (ctypes.c_char_p * len(names))(*[n.encode() for n in names])
        result = result or self.call("cuptiProfilerHostConfigAddMetrics", [
            ("host", pointer), ("names", pointer), ("count", size)], host=host,
            names=ctypes.cast(array, pointer), count=len(names))[0]
        if result:
            return None
        _, params = self.call("cuptiProfilerHostGetConfigImageSize", [("host", pointer), ("bytes", size)],
                              host=host)
        image = ctypes.create_string_buffer(params.bytes)
        self.call("cuptiProfilerHostGetConfigImage", [("host", pointer), ("bytes", size), ("image", pointer)],
                  host=host, bytes=params.bytes, image=ctypes.cast(image, pointer))
        _, params = self.call("cuptiProfilerHostGetNumOfPasses", [
            ("bytes", size), ("image", pointer), ("passes", size)], bytes=params.bytes,
            image=ctypes.cast(image, pointer))
        self.call("cuptiProfilerHostDeinitialize", [("host", pointer)], host=host)
        return params.passes


def check_library(path):
    library = Library(path)
    for chip, lacks in (("TU102", {"tensor_ppm"}), ("GA100", set()), ("GH100", set()),
                        ("GB100", {"pcie_tx_bytes_per_s", "pcie_rx_bytes_per_s"})):
        chosen = {}
        for column, metric in METRICS:
            if column not in chosen and library.passes(chip, [*chosen.values(), metric]) == 1:
                chosen[column] = metric
        wanted = {column for column, _ in METRICS} - lacks
        ok([] if set(chosen) == wanted else [str(sorted(chosen))],
           f"{chip}: {len(chosen)} counters in one pass, by CUPTI's own host library")


CUPTI = "#include <type_traits>\n#include <cupti_target.h>\n#include <cupti_profiler_target.h>\n#include <cupti_profiler_host.h>\n" \
        "#include <cupti_pmsampling.h>\n"
TOOLKIT = os.environ.get("CUDA_INCLUDE", "")
more = os.environ.get("GPUTRAIL_CUPTI_HEADERS", "")
folders = [("toolkit", TOOLKIT)]
folders += [(v, os.path.join(more, v)) for v in sorted(os.listdir(more))] if more else []
folders = [(n, f) for n, f in folders if os.path.exists(os.path.join(f, "cupti_pmsampling.h"))]
if not folders:
    print("1..0 # SKIP no CUPTI of 12.6 or later (configure --with-cuda=DIR)")
    sys.exit(0)
for row in folders:
    check(*row)
if os.environ.get("GPUTRAIL_CUPTI_LIBRARY"):
    check_library(os.environ["GPUTRAIL_CUPTI_LIBRARY"])
print(f"1..{count}")
