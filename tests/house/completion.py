# SPDX-License-Identifier: Apache-2.0
"""What bash, zsh and fish offer is what the commands' --help says, and is taken by them."""
import os
import re
import shutil
import subprocess
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.environ.get("top_srcdir", "."), "tests", "analysis"))
from tap import GPUTRAIL, done, equal, ok, path, run, skip
import fixture

FOLDER = os.path.join(os.environ.get("top_srcdir", "."), "completions")
COMMANDS = re.findall(r"^  ([a-z]+) ", run("--help").stdout, re.M)
SMALL = path("small.db")
fixture.small(SMALL)


def options(command):
    """Long options of --help, with = where they take an argument."""
    text = run(command, "--help").stdout
    return sorted(name + ("=" if argument else "") for name, argument in
                  re.findall(r"^  (?:-\w, |    )(--[a-z-]+)(\[?=)?", text, re.M))


def words(command):
    return [line.split("\t") for line in run(command, "--help=words").stdout.splitlines()]


equal([line.split("\t")[0] for line in run("--help=words").stdout.splitlines()], COMMANDS,
      "--help=words has the commands")
for command in COMMANDS:
    equal(sorted(w[0].rstrip("?") for w in words(command)[1:]), options(command),
          f"{command}: --help=words has the options")

# Every word that is offered is one that the command takes: it gets past the options.
for command in COMMANDS:
    for name, values, _ in words(command):
        for value in values.split():
            if not name.startswith("--") or re.fullmatch("-|[A-Z]+", value):
                continue
            name = name.rstrip("=?")
            more = {"record": ["--", "false"], "tui": ["--keys=q", path("none.db")],
                    "demo": ["--list-plants"], "doctor": [],
                    "diff": [path("none.db"), path("none.db")]}.get(command, [path("none.db")])
            if name == "--metric" and command == "export":
                more.insert(0, "--folded")
            code = run(command, f"{name}={value}", *more, stdin=subprocess.DEVNULL).returncode
            if code == 2:
                ok(False, f"{command}: {name}={value} is taken")
    ok(True, f"{command}: the words of its options were tried")
views = words("report")[0][1].split()[1:]
for view in views:
    equal(run("report", SMALL, view).returncode, 0, f"report takes the view {view}")


def shell(name, *args):
    program = shutil.which(name)
    if not program:
        return None
    env = dict(os.environ, PATH=os.path.dirname(GPUTRAIL) + ":" + os.environ["PATH"], HOME=path(""))
    result = subprocess.run([program, *args], capture_output=True, encoding="utf-8", env=env,
                            timeout=60, cwd=path(""), check=False)
    return [line.split("\t")[0] for line in result.stdout.splitlines()] + \
        [f"stderr: {line}" for line in result.stderr.splitlines()]


def bash(line):
    """The line split as readline splits it: at blanks and at =."""
    parts = re.findall(r"=|[^\s=]+|(?<=\s)$", line)
    quoted = " ".join("'" + p + "'" for p in parts)
    return shell("bash", "--norc", "-c", f"""compopt() {{ :; }}
        . {FOLDER}/gputrail.bash; COMP_WORDS=({quoted}); COMP_CWORD=$((${{#COMP_WORDS[@]}} - 1))
        _gputrail; printf '%s\\n' "${{COMPREPLY[@]}}" """)


def fish(line):
    return shell("fish", "--no-config", "-c", f"source {FOLDER}/gputrail.fish; complete -C '{line}'")


def zsh(line):
    """_gputrail with the functions of the completion system that it uses replaced by printing."""
    parts = [p for p in line.split(" ")]
    quoted = " ".join("'" + p + "'" for p in parts)
    return shell("zsh", "-f", "-c", f"""
        compset() {{ [[ $1 == -P ]] && words[CURRENT]=${{words[CURRENT]##${{~2}}}}; }}
        compadd() {{ shift; print -l -- ${{(M)@:#${{words[CURRENT]}}*}}; }}
        _describe() {{ [[ $1 == -o ]] && shift; shift; local each
            for each in "${{(@P)1}}"; [[ $each == *:* ]] &&
                print -r -- "${{${{each%%:*}}}}" | grep -e "^${{words[CURRENT]}}"; true; }}
        _files() {{ print FILES; }}
        _command_names() {{ print COMMANDS; }}
        words=({quoted}) CURRENT={len(parts)}
        . {FOLDER}/_gputrail""")


open(path("trace.json"), "w", encoding="utf-8").close()
for name, complete in (("bash", bash), ("fish", fish), ("zsh", zsh)):
    if not shutil.which(name):
        skip(f"{name} completes", f"no {name}")
        continue
    found = complete("gputrail re")
    equal(sorted(w for w in found if w != "FILES"), sorted(c for c in COMMANDS if c.startswith("re")),
          f"{name}: commands")
    for command in COMMANDS:
        equal(sorted(complete(f"gputrail {command} --")), options(command),
              f"{name}: options of {command}")
    last = [w.rsplit("=", 1)[-1] for w in complete("gputrail report --color=a")]
    equal(sorted(w for w in last if w.startswith("a")), ["always", "auto"], f"{name}: words of an option")
    found = [w.rsplit(",", 1)[-1] for w in complete("gputrail export --csv=devices,cuda_gpu_mem")]
    equal(sorted(w for w in found if w.startswith("cuda_gpu_mem")),
          ["cuda_gpu_mem_size_sum", "cuda_gpu_mem_time_sum"], f"{name}: a list of words")
    equal(complete("gputrail report --full small.db cop"), ["copies"],
          f"{name}: views after options and the file")
    equal(complete("gputrail report small.db cop"), ["copies"], f"{name}: views after the file")
    equal(complete("gputrail ctl st"), ["start", "stop", "status"] if name != "fish" else
          ["start", "status", "stop"], f"{name}: actions")
    found = complete("gputrail import tr")
    ok(found in (["trace.json"], ["FILES"]), f"{name}: files", found)
done()
