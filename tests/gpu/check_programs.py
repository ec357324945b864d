# SPDX-License-Identifier: Apache-2.0
"""Programs of nvcc: each case recorded, and compared with what it says of itself."""
import signal

from recordings import Recording, error_of

NEEDED = 0.999                  # of GPU operations joined to their call
ENDS = {"end_abort": -signal.SIGABRT, "end_kill": -signal.SIGKILL}
# Not all of what comes after the last periodic flush survives these.
UNFLUSHED = ("end_abort", "end_kill")
OWN_CHECKS = ("other_subscriber", "clocks", "rate", "decode", "device_graph")


def check_coverage(results, recording, name):
    seen, joined = recording.operations()
    if not seen:
        return
    lost = recording.without_times() + recording.counter("cupti_dropped", "lost_gpu_records",
                                                         "lost_gpu_buffers", "lost_records")
    results.check(joined >= NEEDED * seen and lost <= (1 - NEEDED) * seen, f"{name}: joined",
                  f"{joined} of {seen}, {lost} lost")
    results.check(recording.before_their_call() == 0, f"{name}: nothing ran before its call",
                  f"{recording.before_their_call()} did")


def check_counts(results, recording, name):
    said = recording.said
    wrong = []
    for kernel, count in said.kernels.items():
        found = recording.kernel_count(kernel)
        if found != count:
            wrong.append(f"{found} of {count} {kernel}")
    found = recording.one("SELECT count(*) FROM graph_launch")
    if said.graph_launches != found:
        wrong.append(f"{found} of {said.graph_launches} graph launches")
    copies = recording.rows("SELECT count(*), sum(bytes) FROM copy WHERE kind & 255 <> 64")[0]
    if said.copies and said.copies != copies:
        wrong.append(f"{copies} copies and bytes, not {said.copies}")
    sets = recording.one("SELECT count(*) FROM copy WHERE kind & 255 = 64")
    if said.sets and said.sets != sets:
        wrong.append(f"{sets} of {said.sets} sets")
    results.check(not wrong, f"{name}: everything it launched is there", *wrong)


def check_events(results, recording, name):
    """Kernel times against pairs of CUDA events around them; the first kernel warms up."""
    theirs = recording.said.events
    ours = recording.kernel_times("spin")[-len(theirs):]
    if recording.place.simulated:       # its events are exact but lie around launch latencies
        results.check(len(ours) == len(theirs), f"{name}: a time for each event pair")
        return
    middle, share = error_of(ours, theirs)
    results.check(middle is not None and (share <= 0.01 or middle <= 1000),
                  f"{name}: kernel times equal those of CUDA events",
                  f"median difference {middle} ns, {(share or 1) * 100:.3f} %")


def check_memory(results, recording, name):
    """What the replay knows to be live against what cuMemGetInfo says is gone; whatever rounding
    and the driver's own structures take is allowed for with 2 % and 8 MiB."""
    use = recording.report()["memory_use"]
    area = next((a for a in use["areas"] if a["device"]), None)
    said = recording.said
    if said.used is not None and "live_bytes" in said.facts:
        wanted = int(said.facts["live_bytes"])
        results.check(area and area["high_bytes"] >= wanted, f"{name}: high-water is no less than "
                      "what is live", f"{area and area['high_bytes']} of {wanted}")
        results.check(abs(said.used - wanted) <= 0.02 * wanted + (8 << 20),
                      f"{name}: cuMemGetInfo agrees with what is live",
                      f"{said.used} used, {wanted} live")
        known = sum(s["live_bytes"] for s in use["sites"]
                    if s["device"] and s["kind"] != "VMM address range")
        results.check(known == wanted, f"{name}: so does the recording", f"{known} of {wanted}")
    if "pool_reserved" in said.facts:
        pool = max(use["pools"], key=lambda p: p["reserved_bytes"])
        results.check((pool["reserved_bytes"], pool["used_bytes"]) ==
                      (int(said.facts["pool_reserved"]), int(said.facts["pool_used"])),
                      f"{name}: reserved and used as the driver told")
    if "failed_bytes" in said.facts:
        results.check([f["bytes"] for f in use["failures"]] == [int(said.facts["failed_bytes"])],
                      f"{name}: the failed allocation is there")


def check_capture(results, recording, name):
    """Work inside graphs belongs to the code that captured or added it."""
    nodes, paths = recording.rows("SELECT count(*), count(path) FROM node")[0]
    results.check(paths >= NEEDED * nodes, f"{name}: kernels in graphs have the path of their capture",
                  f"{paths} of {nodes}")
    made = recording.rows("SELECT count(*), count(instantiate_ns) FROM graph")[0]
    results.check(made[0] and made[0] == made[1], f"{name}: graphs know what making them took", made)


INSIDE = {"child_graph": ("graph", 10), "conditional": ("if", 5)}      # kernels, and in what they are


def check_contents(results, recording, name, case):
    """Kernels in graphs lead to the nodes that the driver told of when the graph was made."""
    lost, all_of = recording.rows(
        "SELECT count(*) - count(m.graph), count(*) FROM graph_node n LEFT JOIN graph_member m ON"
        " m.graph = n.graph AND m.node = n.source AND m.type = 'kernel'")[0]
    results.check(all_of and not lost, f"{name}: kernels in graphs lead to their nodes",
                  f"{lost} of {all_of} do not")
    edges = recording.one("SELECT count(*) FROM graph_edge")
    results.check(edges, f"{name}: dependencies are told of", f"{edges}")
    if case in INSIDE:
        around, kernels = INSIDE[case]
        found = recording.one("SELECT count(*) FROM graph_member m JOIN graph_member p ON p.graph = m.graph AND"
                              " p.member = m.parent WHERE m.type = 'kernel' AND p.type = ?", around)
        results.check(found == kernels, f"{name}: kernels inside of the {around} node", f"{found} of {kernels}")


def run_case(place, results, variant, program, case):
    name = f"{variant} {case}".replace("device_graph device_graph", "device_graph")
    command = [program] if case == "device_graph" else [program, case]
    recording = Recording(place, name.replace(" ", "-"), command,
                          environment={"GPU_TEST_LAUNCHES": "2000", "GPU_TEST_STEPS": "20"})
    if recording.said.skip:
        results.skip(name, recording.said.skip)
        return None
    if not recording.exists():
        results.check(False, f"{name}: recorded", recording.output[-800:] + recording.errors[-800:])
        return None
    results.check(recording.status == ENDS.get(case, 0), f"{name}: runs and ends as it does alone",
                  *([] if recording.status == ENDS.get(case, 0) else
                    [f"status {recording.status}", recording.errors[-800:]]))
    if case in UNFLUSHED:
        wanted = sum(recording.said.kernels.values())
        results.line(f"{name}: {len(recording.kernel_times('tick'))} of {wanted} GPU times kept")
        results.check(recording.kernel_count("tick") == wanted, f"{name}: no launch is lost")
        return recording
    if case not in OWN_CHECKS:
        check_counts(results, recording, name)
        check_coverage(results, recording, name)
    if recording.said.graph_launches and case not in OWN_CHECKS:
        check_capture(results, recording, name)
        check_contents(results, recording, name, case)
    if case == "device_graph":
        by_device = recording.one("SELECT coalesce(sum(value), 0) FROM counter WHERE name = 'gpu_by_device'")
        results.line(f"{name}: {by_device} kernels marked as launched by the device, 'inner' seen "
                     f"{recording.kernel_count('inner')} of 20 times")
    if recording.said.events:
        check_events(results, recording, name)
    if recording.said.used is not None or "pool_reserved" in recording.said.facts or \
            "failed_bytes" in recording.said.facts:
        check_memory(results, recording, name)
    if case == "cublas":
        results.check(recording.counter("functions_unnamed") == 0, f"{name}: all kernels have names")
    return recording


def cases_of(place, program):
    """What the program knows; asked without recording it."""
    return place.run([program], 60, place.environment([program])).stdout.split()


def run(place, results, wanted=None):
    """Every case on the static runtime, and what depends on it on the others. Returns
    {(variant, case): Recording}."""
    results.section("Programs of nvcc")
    programs = place.programs()
    if isinstance(programs, str):
        results.skip("programs of nvcc", programs)
        return {}
    done = {}
    for variant, program in sorted(programs.items()):
        cases = ["device_graph"] if variant == "device_graph" else cases_of(place, program)
        for case in cases:
            if case == "activity":      # activity.py has it
                continue
            if wanted and case not in wanted:
                continue
            if variant in ("shared", "threads") and case not in ("launches", "graphs", "streams",
                                                                 "copies"):
                continue
            recording = results.guarded(f"{variant} {case}", run_case, place, results, variant,
                                        program, case)
            if recording:
                done[variant, case] = recording
    return done
