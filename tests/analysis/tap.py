# SPDX-License-Identifier: Apache-2.0
"""TAP for the Python tests, and running gputrail."""
import atexit
import json
import os
import shutil
import subprocess
import sys
import tempfile

sys.dont_write_bytecode = True
GPUTRAIL = os.path.join(os.environ.get("top_builddir", "."), "cmd", "gputrail")
TMP = tempfile.mkdtemp(prefix="gputrail-test.")
atexit.register(shutil.rmtree, TMP, True)
count = 0


def ok(condition, name, *details):
    global count
    count += 1
    print(f"{'ok' if condition else 'not ok'} {count} - {name}", flush=True)
    if not condition:
        for detail in details:
            for line in str(detail).splitlines()[:20]:
                print("# " + line, flush=True)


def equal(got, wanted, name):
    ok(got == wanted, name, f"got    {got!r}", f"wanted {wanted!r}")


def skip(name, why):
    global count
    count += 1
    print(f"ok {count} - {name} # SKIP {why}")


def done():
    print(f"1..{count}")


def path(name):
    return os.path.join(TMP, name)


def run(*args, env=None, text=True, **more):
    full = dict(os.environ, TERM="xterm", COLUMNS="120", **(env or {}))
    for key in [k for k, v in full.items() if v is None]:
        del full[key]
    return subprocess.run([GPUTRAIL, *args], capture_output=True, env=full, timeout=60,
                          encoding="utf-8" if text else None, **more)


def report_json(file, *options):
    result = run("report", "--json", *options, file)
    if result.returncode:
        raise RuntimeError(f"exit {result.returncode}: {result.stderr}")
    return json.loads(result.stdout)
