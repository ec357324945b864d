# SPDX-License-Identifier: Apache-2.0
"""Each man page has the options of its command's --help, with the same arguments, and no others."""
import os
import re
import sys

sys.dont_write_bytecode = True
SOURCE = os.environ.get("top_srcdir", ".")
sys.path.insert(0, os.path.join(SOURCE, "tests", "analysis"))
from tap import done, equal, ok, run

COMMANDS = re.findall(r"^  ([a-z]+) ", run("--help").stdout, re.M)
OPTION = re.compile(r"^  (?:-(\w), |    )--([a-z-]+)(\S*)", re.M)


def page(name):
    with open(os.path.join(SOURCE, "man", name + ".scd"), encoding="utf-8") as file:
        return file.read()


def plain(text):
    """scdoc without its marks."""
    return re.sub(r"\\(.)", r"\1", re.sub(r"(?<!\\)[*_]", "", text))


def of_page(text):
    """Options that head a paragraph: "-o, --output=FILE", "--sim[=DEVICE]"."""
    found = set()
    for line in text.splitlines():
        match = re.match(r"(?:-(\w), )?--([a-z-]+)(\S*)$", plain(line))
        if match and line.startswith("*-"):
            found.add(match.groups(""))
    return found


for command in COMMANDS:
    text = page("gputrail-" + command)
    helped = set(OPTION.findall(run(command, "--help").stdout))
    listed = of_page(text)
    equal(sorted(listed - helped), [], f"{command}: the page has no option that is not there")
    equal(sorted(helped - listed), [], f"{command}: the page has every option as --help has it")
    sections = re.findall(r"^# (.*)", text, re.M)
    equal([s for s in ("NAME", "SYNOPSIS", "DESCRIPTION", "EXIT STATUS", "SEE ALSO")
           if s not in sections], [], f"{command}: the page has its sections")
    views = re.search(r"^Views: (.*)", run(command, "--help").stdout, re.M)
    for view in views.group(1).split(", ") if views else []:
        ok(f"*{view}*" in text, f"{command}: the page has the view {view}")
reports = re.findall(r"^(\w+)[\[:]", run("export", "--list").stdout, re.M)
listed, doc = page("gputrail-export"), open(os.path.join(SOURCE, "docs", "csv.md"), encoding="utf-8").read()
ok(len(reports) > 30, "there are reports")
for name in reports:
    short = name.removeprefix("gputrail_")
    ok(f"*{short}*" in listed, f"the page of export has the report {name}")
    ok(f"`{name}`" in doc or f"`_{short}`" in doc, f"docs/csv.md has the report {name}")
main = page("gputrail")
equal([c for c in COMMANDS if f"gputrail-{c}*(1)" not in main], [], "gputrail(1) leads to every page")
for name in os.listdir(os.path.join(SOURCE, "man")):
    if name.endswith(".scd") and name != "gputrail.scd":
        ok(name[len("gputrail-"):-4] in COMMANDS, f"{name} is the page of a command")
done()
