#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""gputrail demo: what it writes, replaces and refuses; plants that only calls show; the same work
for the same seed; rates; no driver."""
import ctypes
import os
import subprocess
from collections import Counter

from servers import C_SERVER, DEF, PYTHON_SERVER, Run, plants, skip_without_simulator, tap


def demo(*arguments):
    """gputrail demo in the folder of the test."""
    return tap.run("demo", *arguments, cwd=tap.TMP, env={"LD_LIBRARY_PATH": None})


def calls(file):
    """Calls and failed calls by name."""
    rows = tap.report_json(file)["apis"]
    return (Counter({row["name"]: row["calls"] for row in rows}),
            Counter({row["name"]: row["failed"] for row in rows}))


def recorded(plant, *more):
    """Calls of a recorded run."""
    file = tap.path("plant.db")
    result = demo("-o", file, "--steps=40", f"--plant={plant}", *more)
    tap.equal(result.returncode, 0, f"{plant or 'healthy'}: recorded")
    return calls(file)


def test_files():
    """The default file, an old recording, another file, truth and facts."""
    result = demo("--steps=20", "--truth", tap.path("truth"), "--plant=sync-readback")
    tap.equal(result.returncode, 0, "records to its default file")
    tap.ok("next: gputrail gputrail-demo.db" in result.stderr, "names the next command", result.stderr)
    tap.ok(os.path.exists(tap.path("gputrail-demo.db")), "the default file is there")
    with open(tap.path("truth"), encoding="utf-8") as file:
        kernels = sum(line.startswith("kernel\t") for line in file)
    report = tap.report_json(tap.path("gputrail-demo.db"))
    tap.equal(report["devices"][0]["kernels"], kernels, "as many kernels in the file as in the truth")
    tap.equal(report["lost"], 0, "nothing is lost")
    with open(tap.path("truth.plants"), encoding="utf-8") as file:
        tap.equal(sum(line.startswith("sync-readback\t") for line in file), 20, "a fact per step")
    tap.equal(demo("--steps=3", "-q").returncode, 0, "an old recording is replaced")
    with open(tap.path("notes.db"), "w", encoding="utf-8") as file:
        file.write("do not lose this\n" * 100)
    result = demo("--steps=3", "-o", tap.path("notes.db"))
    tap.equal(result.returncode, 1, "another file is refused")
    with open(tap.path("notes.db"), encoding="utf-8") as file:
        tap.equal(file.readline(), "do not lose this\n", "and left alone")


def test_options():
    """What is listed and refused."""
    listed = demo("--list-plants").stdout.splitlines()
    tap.equal([line.split()[0] for line in listed[1:]], plants(), "--list-plants lists all")
    page = os.path.join(os.path.dirname(DEF), "..", "docs", "demo.md")
    with open(page, encoding="utf-8") as file:
        text = file.read()
    tap.equal([name for name in plants() if f"`{name}`" not in text], [], "docs/demo.md has all")
    for wrong in ("--plant=nonesuch", "--plant=leak:2", "--plant=leak:", "--plant=leak:x",
                  "--steps=0", "--seconds=-1", "--seconds=x", "--seed=0", "something"):
        result = demo("-o", tap.path("wrong.db"), wrong)
        tap.equal(result.returncode, 2, f"{wrong} is refused")
        tap.ok(result.stderr and not os.path.exists(tap.path("wrong.db")),
               f"{wrong}: a message, no file")
    report = demo("-o", tap.path("a100.db"), "--sim=A100", "--steps=3")
    tap.equal(report.returncode, 0, "--sim=A100 serves")
    name = tap.report_json(tap.path("a100.db"))["devices"][0]["name"]
    tap.ok("A100" in name, "on an A100", name)


def test_calls():
    """Plants that the device does not show."""
    healthy, failed = recorded("")
    tap.ok(healthy["cuLaunchKernelEx"] > healthy["cuLaunchKernel"], "healthy: dependent launches")
    tap.equal(sum(failed.values()), 0, "healthy: no call fails")
    tap.equal(healthy["cuEventQuery"] + healthy["cuTensorMapEncodeTiled"], 0, "healthy: no polling")
    tap.ok(recorded("polling")[0]["cuEventQuery"] > 40, "polling: many queries")
    tap.equal(recorded("no-pdl")[0]["cuLaunchKernelEx"], 0, "no-pdl: plain launches only")
    tap.ok(recorded("oom:0.2")[1]["cuMemAlloc_v2"] > 2, "oom: allocations fail")
    tap.ok(recorded("launch-failure:0.2")[1]["cuLaunchKernel"] > 2, "launch-failure: launches fail")
    tap.ok(recorded("wrong-device:0.2")[1]["cuLaunchKernel"] > 2, "wrong-device: launches fail")
    found = recorded("tensormap-in-loop")[0]
    tap.ok(found["cuTensorMapEncodeTiled"] > 1000, "tensormap-in-loop: encodes at every GEMM", found)
    found = recorded("attribute-queries")[0]
    tap.ok(found["cuFuncSetAttribute"] > 1000, "attribute-queries: sets at every launch", found)
    found, _ = recorded("sync-readback", "--python")
    tap.ok(found["cuStreamSynchronize"] >= 40, "Python, sync-readback: waits in every step")


def work(server, *arguments):
    """What a run launches."""
    run = Run(server, *arguments)
    return Counter((row["name"], tuple(row["grid"])) for row in run.of("kernel")), run.output


def test_steps():
    """The same seed, the same work."""
    for server, language in ((C_SERVER, "C"), (PYTHON_SERVER, "Python")):
        first, again = work(server, "", 60), work(server, "", 60)
        tap.ok(first[0] and first[0] == again[0], f"{language}: the same work with the same seed")
        tap.equal(first[1].rpartition(",")[0], again[1].rpartition(",")[0],
                  f"{language}: the same tokens")
        tap.ok(work(server, "", 60, "--seed=2")[0] != first[0], f"{language}: other work with another")
    half = Run(C_SERVER, "no-graphs:0.5,leak:0.25", 80)
    tap.ok(10 < len(half.while_serving("graph")) < 60, "a rate plants some steps, not all")
    tap.ok(15 <= sum(fact[0] == "leak" for fact in half.facts) <= 25, "a quarter of the steps")
    everything = Run(C_SERVER, ",".join(plants()), 12, layers=2)
    tap.equal(everything.status, 0, "all plants together serve")


def test_no_driver():
    """The servers say what is missing."""
    try:
        ctypes.CDLL("libcuda.so.1")
        tap.skip("without a driver", "there is one here")
        return
    except OSError:
        pass
    environment = {key: value for key, value in os.environ.items() if key != "LD_LIBRARY_PATH"}
    for server, language in ((C_SERVER, "C"), (PYTHON_SERVER, "Python")):
        result = subprocess.run(server + ["--steps=1"], capture_output=True, encoding="utf-8",
                                env=environment, timeout=60)
        tap.equal(result.returncode, 77, f"{language}: no driver, exit 77")
        tap.ok("no CUDA driver" in result.stderr, f"{language}: says so", result.stderr)


skip_without_simulator()
test_files()
test_options()
test_calls()
test_steps()
test_no_driver()
tap.done()
