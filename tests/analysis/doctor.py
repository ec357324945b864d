# SPDX-License-Identifier: Apache-2.0
"""gputrail doctor: says what is there and what is not, and never falls over."""
import json
import os
import re
import shutil
import sys

sys.dont_write_bytecode = True
from tap import done, equal, ok, path, run

IDS = [line.split("(")[1].split(",")[0]
       for line in open(os.path.join(os.environ["top_srcdir"], "cmd", "doctor.def"),
                        encoding="utf-8") if line.startswith("CHECK(")]


def doctor(*options, **env):
    result = run("doctor", "--json", *options, env=env)
    data = json.loads(result.stdout)
    return result.returncode, data, {c["id"]: c for c in data["checks"]}


code, data, checks = doctor()
equal(list(checks), IDS, "every check is there, in order")
ok(all(c["state"] in ("ok", "warn", "fail") and c["text"] for c in checks.values()),
   "each has a state and a text")
ok(all(c["advice"] for c in checks.values() if c["state"] == "warn" and c["id"] != "gpu"),
   "each warning has an advice",
   [c for c in checks.values() if c["state"] == "warn" and not c["advice"]])
equal(code, 0 if data["usable"] else 1, "the exit status follows the verdict")
equal(data["usable"], not any(c["state"] == "fail" for c in checks.values()) and
      (checks["driver"]["state"] == "ok" or checks["simulator"]["state"] == "ok"), "the verdict")

text = run("doctor").stdout
equal(len([line for line in text.splitlines() if line[:5].strip() in ("ok", "warn", "fail")]),
      len(IDS), "one line for each check")
ok("\033" not in text, "no colour in a pipe")
ok("\033" in run("doctor", "--color=always").stdout, "--color=always")

PYTHON_COST = r", [1-9][0-9]* ns for 25 frames of python3$"
if shutil.which("python3") and (3, 9) <= sys.version_info[:2] <= (3, 14) and \
        not os.environ.get("sanitizers"):
    ok(re.search(PYTHON_COST, checks["callpath"]["text"]), "what a Python path costs",
       checks["callpath"])
_, _, checks = doctor(PATH="/nowhere")
ok("25 frames" not in checks["callpath"]["text"], "without a python3: nothing about it",
   checks["callpath"])

_, _, checks = doctor(GPUTRAIL_CUPTI="off")
equal(checks["cupti"]["state"], "warn", "CUPTI switched off is said")
_, _, checks = doctor(GPUTRAIL_CUPTI="/nowhere/libcupti.so")
ok(checks["cupti"]["state"] == "warn" and "/nowhere" in checks["cupti"]["text"],
   "a CUPTI that is not where it should be", checks["cupti"])
_, _, checks = doctor(PATH="/nowhere")
equal(checks["python"]["state"], "warn", "no Python")

SIM = os.path.join(os.environ.get("top_builddir", "."), "simcuda", ".libs")
if not os.environ.get("sanitizers"):
    for said, env in (("measures SMs on 1 of 1 GPUs", {}), ("0 of 1 GPUs", {"SIMCUDA_DEVICE": "A100"}),
                      ("refused: Insufficient permissions (4)", {"SIMNVML_FAIL": "nvmlGpmSampleGet=4"}),
                      ("Driver not loaded (9)", {"SIMNVML_FAIL": "nvmlInit_v2=9"})):
        _, _, checks = doctor(LD_LIBRARY_PATH=SIM, **env)
        ok(said in checks["activity"]["text"], f"SM activity: {said}", checks["activity"])

# A driver that crashes: gputrail looks at it in another process. It takes the default action, as
# a sanitizer's handler would make an exit of the signal.
CC = os.environ.get("CC", "cc").split()
SOURCE = """
#include <signal.h>
#include <unistd.h>
int cuDriverGetVersion(int *version) { %s; *version = 12040; return 0; }
int cuInit(unsigned flags) { (void)flags; return 100; }
int cuDeviceGetCount(int *count) { *count = 0; return 0; }
int cuDeviceGetName(char *name, int bytes, int device) { (void)name; return bytes + device; }
"""


def fake_driver(name, body):
    import subprocess
    os.mkdir(path(name))
    with open(path(name + ".c"), "w", encoding="utf-8") as file:
        file.write(SOURCE % body)
    return subprocess.run([*CC, "-shared", "-fPIC", "-o", path(name + "/libcuda.so.1"),
                           path(name + ".c")], check=False).returncode == 0


if fake_driver("fine", "") and fake_driver("crash", "signal(SIGSEGV, SIG_DFL); raise(SIGSEGV)"):
    code, _, checks = doctor(LD_LIBRARY_PATH=path("fine"))
    ok(checks["driver"]["state"] == "ok" and "CUDA 12.4" in checks["driver"]["text"] and
       path("fine") in checks["driver"]["text"], "a driver, its version and path",
       checks["driver"])
    _, _, checks = doctor("--gpu", LD_LIBRARY_PATH=path("fine"))
    ok("error 100" in checks["gpu"]["text"], "--gpu asks it", checks["gpu"])
    _, _, checks = doctor(LD_LIBRARY_PATH=path("crash"))
    ok("crashed" in checks["driver"]["text"], "a driver that crashes", checks["driver"])
equal(run("doctor", "surplus").returncode, 2, "no arguments")
equal(run("doctor", "--help").returncode, 0, "--help")
done()
