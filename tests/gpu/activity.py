# SPDX-License-Identifier: Apache-2.0
"""Measured activity: a program that rests, fills the GPU, rests, and fills a quarter of it."""
import os

from recordings import Recording

# What may be measured of each phase, in percent: NVML's GPU busy, SMs active, warps.
BOUNDS = {
    "rest": {"gpu_busy_ppm": (0, 10), "sm_active_ppm": (0, 5), "occupancy_ppm": (0, 5)},
    "full": {"gpu_busy_ppm": (80, 100), "sm_active_ppm": (80, 100), "occupancy_ppm": (60, 100)},
    "rest_again": {"gpu_busy_ppm": (0, 10), "sm_active_ppm": (0, 5), "occupancy_ppm": (0, 5)},
    "quarter": {"gpu_busy_ppm": (80, 100), "sm_active_ppm": (15, 35), "occupancy_ppm": (0.2, 3)},
}
# Counters of NVML may be 100 ms old, and a sample longer than that.
SETTLE_NS = {"gpm": 200_000_000, "utilization": 200_000_000, "pm_sampling": 20_000_000}


def mean_in(recording, metric, begin_ns, end_ns, settle_ns):
    """Over the samples that lie in the phase as a whole; None: there are none."""
    origin = int(recording.one("SELECT value FROM meta WHERE key = 'origin'"))
    return recording.one(f"SELECT total({metric} * 1.0 * dur_ns) / sum(dur_ns) / 1e4 FROM activity"
                         " WHERE start_ns >= ? AND start_ns + dur_ns <= ?",
                         begin_ns - origin + settle_ns, end_ns - origin)


def check_phases(results, recording, source):
    rows = []
    for phase, bounds in BOUNDS.items():
        begin_ns, end_ns = (int(n) for n in recording.said.facts[phase].split())
        row = [phase]
        for metric, (least, most) in bounds.items():
            if source == "utilization" and metric != "gpu_busy_ppm":
                continue
            least *= 0.4 if recording.place.simulated else 1    # its host may be slow
            value = mean_in(recording, metric, begin_ns, end_ns, SETTLE_NS[source])
            row.append("-" if value is None else f"{value:.1f} %")
            results.check(value is not None and least <= value <= most,
                          f"{source}, {phase}: {metric[:-4]} is from {least:g} to {most} %", row[-1])
        rows.append(row)
    results.table(("phase", "busy", "SMs", "warps")[:len(rows[0])], rows)


def check_source(place, results, program, rate, phase_ms):
    """Records the phases at that rate, or as fast as NVML can."""
    costs = os.path.join(place.scratch, "costs")
    with open(costs, "w", encoding="utf-8") as file:
        file.write("spin fixed_us=1000\n")
    option = f"--sm-activity={rate}" if rate else "--sm-activity"
    recording = Recording(place, f"activity{rate or ''}", [program, "activity"], option,
                          environment={"SIMCUDA_COSTS": costs, "GPU_TEST_PHASE_MS": str(phase_ms)})
    source, note, period_ns, samples, cost_ns, overflows = recording.rows(
        "SELECT source, note, period_ns, samples, cost_ns, overflows FROM activity_source")[0]
    results.line(f"{option}: source {source}{': ' if note else ''}{note}")
    if rate and source != "pm_sampling":
        results.skip("PM sampling", note)
        return
    if source == "none":
        results.skip("measured activity", note)
        return
    wanted = phase_ms * 4 * rate / 1000 * 0.2 if rate else 4 * phase_ms / 200
    if not results.check(samples > wanted, f"{source}: samples are taken", f"{samples}"):
        return
    results.line(f"{samples} samples, one every {period_ns / 1e6:.2f} ms, {cost_ns / 1000:.0f} us of NVML's each, "
                 f"{overflows} overflows")
    check_phases(results, recording, source)
    memory = recording.one("SELECT max(memory_used_bytes) FROM activity")
    results.check(memory is not None, f"{source}: memory used is known", f"{memory}")
    results.line("metrics known: " + ", ".join(
        column for column in ("tensor_ppm", "dram_ppm", "pcie_rx_bytes_per_s", "nvlink_rx_bytes_per_s",
                              "sm_clock_khz", "power_mw", "power_capped_ppm")
        if recording.one(f"SELECT count({column}) FROM activity")))


def run(place, results, small):
    results.section("Measured activity")
    programs = place.programs()
    if isinstance(programs, str):
        results.skip("measured activity", programs)
        return
    for rate in (None, 1000):
        results.guarded("measured activity", check_source, place, results, programs["static"], rate,
                        600 if small else 2000)
