# SPDX-License-Identifier: Apache-2.0
"""What the design took for granted without a GPU (M1 to M10 of its list), asked of this one."""
import glob
import os
import re
import signal
import statistics
import subprocess
import time

from recordings import LIMIT_S, Recording

# Ways to record a loop of launches, each adding one thing to the one before.
LAUNCH_COSTS = (
    ("not recorded", None),
    ("host only, no call paths", ["--host-only", "--callpath=off"]),
    ("host only, native call paths", ["--host-only", "--callpath=native"]),
    ("GPU times, no call paths", ["--callpath=off"]),
    ("GPU times, native call paths", ["--callpath=native"]),
)


def facts(output):
    return dict(re.findall(r"^fact (\S+) (.*)$", output, re.M))


def alone(place, command, **environment):
    return place.run(command, 120, place.environment(command, **environment)).stdout


def m1_correlation(results, done):
    rows = [(f"{v} {c}", *reversed(r.operations()), r.counter("correlation_missing"),
             r.counter("gpu_orphans", "gpu_extra"), r.without_times())
            for (v, c), r in sorted(done.items()) if r.operations()[0]]
    results.line("M1, M10: are correlation ids equal with callbacks alone, and is everything joined?")
    results.table(("program", "joined", "of", "calls without id", "work without call",
                   "calls without times"), rows)


def m2_launch_cost(place, results, program, rounds, launches):
    """ns per launch call on the host, the ways in turn."""
    costs = {name: [] for name, _ in LAUNCH_COSTS}
    tails = {name: [] for name, _ in LAUNCH_COSTS}
    for turn in range(rounds):
        for name, options in LAUNCH_COSTS:
            size = {"GPU_TEST_LAUNCHES": str(launches)}
            if options is None:
                said = facts(alone(place, [program, "rate"], **size))
            else:
                said = Recording(place, f"rate-{turn}", [program, "rate"], *options,
                                 environment=size).said.facts
            if "launch_p50_ns" not in said:
                results.check(False, f"M2: {name}", "the program said nothing")
                return
            costs[name].append(float(said["launch_p50_ns"]))
            tails[name].append((float(said["launch_p99.9_ns"]), float(said["launch_p100_ns"])))
    bare = min(costs["not recorded"])
    results.line("M2, M8: what a launch call costs, and what flushing does to the slowest ones")
    results.table(("recorded", "median, ns", "added, ns", "99.9 %, ns", "slowest, us"),
                  [(name, f"{min(values):.0f}", f"{min(values) - bare:.0f}",
                    f"{min(t[0] for t in tails[name]):.0f}",
                    f"{min(t[1] for t in tails[name]) / 1000:.0f}")
                   for name, values in costs.items()])
    results.check(True, f"M2: {rounds} rounds of {launches} launches each")


def resident_kb(parent):
    """Of the children of a process: the recorded program is one of the recorder."""
    total = 0
    for folder in glob.glob("/proc/[0-9]*"):
        try:
            with open(folder + "/stat", encoding="latin-1") as stat:
                fields = stat.read().rpartition(")")[2].split()
        except OSError:
            continue
        if int(fields[1]) == parent:
            total += int(fields[21]) * os.sysconf("SC_PAGE_SIZE") // 1024
    return total


def m3_graph_rate(place, results, program, steps, pool=None):
    """Records per second inside graphs, growth of memory meanwhile, impossible times. A pool of
    few device buffers makes CUPTI run out of them early, if it ever does."""
    environment = {"GPU_TEST_STEPS": str(steps), **({"GPUTRAIL_CUPTI_POOL": str(pool)} if pool else {})}
    file = os.path.join(place.scratch, "graphs.db")
    command = [place.tool, "record", "-f", "-q", "-o", file, *(["--sim"] if place.simulated else []),
               "--callpath=off", "--", program, "decode"]
    samples = []
    begin = time.monotonic()
    with subprocess.Popen(command, env=place.environment([program], **environment), start_new_session=True,
                          stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        while process.poll() is None:
            samples.append(resident_kb(process.pid))
            time.sleep(0.2)
            if time.monotonic() - begin > LIMIT_S:
                os.killpg(process.pid, signal.SIGKILL)
    seconds = time.monotonic() - begin
    recording = Recording.__new__(Recording)
    recording.file, recording._db, recording.place = file, None, place
    nodes = recording.one("SELECT count(*) FROM node")
    bad = recording.counter("cupti_bad_times", "bad_times")
    lost = recording.counter("lost_gpu_records", "lost_gpu_buffers", "cupti_dropped")
    early, late = (max(part, default=0) for part in (samples[:len(samples) // 2], samples))
    results.line(f"M3{f', {pool} device buffers' if pool else ''}: {nodes} kernels inside graphs in {seconds:.1f} s "
                 f"({nodes / seconds:.0f}/s); resident memory at most {early} kB in the first half, "
                 f"{late} kB in all; {bad} bad times, {lost} lost")
    if pool:            # whatever is missing has to be counted
        results.check(nodes + bad + lost >= steps * 300 and not recording.counter("cupti_errors"),
                      "M3: with few device buffers nothing vanishes uncounted",
                      f"{nodes} of {steps * 300}, {bad} bad, {lost} lost")
        return
    results.check(nodes == steps * 300 and not bad and not lost,
                  "M3: every kernel inside graphs, with times",
                  f"{nodes} of {steps * 300}, {bad} bad, {lost} lost")


def m4_ends(results, done):
    results.line("M4: what each way to end leaves of 200 kernels, half a second before the end or at it")
    results.table(("end", "launches", "GPU times"),
                  [(c, r.kernel_count("tick"), len(r.kernel_times("tick")))
                   for (v, c), r in sorted(done.items()) if c.startswith("end_")])


def m5_other(results, done):
    recording = done.get(("static", "other_subscriber"))
    if not recording:
        results.skip("M5: another client of CUPTI", "that case did not run")
        return
    first = recording.said.facts.get("first_subscribe")
    results.line(f"M5: the program subscribed first ({first}); recorded with "
                 f"{recording.backends()}: {recording.notes()}")
    results.check(recording.kernel_count("tick") == 200 and first == "0",
                  "M5: another client keeps CUPTI, the host's side is recorded")
    results.check(recording.backends() != ["cupti"] and "error 39" in recording.notes(),
                  "M5: and the file says who has it", recording.notes())


def m6_forks(results, done):
    recording = done.get(("static", "forked"))
    if recording:
        results.check(len(recording.rows("SELECT 1 FROM process WHERE backend <> 'none'")) == 2,
                      "M6: children of a fork are recorded each by itself")


def m7_clocks(results, done):
    recording = done.get(("static", "clocks"))
    if not recording:
        results.skip("M7: CUPTI's clock", "that case did not run")
    else:
        results.line("M7: cuptiGetTimestamp less CLOCK_REALTIME, ns: " +
                     recording.said.facts["cupti_minus_realtime_ns"])
    worst = max((int(r.one("SELECT value FROM meta WHERE key = 'realtime_error_ns'") or 0)
                 for r in done.values()), default=0)
    early = sum(r.before_their_call() for r in done.values())
    results.line(f"M7: error bound of REALTIME over all recordings {worst} ns")
    results.check(early == 0, "M7: no operation began before its call", f"{early} did")


def events_or_cupti(place, results, program):
    """Mean times of short kernels by CUDA events and by CUPTI: what lies between an event and its
    kernel, and whether the bound of the estimates has room for it."""
    rows, wrong = [], []
    for case, kernel in (("launches", "step"), ("rate", "")):
        means = []
        for way in ("", "events"):
            recording = Recording(place, f"{case}-by-{way or 'cupti'}", [program, case],
                                  environment={"GPU_TEST_LAUNCHES": "2000",
                                               **({"GPUTRAIL_CUPTI": way} if way else {})})
            times = recording.kernel_times(kernel)
            means.append(statistics.mean(times) if times else None)
        if None in means:
            wrong.append(f"{case}: {means}")
            continue
        samples = [s for s in recording.report()["samples"] if kernel in s["name"]]
        launches = sum(s["measured"] + s["missing"] for s in samples)
        total, error = (sum(s[key] or 0 for s in samples) for key in ("total_ns", "error_ns"))
        rows.append((kernel or case, f"{means[0]:.0f}", f"{means[1]:.0f}",
                     f"{total / launches - means[0]:+.0f}" if launches else "",
                     f"{error / launches:.0f}" if launches else ""))
        if launches and abs(total - means[0] * launches) > error + 0.02 * total:
            wrong.append(f"{case}: {total / launches:.0f} +- {error / launches:.0f}, not {means[0]:.0f}")
    results.line("M11: mean kernel times by CUPTI and by CUDA events in another run, and the estimate's bound")
    results.table(("kernel", "CUPTI, ns", "events, ns", "estimate off by", "bound"), rows)
    results.check(not wrong, "M11: estimates from CUDA events are right within their bound", *wrong)


def m9_names(results, done):
    unnamed = sum(r.counter("functions_unnamed", "undefined_kernels") for r in done.values())
    results.check(unnamed == 0, "M9: every launched function has a name", f"{unnamed} have none")


def run(place, results, done, small):
    results.section("Questions to the driver and CUPTI")
    programs = place.programs()
    if not done or isinstance(programs, str):
        results.skip("questions", "no programs of nvcc")
        return
    static = programs["static"]
    results.guarded("M1", m1_correlation, results, done)
    results.guarded("M2", m2_launch_cost, place, results, static, 1 if small else 5,
                    2000 if small else 200000)
    results.guarded("M3", m3_graph_rate, place, results, static, 5 if small else 2000)
    results.guarded("M3", m3_graph_rate, place, results, static, 5 if small else 2000, 2)
    results.guarded("M11", events_or_cupti, place, results, static)
    for question in (m4_ends, m5_other, m6_forks, m7_clocks, m9_names):
        results.guarded(question.__name__, question, results, done)
