# SPDX-License-Identifier: Apache-2.0
"""gputrail export --openmetrics: what Prometheus's own parser reads is what --json says."""
import json
import os
import re
import subprocess
import sys

sys.dont_write_bytecode = True
from tap import done, equal, ok, path, report_json, run
import fixture
from steps_scene import MS, Server

PARSE = """
import json, sys
from prometheus_client.openmetrics.parser import text_string_to_metric_families
print(json.dumps([[f.name, f.type, f.unit, bool(f.documentation),
                   [[s.name, s.labels, s.value] for s in f.samples]]
                  for f in text_string_to_metric_families(sys.stdin.read())]))
"""


def parser():
    """A Python that has prometheus-client: this one, or that of the distribution."""
    for python in (sys.executable, "/usr/bin/python3"):
        if os.path.exists(python) and subprocess.run(
                [python, "-c", "import prometheus_client.openmetrics.parser"], capture_output=True,
                check=False).returncode == 0:
            return python
    print("1..0 # SKIP no python3-prometheus-client")
    sys.exit(0)


PYTHON = parser()


def parse(file):
    text = run("export", "--openmetrics", file).stdout
    result = subprocess.run([PYTHON, "-c", PARSE], input=text, capture_output=True,
                            encoding="utf-8", check=False)
    ok(result.returncode == 0, "the parser takes it", result.stderr, text)
    return {f[0]: f[1:] for f in json.loads(result.stdout or "[]")}


def samples(families, name, *labels):
    return {tuple(s[1][k] for k in labels): s[2] for s in families[name][3]}


SMALL = path("small.db")
fixture.small(SMALL)
families = parse(SMALL)
report = report_json(SMALL)
device = report["devices"][0]
for name, key, scale in (("gpu_busy_seconds", "busy_ns", 1e9), ("gpu_idle_seconds", "idle_ns", 1e9),
                         ("gpu_span_seconds", "span_ns", 1e9), ("gpu_kernels", "kernels", 1),
                         ("gpu_memory_high_bytes", "high_bytes", 1)):
    equal(samples(families, "gputrail_" + name, "gpu", "name"),
          {("0", device["name"]): device[key] / scale}, name)
equal(samples(families, "gputrail_kernel_time_seconds", "label"),
      {(k["label"],): k["total_ns"] / 1e9 for k in report["kernels"]}, "times of kernels")
equal(samples(families, "gputrail_failed_calls", "name", "error"),
      {("cuMemAlloc_v2", "CUDA_ERROR_OUT_OF_MEMORY"): 1}, "failed calls")
parts = {k: v for k, v in samples(families, "gputrail_gpu_sm_time_seconds", "idle", "part").items() if v}
equal({k[1]: v for k, v in parts.items() if k[0] == "true"},
      {k: v / 1e9 for k, v in device["idle_by_cause"].items() if v}, "idle time by cause")
ok(abs(sum(parts.values()) - device["span_ns"] / 1e9) < 1e-12, "the parts add up to the span", parts)
equal(samples(families, "gputrail_finding_lost_seconds", "finding", "where", "what"),
      {(f["name"], f["where"], f["what"]): f["lost_ns"] / 1e9 for f in report["findings"]}, "findings")
equal(families["gputrail_gpu_busy_seconds"][:3], ["counter", "seconds", True], "type, unit, help")
equal(samples(families, "gputrail_recording", "command_line"), {("server --port 8000",): 1},
      "what was recorded")

# Steps are summaries of their periods.
server = Server("steps")
for i in range(40):
    server.step(prefill=i % 8 == 0, pause=i % 5 * MS)
server.f.close()
families = parse(server.file)
groups = report_json(server.file)["steps"]["groups"]
ok(len(groups) > 1, "there are steps of several phases", groups)
for key, quantile in (("p50_ns", "0.5"), ("p90_ns", "0.9"), ("p99_ns", "0.99")):
    equal({(s[1]["mode"], s[1]["phase"]): round(s[2] * 1e9) for s in families["gputrail_step_period_seconds"][3]
           if s[1].get("quantile") == quantile}, {(g["mode"], g["phase"]): g[key] for g in groups}, f"steps: {key}")
for end, key, scale in (("_count", "periods", 1), ("_sum", "total_ns", 1e9)):
    equal({(s[1]["mode"], s[1]["phase"]): round(s[2] * scale) for s in families["gputrail_step_period_seconds"][3]
           if s[0].endswith(end)}, {(g["mode"], g["phase"]): g[key] for g in groups}, f"steps: {key}")
page = run("export", "--html", server.file).stdout
steps = page[page.index('id="t-steps"'):page.index("</table>", page.index('id="t-steps"'))]
equal([re.findall(r'<td(?: class="t"| data-v="([^"]*)")>([^<]*)', row)[:3] for row in steps.split("<tr>")[2:]],
      [[("", g["mode"]), ("", g["phase"]), (str(g["steps"]), str(g["steps"]))] for g in groups], "the page has them")
equal(re.findall(r'<td data-v="(\d+)">[0-9.]+ m?s', steps)[0::5], [str(g["p50_ns"]) for g in groups],
      "with their medians")

# Names with anything in them, and a device that did nothing.
ODD = path("odd.db")
f = fixture.Fixture(ODD, command_line='a "b"\\\n{c="d"}')
f.process()
f.device(name='G"\\\n\x01\u202e')
f.device(ordinal=1)
f.add("thread", process=1, tid=1)
f.add("stream", process=1, device=1)
for name in ('k"} 1\n# EOF', "k\\", "\udcff\udcfe".encode("utf-8", "surrogateescape").decode("latin-1")):
    f.launch(0, 1, 1, 5, 1, 1, f.shape(f.kernel(name), 1), f.api('cu"{}'))
f.close()
families = parse(ODD)
equal(len(samples(families, "gputrail_kernel_calls", "label", "kernel")), 3, "hostile names of kernels")
equal(list(samples(families, "gputrail_recording", "command_line")), [('a "b"\\\n{c="d"}',)],
      "and of the command come back as they were")
equal(set(samples(families, "gputrail_gpu_kernels", "gpu")), {("0",), ("1",)}, "both devices")
equal(set(samples(families, "gputrail_gpu_busy_seconds", "gpu")), {("0",)},
      "what is not known has no sample")
done()
