# SPDX-License-Identifier: Apache-2.0
"""gputrail export --html: one page, well formed, with the report's figures, and harmless."""
import html.parser
import os
import re
import shutil
import subprocess
import sys

sys.dont_write_bytecode = True
from tap import done, equal, ok, path, report_json, run, skip
import fixture

VOID = {"meta", "input", "br"}
BAD = '<img src=x onerror="document.title=1">&amp;\u202e\x01'


class Page(html.parser.HTMLParser):
    """Checks that tags nest; collects tables, links and what could run."""

    def __init__(self, text):
        super().__init__()
        self.open, self.wrong, self.tables, self.tags, self.links = [], [], {}, [], []
        self.table = self.cell = None
        self.ids, self.titles = set(), []
        self.feed(text)
        self.close()
        self.wrong += self.open

    def handle_starttag(self, tag, attrs):
        attrs = dict(attrs)
        self.tags.append((tag, attrs))
        if tag not in VOID:
            self.open.append(tag)
        if "id" in attrs:
            self.ids.add(attrs["id"])
        self.links += [v for k, v in attrs.items() if k in ("href", "src", "data", "action")]
        if tag == "table":
            self.table = self.tables.setdefault(attrs.get("id", f"table {len(self.tables)}"), [])
        elif tag == "tr":
            self.table.append([])
        elif tag in ("td", "th"):
            self.cell = self.table[-1]
            self.cell.append("")

    def handle_startendtag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag):
        if not self.open or self.open.pop() != tag:
            self.wrong.append(tag)
        if tag in ("td", "th"):
            self.cell = None

    def handle_data(self, data):
        if self.cell is not None:
            self.cell[-1] += data
        if self.open and self.open[-1] == "title":
            self.titles.append(data)


def export(file):
    result = run("export", "--html", file)
    ok(result.returncode == 0, "it is written", result.stderr)
    return result.stdout


SMALL = path("small.db")
fixture.small(SMALL)
text = export(SMALL)
page = Page(text)
equal(page.wrong, [], "tags nest")
report = report_json(SMALL)
kernels = page.tables["t-kernels"]
equal([row[-1] for row in kernels[1:]], [k["label"] for k in report["kernels"]], "kernels in order")
equal([row[kernels[0].index("Calls")] for row in kernels[1:]],
      [str(k["calls"]) for k in report["kernels"]], "with their calls")
equal([row[1:] for row in page.tables["t-failures"][1:]],
      [["CUDA_ERROR_OUT_OF_MEMORY", "cuMemAlloc_v2", "700 ns", ""]], "failed calls")
causes = {k: v for k, v in report["devices"][0]["idle_by_cause"].items() if v}
equal({row[0].strip() for rows in page.tables.values() for row in rows
       if row[0].strip().startswith("idle: ")}, {"idle: " + c for c in causes}, "causes of idle time")
ok(all(f["name"] in text and f["title"] in text for f in report["findings"]), "findings")
widths = [float(a["width"]) for t, a in page.tags if t == "rect" and a.get("height") == "26.00"]
ok(abs(sum(widths) - 1000) < 0.1, "the bar of busy and idle time is whole", widths)
equal([link for link in page.links if not link.startswith("#")], [], "nothing is fetched")
equal([link for link in page.links if link[1:] not in page.ids and link != "#callpaths"], [],
      "every link has its section")
ok(re.search(r"default-src 'none'; style-src 'nonce-\w{32}'; script-src 'nonce-\w{32}'", text),
   "the policy lets only our script run")
ok(export(SMALL).count(re.search(r"nonce-(\w+)", text).group(1)) == 0, "with a nonce of its own")

# Names that would like to be markup.
ODD = path("odd.db")
f = fixture.Fixture(ODD, command_line=BAD, host="</dl><script>document.title=2</script>")
f.process(name=BAD, command_line=BAD)
f.device(name=BAD)
f.add("thread", process=1, tid=1)
f.add("stream", process=1, device=1)
frame = f.add("frame", kind="native", symbol="</details></summary><script>document.title=3</script>",
              file=BAD, line=1)
f.add("path", parent=0, frame=frame)
for i in range(20):
    f.launch(i * 1000000, 10, 10, 1000 + i, 1, 1, f.shape(f.kernel(f"k{i:02}{BAD}"), 1),
             f.api("cu" + BAD), path=1)
f.db.execute("INSERT INTO sum_path VALUES (1, 20, 20000, 200, 20, 0, 0, 0)")
f.close()
text = export(ODD)
odd = Page(text)
equal(odd.wrong, [], "hostile names: tags nest")
equal([t for t, _ in odd.tags if t in ("img", "script")], ["script"], "and are no markup")
ok("\u202e" not in text and "\x01" not in text, "nor control characters")
ok("</script>document" not in text and "&#60;img" in text, "but text")
ok("callpaths" in odd.ids, "call paths are there")
equal(run("export", "--html", "--trace", SMALL).returncode, 2, "one kind of output at a time")
EMPTY = path("empty.db")
fixture.Fixture(EMPTY).close()
equal(Page(export(EMPTY)).wrong, [], "a recording of nothing")

# A browser runs the page: sorts, filters, and reports what its policy refused.
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
TRIAL = """<script type="module" nonce="%s">
const table = document.getElementById("t-kernels"), names = () => Array.from(table.tBodies[0].rows)
	.filter((r) => !r.hidden).map((r) => r.cells[r.cells.length - 1].textContent.slice(0, 3));
const head = Array.from(table.tHead.rows[0].cells).findIndex((c) => c.textContent === "Total");
const click = () => table.tHead.rows[0].cells[head].querySelector("button").click();
const said = [document.querySelectorAll("img").length];
click(); said.push(names().join());
click(); said.push(names().join());
const input = document.querySelector('input[data-table="t-kernels"]');
input.value = "K07"; input.dispatchEvent(new Event("input")); said.push(names().join());
let refused = 0;
document.addEventListener("securitypolicyviolation", () => refused++);
const evil = document.createElement("script");
evil.textContent = "document.title = 'run'"; document.body.append(evil);
setTimeout(() => { said.push(refused, document.title, getComputedStyle(document.querySelector(
	"rect.compute")).fill); document.body.textContent = "SAID " + JSON.stringify(said); }, 50);
</script></body>"""
if not CHROMIUM:
    skip("in a browser", "no chromium")
else:
    nonce = re.search(r"nonce-(\w+)", text).group(1)
    with open(path("trial.html"), "w", encoding="utf-8") as file:
        file.write(text.replace("</body>", TRIAL % nonce))
    result = subprocess.run([CHROMIUM, "--headless", "--no-sandbox", "--disable-gpu",
                             f"--user-data-dir={path('profile')}", "--virtual-time-budget=2000",
                             "--dump-dom", "file://" + path("trial.html")],
                            capture_output=True, encoding="utf-8", timeout=120, check=False)
    said = re.search(r"SAID (\[.*\])", result.stdout)
    names = [f"k{i:02}" for i in range(20)]
    wanted = [0, ",".join(reversed(names)), ",".join(names), "k07", 1, "odd.db - gputrail",
              "rgb(47, 111, 183)"]
    if not said and "SAID" not in result.stdout and "<table" not in result.stdout:
        skip("in a browser", f"{CHROMIUM} does not run here: {result.stderr[-200:]!r}")
    else:
        import json
        equal(json.loads(said.group(1)) if said else result.stdout[-500:], wanted,
              "in a browser it sorts, filters, is in colour, and runs nothing else")
done()
