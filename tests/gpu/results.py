# SPDX-License-Identifier: Apache-2.0
"""TAP on standard output, and the same as a text that goes into docs/measurements.md."""
import datetime
import os
import platform
import subprocess
import time
import traceback

from place import OutOfTime


class Results:
    def __init__(self, path):
        self.path, self.count, self.failed, self.sections = path, 0, 0, []
        self.begun = time.monotonic()

    def section(self, title):
        self.write()
        self.sections.append([title, []])
        print(f"# {title}", flush=True)

    def line(self, text=""):
        self.sections[-1][1].append(text)
        print(f"# {text}", flush=True)

    def table(self, header, rows):
        self.line("")
        for cells in (header, ["---"] * len(header), *rows):
            self.line("| " + " | ".join(str(c) for c in cells) + " |")
        self.line("")

    def check(self, good, name, *details):
        self.count += 1
        self.failed += not good
        print(f"{'ok' if good else 'not ok'} {self.count} - {name}", flush=True)
        self.sections[-1][1].append(f"- {'holds' if good else '**does not hold**'}: {name}" +
                                    "".join(f"; {d}" for d in details))
        for detail in details:
            for text in str(detail).splitlines()[:20]:
                print(f"#   {text}", flush=True)
        self.write()
        return good

    def skip(self, name, reason):
        self.count += 1
        print(f"ok {self.count} - {name} # SKIP {reason}", flush=True)
        self.sections[-1][1].append(f"- not done: {name}: {reason}")

    def guarded(self, name, function, *arguments):
        """What goes wrong in one part must not cost the others."""
        try:
            return function(*arguments)
        except OutOfTime:
            self.skip(name, "no time left (--minutes)")
            return None
        except Exception:       # whatever it is
            self.check(False, f"{name}: runs to its end", traceback.format_exc()[-1500:])
            return None

    def write(self):
        """All there is by now: whoever ends us in the middle has it."""
        with open(self.path, "w", encoding="utf-8") as out:
            for title, lines in self.sections:
                out.write(f"## {title}\n\n" + "\n".join(lines) + "\n\n")

    def finish(self):
        print(f"1..{self.count}")
        self.write()
        print(f"# written to {self.path} after {time.monotonic() - self.begun:.0f} s")
        return 1 if self.failed else 0


def first_line(*command):
    try:
        return subprocess.run(command, capture_output=True, text=True, timeout=30,
                              check=False).stdout.strip().splitlines()[0]
    except (OSError, IndexError, subprocess.TimeoutExpired):
        return "not known"


def describe(results, place):
    results.section(f"On a GPU ({datetime.date.today()})" if not place.simulated
                    else f"The GPU script on the simulated driver ({datetime.date.today()})")
    gpu = "simulated" if place.simulated else first_line(
        "nvidia-smi", "--query-gpu=name,driver_version,memory.total,clocks.sm,mig.mode.current",
        "--format=csv,noheader")
    with open("/proc/cpuinfo", encoding="utf-8") as info:
        cpu = next((l.split(":")[1].strip() for l in info if l.startswith("model name")), "not known")
    results.line(f"GPU: {gpu}")
    results.line(f"CPU: {os.cpu_count()} of {cpu}; Linux {platform.release()}, "
                 f"{' '.join(platform.libc_ver())}, Python {platform.python_version()}")
    results.line(f"gputrail: {first_line(place.tool, '--version')}; command: tests/gpu/run")
