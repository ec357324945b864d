#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Steps and families on recordings whose truth is known to the nanosecond."""
import csv
import io
import os
import random
import re
import shutil
import sqlite3

from fixture import Fixture, shuffled, union_ns
from steps_scene import DTOH, LAYERS, MS, US, Server
from tap import done, equal, ok, path, report_json, run

def rows(file):
    return list(csv.DictReader(io.StringIO(run("export", "--csv=gputrail_steps", file).stdout)))


def test_truth():
    """Boundaries, periods, idle time and families, added up by hand."""
    s = Server("truth")
    rng = random.Random(5)
    for i in range(120):
        s.step(prefill=i % 10 == 4, pause=rng.randrange(200) * US)
    s.f.close()
    found = rows(s.file)
    equal([int(r["start_ns"]) for r in found], s.begins, "every step begins where it began")
    equal([int(r["gpu_start_ns"]) for r in found], s.firsts, "on the device too")
    equal([r["period_ns"] for r in found],
          [str(b - a) for a, b in zip(s.firsts, s.firsts[1:])] + [""], "periods follow on each other")
    busy = [union_ns([(max(a, p), min(b, q)) for a, b in s.kernels if a < q and b > p])
            for p, q in zip(s.firsts, s.firsts[1:])]
    equal([int(r["period_ns"]) - int(r["idle_ns"]) for r in found[:-1]], busy,
          "period = busy + idle")
    equal([r["phase"] for r in found], ["prefill" if i % 10 == 4 else "decode" for i in range(120)],
          "phases")
    equal({r["launches"] for r in found}, {str(2 + 3 * LAYERS)}, "launches")
    steps = report_json(s.file)["steps"]
    equal(steps["threads"], [{"thread": 1, "steps": 120, "launches": 120 * (2 + 3 * LAYERS),
                              "launches_in_steps": 120 * (2 + 3 * LAYERS), "annotated": False}],
          "all launches are in steps")
    decode = [g for g in steps["groups"] if g["phase"] == "decode"][0]
    equal((decode["mode"], decode["steps"], decode["kinds"]), ("eager", 108, 1), "the decode steps")
    equal(decode["all"]["gpu_by_family"]["gemm"], 107 * LAYERS * 40 * US, "their GEMMs")
    periods = sorted(int(r["period_ns"]) for r in found[:-1] if r["phase"] == "decode")
    equal((decode["min_ns"], decode["p50_ns"], decode["max_ns"]),
          (periods[0], periods[53], periods[-1]), "quantiles")
    equal(sum(g["all"]["period_ns"] for g in steps["groups"]), s.firsts[-1] - s.firsts[0],
          "all periods add up")
    mixed = path("mixed.db")
    shuffled(s.file, mixed, 3)
    other = report_json(mixed)["steps"]
    equal(other, steps, "the order of rows does not matter")
    return steps


def test_slow():
    """What slow steps have more: a pause, or a longer kernel."""
    s = Server("pause")
    for i in range(200):
        s.step(pause=3 * MS if i % 70 == 30 else 0)
    s.f.close()
    group = report_json(s.file)["steps"]["groups"][0]
    more = {c: ns / group["slow"]["steps"] for c, ns in group["slow"]["idle_by_cause"].items()}
    ok(max(more, key=more.get) == "host_busy" and more["host_busy"] >= 3 * MS,
       "a pause of the host is named", more)
    shown = run("report", s.file, "steps").stdout
    ok(re.search(r"slow steps take .*\n +3\.\d+ ms +\S+ % +idle +host_busy", shown), "in the text too",
       shown)
    s = Server("kernel")
    for i in range(200):
        s.step(gemm=900 * US if i % 70 == 30 else 40 * US)
    s.f.close()
    kind = report_json(s.file)["steps"]["kinds"][0]
    launch = kind["slow_launches"][0]
    equal((launch["ordinal"], launch["name"], launch["typical_ns"], launch["slow_ns"]),
          (1 + 3 * 3 + 1, "sm90_gemm_kernel", 40 * US, 900 * US), "the launch that took longer is named")


def test_predictions():
    """A pause is taken out, as it is by leaving it out; a wave is what others of the kernel say."""
    periods = {}
    for name, pause in (("with", 400 * US), ("without", 0)):
        s = Server(name)
        for _ in range(100):
            s.step(pause=pause)
        s.f.close()
        periods[name] = report_json(s.file)["steps"]
    now, then = (periods[n]["groups"][0]["p50_ns"] for n in ("with", "without"))
    row = [p for p in periods["with"]["predictions"] if p["without"] == "host_busy"][0]
    equal((row["now_p50_ns"], row["steps"], row["intervals"]), (now, 99, 99), "what is, is the median")
    ok(abs(row["p50_ns"] / then - 1) < 0.05, "the prediction is what comes of it", row, then)
    ok(row["p50_low_ns"] <= row["p50_ns"] <= row["p50_high_ns"] < now, "within its bounds", row)
    ok(row["gain_low_ns"] <= row["gain_ns"] <= row["gain_high_ns"] <= 99 * (now - then + 20 * US),
       "gain", row)
    file = path("waves.db")
    f = Fixture(file)
    f.process()
    f.device()
    f.add("thread", process=1, tid=1)
    f.add("stream", process=1, device=1)
    kernel = f.kernel("gemm_kernel")
    for i, waves in enumerate((1000, 1060, 2000, 3000)):
        f.launch(i * MS, 1, 1, -(-waves // 1000) * 100 * US, 1, 1,
                 f.shape(kernel, 1, waves_x1000=waves), f.api("cuLaunchKernel"))
    f.launch(9 * MS, 1, 1, 5 * US, 1, 1, f.shape(f.kernel("alone"), 1, waves_x1000=1060),
             f.api("cuLaunchKernel"))
    f.close()
    waves = report_json(file)["steps"]["waves"]
    equal([(w["name"], w["waves"], w["now_ns"], round(w["whole_ns"]), w["fitted_shapes"]) for w in waves],
          [("gemm_kernel", 1.06, 200 * US, 106 * US, 4)], "the second wave is hardly filled")
    ok(abs(waves[0]["low_ns"] - 106 * US) < 1 and abs(waves[0]["high_ns"] - 106 * US) < 1,
       "a perfect line has no error", waves)
    return waves


def test_phases():
    """A thread that goes on to other steps, such as from warming up to replaying a graph."""
    s = Server("phases")
    for _ in range(60):
        s.step(pause=50 * US)
    for _ in range(40):
        s.host = max(s.host, s.gpu) + 50 * US
        s.begins.append(s.host)
        s.firsts.append(s.launch("sm90_gemm_kernel", 300 * US))
        s.copy(DTOH)
    s.f.close()
    found = rows(s.file)
    equal([int(r["start_ns"]) for r in found], s.begins, "both phases: every step begins where it began")
    equal([r["launches"] for r in found], [str(2 + 3 * LAYERS)] * 60 + ["1"] * 40, "both: launches")
    # Half a step of the same kind is none of another phase.
    s = Server("unfinished")
    for _ in range(60):
        s.step(pause=50 * US)
    s.host = max(s.host, s.gpu) + 50 * US
    for _ in range(LAYERS):
        for name in ("rms_norm_kernel", "sm90_gemm_kernel", "flash_fwd_splitkv_kernel"):
            s.launch(name, 5 * US)
    s.f.close()
    equal([int(r["start_ns"]) for r in rows(s.file)], s.begins, "a step that was not finished is no phase")


def test_lockstep():
    """Two devices that do the same at the same time have twice the idle time of one, step by step."""
    s = Server("alone")
    for _ in range(60):
        s.step(pause=900 * US)
    s.f.close()
    both = path("lockstep.db")
    shutil.copy(s.file, both)
    db = sqlite3.connect(both)
    for table, changed in {"device": {"uuid": "'second'", "ordinal": "1"}, "thread": {"tid": "2"},
                           "stream": {"device": "2"}, "shape": {"device": "2"},
                           "launch": {"thread": "2", "stream": "stream + 2", "shape": "shape + 100"},
                           "copy": {"thread": "2", "stream": "stream + 2"}, "call": {"thread": "2"}}.items():
        columns = [row[1] for row in db.execute(f"PRAGMA table_info({table})")]
        shift = {"shape": 100, "device": 1, "thread": 1, "stream": 2}.get(table, 100000)
        db.execute(f"INSERT INTO {table} SELECT "
                   + ", ".join(f"id + {shift}" if c == "id" else changed.get(c, c) for c in columns)
                   + f" FROM {table}")
    db.commit()
    db.close()
    one, two = (report_json(file)["steps"]["groups"][0] for file in (s.file, both))
    equal(two["steps"], 2 * one["steps"], "steps of two devices in lockstep")
    equal(two["all"]["idle_by_cause"], {c: 2 * ns for c, ns in one["all"]["idle_by_cause"].items()},
          "each has the idle time of its own device")


def test_marked():
    """ProfilerStep ranges are the steps, for all threads of the process, and nothing else is."""
    s = Server("marked")
    marks = []
    for i in range(30):
        if i % 3 == 0:
            marks.append(s.host)
        s.step()
    for number, (begin, end) in enumerate(zip(marks, marks[1:])):
        s.f.add("range", start_ns=begin, dur_ns=end - begin, thread=1, name=f"ProfilerStep#{number}")
    s.f.add("range", start_ns=0, dur_ns=10**9, thread=1, name="## forward ##")
    s.f.close()
    found = rows(s.file)
    equal([int(r["start_ns"]) for r in found], s.begins[0:27:3], "steps are as marked")
    equal({r["launches"] for r in found}, {str(3 * (2 + 3 * LAYERS))}, "three periods in each")
    thread = report_json(s.file)["steps"]["threads"][0]
    equal((thread["annotated"], thread["launches_in_steps"]), (True, 27 * (2 + 3 * LAYERS)),
          "what is outside is in no step")
    ok("as the program marked them" in run("report", s.file, "steps").stdout, "and says so")


def test_named():
    """Ranges tell phases where no kernel does: those around most steps of a kind, on their thread."""
    s = Server("named")
    s.shapes["flash_fwd_splitkv_kernel"] = s.shapes["flash_fwd_kernel"] = s.shapes["rms_norm_kernel"]
    label = {text: s.f.add("label", process=1, text=text)
             for text in ("Decode batch", "run_prefill", "anything", "prefill elsewhere")}
    begin = s.host
    for i in range(120):
        start = s.host
        s.step()
        if i >= 20:                                 # most of them
            s.f.add("range", start_ns=start, dur_ns=s.host - start, thread=1, kind=1,
                    label=label["Decode batch"])
        if i < 30:                                  # too few
            s.f.add("range", start_ns=start, dur_ns=s.host - start, thread=1, kind=2,
                    label=label["run_prefill"])
    s.f.add("range", start_ns=begin, dur_ns=s.host - begin, thread=1, kind=1, label=label["anything"])
    s.f.add("range", start_ns=begin, dur_ns=s.host - begin, thread=2, kind=1,
            label=label["prefill elsewhere"])
    s.f.add("range", start_ns=begin, thread=1, kind=1, label=label["run_prefill"])    # never ended
    s.f.close()
    equal({r["phase"] for r in rows(s.file)}, {"decode"}, "the phase is that of the ranges")


def test_none():
    """Nothing that repeats, nothing at all."""
    s = Server("once")
    s.step()
    s.f.close()
    equal(rows(s.file), [], "one step is no period")
    ok("No launches that repeat" in run("report", s.file, "steps").stdout, "and is not called one")


NAMES = (
    ("flash_fwd_splitkv_mla_kernel", "attention_mla", "flash_attention"),
    ("void flash_fwd_kernel<Flash_fwd_kernel_traits<128> >(Flash_fwd_params)", "attention_prefill",
     "flash_attention"),
    ("void vllm::paged_attention_v2_kernel<__half>(float*)", "attention_decode", "vllm"),
    ("kernel_unified_attention_2d", "attention", ""),
    ("sparse_mla_fwd_decode_partial", "attention_sparse", ""),
    ("nvjet_tst_128x64_64x8_2x1_v_bz_TNT", "gemm", "cublas"),
    ("void cutlass::Kernel2<cutlass_80_tensorop_bf16_s16816gemm_bf16_256x128>(Params)", "gemm",
     "cutlass"),
    ("void mul_mat_vec_q<(ggml_type)12, 1>(void const*)", "gemm", "ggml"),
    ("fused_moe_kernel", "moe", ""),
    ("void deep_gemm::sm90_m_grouped_fp8_gemm_impl(int)", "moe", "deepgemm"),
    ("void vllm::scaled_fp8_quant_kernel<float>()", "quantise", "vllm"),
    ("void flashinfer::norm::FusedAddRMSNormKernel<8>()", "norm", "flashinfer"),
    ("triton_red_fused__to_copy_add_mean_mul_pow_rsqrt_0", "norm", "inductor"),
    ("void vllm::reshape_and_cache_flash_kernel<>()", "rope_cache", "vllm"),
    ("void flashinfer::sampling::TopKTopPSamplingFromProbKernel<>()", "sampling", "flashinfer"),
    ("_selective_scan_update_kernel", "ssm", "triton"),
    ("void selective_state_update_kernel<float>()", "ssm", ""),
    ("ncclDevKernel_AllReduce_Sum_bf16_RING_LL(ncclDevKernelArgsStorage<4096ul>)", "collective",
     "nccl"),
    ("void at::native::(anonymous namespace)::CatArrayBatchedCopy<float>()", "copy", "pytorch"),
    ("triton_poi_fused_add_mul_3", "elementwise", "inductor"),
    ("void vllm::act_and_mul_kernel<c10::BFloat16>()", "activation", "vllm"),
    ("frobnicate", "other", ""),
)


def test_families():
    """Names of kernels of well-known code, and a table of one's own."""
    file, table = path("families.db"), path("families")
    f = Fixture(file)
    f.process()
    f.device()
    f.add("thread", process=1, tid=1)
    f.add("stream", process=1, device=1)
    for i, (name, _, _) in enumerate(NAMES):
        f.launch(i * 10, 1, 1, 5, 1, 1, f.shape(f.kernel(name), 1), f.api("cuLaunchKernel"))
    f.close()
    found = {k["name"]: (k["family"], k["origin"]) for k in report_json(file)["kernels"]}
    for name, family, origin in NAMES:
        equal(found[name], (family, origin), f"family of {name[:40]}")
    totals = report_json(file)["families"]
    equal((sum(t["total_ns"] for t in totals), sum(t["kernels"] for t in totals)),
          (5 * len(NAMES), len(NAMES)), "the families have all kernels")
    with open(table, "w", encoding="utf-8") as out:
        out.write("# mine\n\nfamily frobbing ^frob\norigin acme frob|nvjet\n")
    found = {k["name"]: (k["family"], k["origin"])
             for k in report_json(file, "--families", table)["kernels"]}
    equal((found["frobnicate"], found[NAMES[5][0]]), (("frobbing", "acme"), ("gemm", "acme")),
          "lines of one's own come first")
    config = path("config")
    os.makedirs(os.path.join(config, "gputrail"))
    os.rename(table, os.path.join(config, "gputrail", "families"))
    shown = run("report", file, "families", env={"XDG_CONFIG_HOME": config}).stdout
    ok(re.search(r"frobbing +acme", shown), "also in the configuration of the user", shown)
    for text, what in (("family x [", "no regular expression"), ("familie x y", "not 'family NAME"),
                       ("family x", "not 'family NAME")):
        with open(table, "w", encoding="utf-8") as out:
            out.write("# first\n" + text + "\n")
        result = run("report", "--families", table, file, "families")
        ok(result.returncode == 3 and f"{table}:2: " in result.stderr and what in result.stderr,
           f"'{text}' is refused with its place", result.stderr)
    result = run("report", "--families", path("none"), file)
    ok(result.returncode == 3 and "cannot read" in result.stderr, "a missing table is an error")


def members(prefix, value, found):
    """Names as docs/report-json.md writes them."""
    if isinstance(value, dict):
        for key, inner in value.items():
            found.add(f"{prefix}.{key}")
            if key not in ("all", "typical", "slow"):
                members(f"{prefix}.{key}", inner, found)
    elif isinstance(value, list) and value and isinstance(value[0], dict):
        members(prefix + "[]", value[0], found)
    return found


def test_document(steps, waves):
    """What is documented is there, and the other way round."""
    with open(os.path.join(os.environ["top_srcdir"], "docs", "report-json.md"),
              encoding="utf-8") as file:
        documented = set(re.findall(r"^\| `(steps\.[a-z_0-9.\[\]]+)`", file.read(), re.M))
    steps["kinds"][0]["slow_launches"] = report_json(path("kernel.db"))["steps"]["kinds"][0][
        "slow_launches"]
    steps["waves"] = waves
    equal(sorted(members("steps", steps, set()) ^ documented), [], "docs/report-json.md has all members")


truth = test_truth()
test_slow()
test_phases()
test_lockstep()
test_marked()
test_named()
test_none()
test_families()
test_document(truth, test_predictions())
done()
