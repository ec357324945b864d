#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Layouts of CUPTI's records against its headers: those of the toolkit, and of each release in a
folder of $GPUTRAIL_CUPTI_HEADERS (maint/cupti-headers fetches them). For each: what libprofile reads
lies where it takes it to be, at most as far as it takes the library's records to reach; and the
simulator plays records of the same size with the same fields. Prints TAP."""
import os
import re
import subprocess
import sys
import tempfile

TOP = os.environ["top_srcdir"]
TOOLKIT = os.environ.get("CUDA_INCLUDE", "")
# Our names of fields, where CUPTI's is not the same in its own way of writing.
RENAMED = {"registers": "registersPerThread", "device": "deviceId", "context": "contextId",
           "stream": "streamId", "static_shared": "staticSharedMemory", "size": "bytes",
           "dynamic_shared": "dynamicSharedMemory", "local_per_thread": "localMemoryPerThread",
           "correlation": "correlationId", "shared_executed": "sharedMemoryExecuted",
           "graph_node": "graphNodeId", "graph": "graphId", "device_launched": "isDeviceLaunched",
           "source_kind": "srcKind", "destination_kind": "dstKind", "peer_device": "dstDeviceId"}
RECORDS = {"KERNEL": "Kernel", "COPY": "Memcpy", "PEER": "MemcpyPtoP", "SET": "Memset",
           "GRAPH": "GraphTrace"}
count = 0


def ok(wrong, name):
    global count
    count += 1
    print(f"{'not ok' if wrong else 'ok'} {count} - {name}")
    for line in wrong[:10]:
        print("#", line)


def read(*parts):
    with open(os.path.join(TOP, *parts), encoding="utf-8") as file:
        return file.read()


def cupti_name(field):
    if field in RENAMED:
        return RENAMED[field]
    first, *rest = field.split("_")
    return first + "".join(word.capitalize() for word in rest)


def compiled(folder, lines):
    """What a program that includes the headers of `folder` prints, as {word: numbers}."""
    with tempfile.TemporaryDirectory() as tmp:
        source, program = os.path.join(tmp, "l.c"), os.path.join(tmp, "l")
        with open(source, "w", encoding="utf-8") as file:
            file.write("#include <stdio.h>\n#include <stddef.h>\n#include <cupti_activity.h>\n"
                       "#include <cupti_version.h>\nint main(void)\n{\n" + "".join(lines) + "}\n")
        result = subprocess.run([*os.environ.get("CC", "cc").split(), "-w", "-I", folder, "-I", TOOLKIT,
                                 "-o", program, source], capture_output=True, text=True, check=False)
        if result.returncode:
            return result.stderr
        text = subprocess.run([program], capture_output=True, text=True, check=True).stdout
    return {line.split()[0]: [int(n) for n in line.split()[1:]] for line in text.splitlines()}


def newest_structs(folder):
    """{Kernel: CUpti_ActivityKernel13, ...} of the headers."""
    text = ""
    for name in ("cupti_activity.h", "cupti_activity_deprecated.h"):
        path = os.path.join(folder, name)
        if os.path.exists(path):
            with open(path, encoding="utf-8", errors="replace") as file:
                text += file.read()
    found = {}
    for name, number in re.findall(r"\}\s*CUpti_Activity([A-Za-z]+?)(\d*);", text):
        found[name] = max(found.get(name, 1), int(number or 1))
    return {name: f"CUpti_Activity{name}{n if n > 1 else ''}" for name, n in found.items()}, found


def offsets(folder, structs, wanted):
    """{Struct.field: [offset, bytes]}; a field that a struct lacks is a compiler's error."""
    return compiled(folder, [f'printf("{r}.{f} %zu %zu\\n", offsetof({structs[r]}, {f}),'
                             f' sizeof((({structs[r]} *)0)->{f}));\n' for r, f in wanted])


OURS = [(RECORDS[r], cupti_name(f), int(at), int(size), int(first)) for r, f, at, size, first in
        re.findall(r"^FIELD\((\w+), (\w+),\s*(\d+), (\d+),\s*(\d+)\)",
                   read("libprofile", "cupti_layout.def"), re.M)]
REACH = [(int(v), int(b)) for v, b in
         re.findall(r"\{ (\d+), (\d+) \}", re.search(r"sizes\[\] = \{(.*?)\};", read(
             "libprofile", "cupti_decode.c"), re.S).group(1))]
SIM = read("simcuda", "cupti_records.def")
SIM_HEADER = dict(re.findall(r"^RECORD\((\w+), \d+, (\w+)\)", SIM, re.M))
SIM_SIZES = re.findall(r"^SIZE\((\w+), (\d+), (\d+), (\d+)\)", SIM, re.M)
SIM_FIELDS = re.findall(r"^FIELD\((\w+), (\w+), (\d+), (\d+), (\d+)\)", SIM, re.M)
PLAYED = [int(r) for r in re.findall(r'\{ "[\d.]+", (\d+), \d+ \}', read("simcuda",
                                                                        "cupti_release.c"))]


def check_shim(name, folder, structs, sizes, version):
    wrong = []
    reach = next(b for v, b in REACH if version >= v)
    if reach > sizes["Kernel"]:
        wrong.append(f"reads up to {reach} bytes of a kernel record of {sizes['Kernel']}")
    # 11.8 and 12.0 have one version: the smaller reach is right for both.
    unread = [f for r, f, _, _, first in OURS if r == "Kernel" and reach < first <= sizes["Kernel"]]
    if unread:
        wrong.append(f"does not read {', '.join(unread)}")
    there = [row for row in OURS if row[0] in structs and row[4] <= sizes[row[0]]]
    found = offsets(folder, structs, [(r, f) for r, f, *_ in there])
    if isinstance(found, str):
        return [*wrong, *found.splitlines()]
    return wrong + [f"{r}.{f} is at {found[f'{r}.{f}']}, not {[at, size]}"
                    for r, f, at, size, _ in there if found[f"{r}.{f}"] != [at, size]]


def check_simulator(folder, structs, numbers, sizes, release):
    wrong, wanted = [], []
    for record, header in SIM_HEADER.items():
        if header not in structs:
            continue
        played = [(int(n), int(b)) for r, since, n, b in SIM_SIZES
                  if r == record and int(since) <= release]
        if played and played[-1] != (numbers[header], sizes[header]):
            wrong.append(f"{header}: plays {played[-1]}, the headers have "
                         f"{(numbers[header], sizes[header])}")
        wanted += [(header, f, int(at), int(b)) for r, f, at, b, since in SIM_FIELDS
                   if r == record and int(since) <= release and f not in ("processId", "threadId")]
    found = offsets(folder, structs, [row[:2] for row in wanted])
    if isinstance(found, str):
        return [*wrong, *found.splitlines()]
    return wrong + [f"{r}.{f} is at {found[f'{r}.{f}']}, not {[at, size]}"
                    for r, f, at, size in wanted if found[f"{r}.{f}"] != [at, size]]


def check(name, folder, release):
    structs, numbers = newest_structs(folder)
    used = {r for r in [*RECORDS.values(), *SIM_HEADER.values()] if r in structs}
    values = compiled(folder, [f'printf("{r} %zu\\n", sizeof({structs[r]}));\n' for r in sorted(used)] +
                      ['printf("version %d\\n", (int)CUPTI_API_VERSION);\n'])
    if isinstance(values, str):
        ok(values.splitlines(), f"{name}: the headers can be compiled")
        return
    sizes = {r: values[r][0] for r in used}
    ok(check_shim(name, folder, structs, sizes, values["version"][0]),
       f"{name}: what libprofile reads, by API version {values['version'][0]}")
    if release in PLAYED:
        ok(check_simulator(folder, structs, numbers, sizes, release), f"{name}: what the simulator plays")


if not os.path.exists(os.path.join(TOOLKIT, "cupti_activity.h")):
    print("1..0 # SKIP no CUDA toolkit with CUPTI (configure --with-cuda=DIR)")
    sys.exit(0)
with open(os.path.join(TOOLKIT, "cuda.h"), encoding="utf-8", errors="replace") as cuda:
    number = int(re.search(r"^#define CUDA_VERSION (\d+)", cuda.read(), re.M).group(1))
check("toolkit", TOOLKIT, number // 1000 * 100 + number % 1000 // 10)
more = os.environ.get("GPUTRAIL_CUPTI_HEADERS", "")
for folder in sorted(os.listdir(more), key=lambda v: [int(n) for n in v.split(".")]) if more else []:
    major, minor = folder.split(".")[:2]
    check(folder, os.path.join(more, folder), int(major) * 100 + int(minor))
print(f"1..{count}")
