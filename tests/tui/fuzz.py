# SPDX-License-Identifier: Apache-2.0
"""Plays random keys to the viewer: it must survive them. The seed is fixed, GPUTRAIL_FUZZ_SEED and
GPUTRAIL_FUZZ_RUNS make other and longer runs, and GPUTRAIL_FUZZ_FILES names recordings to play
them on instead of the tests' own."""
import os
import random
import re
import subprocess
import sys
import tempfile

top = os.environ["top_srcdir"]
viewer = os.path.join(os.environ["top_builddir"], "cmd", "gputrail")
seed = int(os.environ.get("GPUTRAIL_FUZZ_SEED", "1"))
runs = int(os.environ.get("GPUTRAIL_FUZZ_RUNS", "24"))
KEYS = ("Up Down Left Right PgUp PgDn Home End Tab S-Tab Enter Esc Space Backspace Delete "
        "F1 F2 F3 F4 F5 F6 F7 F8 F9 F11 F12 ^L ^Z ^U ^W ^A ^E").split()


def known_keys():
    """The keys of the actions table, so that new ones are played as well."""
    with open(os.path.join(top, "tui", "actions.def"), encoding="utf-8") as file:
        rows = re.findall(r'^ACTION\((\w+),\s*"((?:[^"\\]|\\.)*)"', file.read(), re.M)
    return [key for name, keys in rows for key in keys.replace("\\\\", "\\").split()
            if name not in ("QUIT", "BACK")]


def step(rng, keys):
    what = rng.random()
    if what < 0.02:
        return f":size {rng.randrange(1, 240)}x{rng.randrange(1, 70)}"
    if what < 0.06:
        return f":click {rng.randrange(-2, 120)},{rng.randrange(-2, 40)}"
    if what < 0.08:
        return ":wheel " + rng.choice(["up", "down"])
    if what < 0.13:
        return rng.choice(["'gemm'", '"!x"', "'total>1ms'", '"count<"', "'\u6838\u51fd'", "'%s%n'",
                           "'a=b'", "& 'device:0 !kernel:gemm' Enter", "& 'path:f time:1ms..' Enter"])
    if what < 0.16:
        return chr(rng.choice([rng.randrange(0x21, 0x7e), 0xe9, 0x6838, 0x1f525]))
    if what < 0.17:
        return "q"
    if what < 0.24:
        return rng.choice(["8", "9", "9", "0", "1", "2", "5", "S", "D", "Enter", "E", "C", "z", ":reload"])
    return rng.choice(keys)


def main():
    rng = random.Random(seed)
    keys = KEYS + known_keys()
    print(f"1..{runs}")
    with tempfile.TemporaryDirectory() as folder:
        files = {os.path.basename(name): os.path.abspath(name)
                 for name in os.environ.get("GPUTRAIL_FUZZ_FILES", "").split()}
        own = () if files else ("plain", "hostile", "many", "empty", "nopaths", "timeline",
                                "ranges", "serving")
        for kind in own:
            files[kind] = os.path.join(folder, kind + ".db")
            subprocess.run([sys.executable, os.path.join(top, "tests/tui/fixture.py"), files[kind],
                            kind], check=True)
        for run in range(1, runs + 1):
            kind = rng.choice(list(files))
            script = [step(rng, keys) for _ in range(400)]
            path = os.path.join(folder, "script")
            with open(path, "w", encoding="utf-8") as file:
                file.write("\n".join(s for s in script if s not in ("'", '"', "#", ":")))
            env = dict(os.environ, COLUMNS=str(rng.choice([40, 80, 133, 200])),
                       LINES=str(rng.choice([10, 24, 60])))
            command = [viewer, "tui", "--script", path, rng.choice(["--ascii", "--unicode"])]
            command += [rng.choice(list(files.values()))] if rng.random() < 0.2 else []     # to compare with
            command.append(files[kind])
            try:
                done = subprocess.run(command, cwd=folder, env=env, stdin=subprocess.DEVNULL,
                                      capture_output=True, timeout=30, check=False)
                status, said = done.returncode, done.stderr.decode(errors="replace")
            except subprocess.TimeoutExpired:
                status, said = "timeout", ""
            good = status == 0 and not said
            print(f"{'ok' if good else 'not ok'} {run} - seed {seed} run {run} on {kind}")
            if not good:
                print(f"# exit status {status}: {said[:1500]}".replace("\n", "\n# "))
                print("# " + " ".join(script))


main()
