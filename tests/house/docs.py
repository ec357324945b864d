# SPDX-License-Identifier: Apache-2.0
"""What README and docs say can be typed as it stands: commands and options are there, links lead
somewhere, and the lines of the demo server in outputs are in the functions that they name."""
import os
import re
import sys

sys.dont_write_bytecode = True
SOURCE = os.environ.get("top_srcdir", ".")
sys.path.insert(0, os.path.join(SOURCE, "tests", "analysis"))
from tap import done, equal, ok, run


def text_of(*name):
    with open(os.path.join(SOURCE, *name), encoding="utf-8") as file:
        return file.read()


PAGES = ["README.md", "HACKING.md"] + sorted("docs/" + n for n in os.listdir(os.path.join(SOURCE, "docs"))
                                             if n.endswith(".md"))
TEXTS = {page: text_of(*page.split("/")) for page in PAGES}
COMMANDS = re.findall(r"^  ([a-z]+) ", run("--help").stdout, re.M)
INTERNAL = re.findall(r'^COMMAND\((\w+), ""\)', text_of("cmd", "commands.def"), re.M)
OPTIONS = {c: set(re.findall(r"(?<![\w-])--?[a-zA-Z][a-z-]*", run(c, "--help").stdout)) for c in COMMANDS}
VIEWS = re.search(r"^Views: (.*)", run("report", "--help").stdout, re.M).group(1).split(", ")
# What comes behind "gputrail COMMAND", up to the end of the command.
TYPED = re.compile(r"(?<![\w./-])gputrail ([a-z]+)(?![\w.-])((?: [^`|;#)\n]*)?)")


def typed(text):
    """Commands in lines of code, and between backticks."""
    code = [line for line in text.splitlines() if line.startswith("    ")] + re.findall(r"`([^`\n]+)`", text)
    for line in code:
        for command, rest in TYPED.findall(line):
            yield command, rest.split(" -- ")[0], line


wrong, seen = [], 0
for page, text in TEXTS.items():
    for command, rest, line in typed(text):
        if command not in COMMANDS:
            continue
        seen += 1
        options = [w.split("=")[0] for w in re.split(r"[ \[\]{}]", rest) if re.match(r"--?[a-zA-Z]", w)]
        wrong += [(page, command, o) for o in options if o not in OPTIONS[command]]
ok(seen > 100, "commands were found", seen)
equal(wrong, [], "every option that is told is there")
unknown = [(page, c) for page, text in TEXTS.items() for c, _, line in typed(text)
           if line.lstrip(" $").startswith("gputrail ") and c not in COMMANDS + INTERNAL]
equal(unknown, [], "every command is there")

links = [(page, target) for page, text in TEXTS.items()
         for target in re.findall(r"\]\(([^)#:\s]+)(?:#[^)]*)?\)", text)]
equal([(page, t) for page, t in links if not os.path.exists(
    os.path.join(SOURCE, os.path.dirname(page), t))], [], "links between pages lead somewhere")


def function_at(file, number):
    """The function whose definition line `number` of a file of the demo is in."""
    name = None
    for line in text_of("demo", file).splitlines()[:number]:
        found = re.match(r"(?!static const|struct \w+ \{|#)[a-z][\w *]*?\b\*?(\w+)\([^;]*$", line)
        name = found.group(1) if found else name
    return name


places = {(page, *place) for page, text in TEXTS.items()
          for place in re.findall(r"\b(\w+) \((?:[./]*demo/)?(\w+\.c):(\d+)\)", text)
          if os.path.exists(os.path.join(SOURCE, "demo", place[1]))}
ok(len(places) > 10, "there are places of the demo in outputs", len(places))
equal(sorted(p for p in places if function_at(p[2], int(p[3])) != p[1]), [],
      "each is a line of the function that it names")
done()
