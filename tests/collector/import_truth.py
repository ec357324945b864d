# SPDX-License-Identifier: Apache-2.0
"""What an imported trace must tell, computed from its operations by other means; for the tests of import."""
import collections
import json
import os
import sys
from decimal import Decimal

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "analysis"))
import tap  # noqa: E402
from tap import run  # noqa: E402

os.environ["HOME"] = tap.TMP
os.chdir(tap.TMP)


def imported(path, output="run.db"):
    result = run("import", "-f", "-o", output, path)
    if result.returncode:
        return None, result.stderr
    report = run("report", "--json", output)
    return (json.loads(report.stdout) if report.returncode == 0 else None), report.stderr


def union(spans):
    total, last = 0, None
    for start, end in sorted(spans):
        if last is None or start > last:
            total, last = total + end - start, end
        elif end > last:
            total, last = total + end - last, end
    return total


def truth_of(ops):
    """ops: (device ordinal, kernel name or None, start ns, duration ns)."""
    devices, kernels = collections.defaultdict(list), collections.Counter()
    for device, name, start, dur in ops:
        devices[device].append((name, start, start + dur))
        if name is not None:
            kernels[name] += dur
    rows = {}
    for device, spans in devices.items():
        busy = union([s[1:] for s in spans])
        span = max(s[2] for s in spans) - min(s[1] for s in spans)
        rows[device] = {
            "busy_ns": busy, "idle_ns": span - busy, "span_ns": span,
            "compute_ns": union([s[1:] for s in spans if s[0] is not None]),
            "copy_ns": union([s[1:] for s in spans if s[0] is None]),
            "kernels": sum(s[0] is not None for s in spans)}
    return rows, kernels


def compare(report, ops):
    """What differs between the report and an independent computation; [] nothing."""
    rows, kernels = truth_of(ops)
    wrong = []
    for device in report["devices"]:
        ordinal = device["ordinal"]
        for key, value in rows.pop(ordinal, {"kernels": 0}).items():
            if device[key] != value:
                wrong.append((ordinal, key, device[key], value))
    if rows:
        wrong.append(("missing devices", list(rows)))
    got = collections.Counter()
    for kernel in report["kernels"]:
        got[kernel["name"]] += kernel["total_ns"]
    if got != kernels:
        wrong.append(("kernels", (got - kernels).most_common(3), (kernels - got).most_common(3)))
    return wrong


def ns(value):
    return int(Decimal(value) * 1000)
