#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""driver/nvml.h and nvml_functions.def against nvml.h: of the toolkit, and of each release in a folder of
$GPUTRAIL_NVML_HEADERS (maint/cupti-headers DIR nvml fetches them). Prints TAP."""
import os
import re
import subprocess
import sys
import tempfile

TOP = os.environ["top_srcdir"]
CC = os.environ.get("CC", "cc").split()
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


def ours():
    text = re.sub(r"/\*.*?\*/", "", read(TOP, "driver", "nvml.h"), flags=re.S)
    values = re.findall(r"^\s*(NVML_(?:ERROR|SUCCESS|GPM_METRIC|CLOCK_SM)\w*) =", text, re.M)
    values += re.findall(r"^#define (NVML_\w*(?:VERSION|ENABLE)\w*|nvmlClocks\w+)", text, re.M)
    fields = []
    for body, name in re.findall(r"typedef struct \{(.*?)\n\} (\w+);", text, re.S):
        body = re.sub(r"struct \{.*?\} (\w+);", r"int \1;", body, flags=re.S)
        for piece in re.split("[,;]", body):
            found = re.search(r"(\w+)(\[\w+\])?$", piece.strip())
            fields += [(name, found.group(1))] if found else []
    return values, fields


def printed(include, lines):
    with tempfile.TemporaryDirectory() as tmp:
        source, program = os.path.join(tmp, "l.c"), os.path.join(tmp, "l")
        with open(source, "w", encoding="utf-8") as file:
            file.write(f"#include <stdio.h>\n#include <stddef.h>\n#include {include[0]}\n"
                       + "\n".join(include[2]) + "\nint main(void)\n{\n" + "\n".join(lines) + "\n}\n")
        result = subprocess.run([*CC, "-w", "-I", include[1], "-o", program, source],
                                capture_output=True, text=True, check=False)
        if result.returncode:
            return result.stderr.splitlines(), {}
        text = subprocess.run([program], capture_output=True, text=True, check=True).stdout
    return [], dict(line.split(" ", 1) for line in text.splitlines())


def prototypes():
    rows = re.findall(r"^NVML\(([\w* ]+), (\w+), (\(.*\))\)$", read(TOP, "driver", "nvml_functions.def"), re.M)
    return [(name, f"{result} {name}{parameters};") for result, name, parameters in rows]


VALUES, FIELDS = ours()


def check(name, folder):
    text = read(folder, "nvml.h")
    there = [v for v in VALUES if re.search(rf"\b{v}\b", text)]
    # Other than in length, which is what room there is for metrics.
    structs = sorted({s for s, _ in FIELDS if re.search(rf"\}} {s};", text)})
    lines = [f'printf("{v} %llu\\n", (unsigned long long)({v}));' for v in there]
    lines += [f'printf("{s}.{f} %zu\\n", offsetof({s}, {f}));' for s, f in FIELDS if s in structs]
    lines += [f'printf("{s} %zu\\n", sizeof({s}));' for s in structs if s != "nvmlGpmMetricsGet_t"]
    functions = [row for row in prototypes() if re.search(rf"\b{row[0]}\(", text)]
    wrong, theirs = printed(("<nvml.h>", folder, [f for _, f in functions]), lines)
    missing, mine = printed(('"driver/nvml.h"', TOP, []), lines)
    wrong += missing + [f"{key}: {mine.get(key)}, not {value}" for key, value in theirs.items()
                        if mine.get(key) != value]
    if len(there) < 20 or len(structs) < 4 or len(functions) < 13:
        wrong.append(f"only {len(there)} values, {len(structs)} structs, {len(functions)} functions")
    ok(wrong, f"{name}: {len(theirs)} values, offsets and sizes, {len(functions)} prototypes")
    metrics = re.search(r"NVML_GPM_METRIC_MAX\s*= (\d+)", text)
    room = int(re.search(r"NVML_GPM_METRICS_ROOM\s+(\d+)", read(TOP, "driver", "nvml.h")).group(1))
    ok([] if metrics and int(metrics.group(1)) <= room else [f"{metrics} of {room}"],
       f"{name}: there is room for all metrics")


folders = [("toolkit", os.environ.get("CUDA_INCLUDE", ""))]
more = os.environ.get("GPUTRAIL_NVML_HEADERS", "")
folders += [(v, os.path.join(more, v)) for v in sorted(os.listdir(more))] if more else []
folders = [(name, folder) for name, folder in folders if os.path.exists(os.path.join(folder, "nvml.h"))]
if not folders:
    print("1..0 # SKIP no nvml.h (configure --with-cuda=DIR)")
    sys.exit(0)
for row in folders:
    check(*row)
print(f"1..{count}")
