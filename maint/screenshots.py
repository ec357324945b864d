#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Makes the pictures of README.md anew: real screens of the viewer in tmux, written as SVG.

    maint/screenshots.py BUILD [OUTPUT]     BUILD: a build folder; OUTPUT: default docs/screens

A recording of the demo is made for it. Times differ a little from run to run.
"""
import html
import os
import re
import subprocess
import sys
import tempfile
import time

WIDTH, HEIGHT = 110, 30
CELL, LINE, MARGIN = 8.0, 17, 12
DEMO = ["--plant=sync-readback,pageable-copies", "--steps=300"]
# Name of the picture, what must be on the screen, and the keys that lead there.
SCREENS = [
    ("overview", "where its SM-time went", []),
    ("findings", "Finding", ["0"]),
    ("steps", "slow steps", ["S"]),
    ("timeline", "shown", ["9", "b", "z", "-", "-"]),
    ("callpaths", "main (", ["8"]),
    ("memory", "At the high-water", ["5"]),
]
NAMED = ["#1c2024", "#e5534b", "#57ab5a", "#c69026", "#539bf5", "#b083f0", "#39c5cf", "#cdd9e5",
         "#768390", "#ff938a", "#6bc46d", "#daaa3f", "#6cb6ff", "#dcbdfb", "#56d4dd", "#ffffff"]
BACK, FRONT = "#16191d", "#d5dbe1"


def colour_256(number):
    if number < 16:
        return NAMED[number]
    if number < 232:
        levels = (0, 95, 135, 175, 215, 255)
        number -= 16
        return "#%02x%02x%02x" % tuple(levels[number // n % 6] for n in (36, 6, 1))
    return "#" + "%02x" % (8 + 10 * (number - 232)) * 3


class Style:
    def __init__(self):
        self.front = self.back = None
        self.bold = self.dim = self.reverse = self.underline = False

    def apply(self, codes):
        codes = [int(c or 0) for c in codes.split(";")]
        while codes:
            code = codes.pop(0)
            if code == 0:
                self.__init__()
            elif code in (1, 2, 4, 7):
                setattr(self, {1: "bold", 2: "dim", 4: "underline", 7: "reverse"}[code], True)
            elif code == 22:
                self.bold = self.dim = False
            elif code in (24, 27):
                setattr(self, {24: "underline", 27: "reverse"}[code], False)
            elif code in (38, 48):
                kind = codes.pop(0)
                colour = colour_256(codes.pop(0)) if kind == 5 else \
                    "#%02x%02x%02x" % tuple(codes.pop(0) for _ in range(3))
                setattr(self, "front" if code == 38 else "back", colour)
            elif code in (39, 49):
                setattr(self, "front" if code == 39 else "back", None)
            elif 30 <= code < 38 or 90 <= code < 98:
                self.front = NAMED[code % 10 + (8 if code >= 90 else 0)]
            elif 40 <= code < 48 or 100 <= code < 108:
                self.back = NAMED[code % 10 + (8 if code >= 100 else 0)]

    def colours(self):
        front, back = self.front or FRONT, self.back or BACK
        return (back, front) if self.reverse else (front, back)


def runs(line, style):
    """(column, text, style) of each stretch of a line of `capture-pane -e`."""
    column = 0
    for part in re.split(r"(\x1b\[[0-9;]*m)", line):
        match = re.fullmatch(r"\x1b\[([0-9;]*)m", part)
        if match:
            style.apply(match.group(1))
        elif part:
            yield column, part
            column += len(part)


def svg(screen):
    width, height = WIDTH * CELL + 2 * MARGIN, HEIGHT * LINE + 2 * MARGIN
    out = [f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:g} {height:g}">',
           f'<rect width="{width:g}" height="{height:g}" rx="6" fill="{BACK}"/>',
           f'<g font-family="DejaVu Sans Mono, Menlo, Consolas, monospace" font-size="13" '
           f'fill="{FRONT}">']
    style = Style()
    for number, line in enumerate(screen.splitlines()[:HEIGHT]):
        top = MARGIN + number * LINE
        for column, text in runs(line, style):
            front, back = style.colours()
            x, length = MARGIN + column * CELL, len(text) * CELL
            if back != BACK:
                out.append(f'<rect x="{x:g}" y="{top}" width="{length:g}" height="{LINE}" '
                           f'fill="{back}"/>')
            if not text.strip():
                continue
            looks = f' fill="{front}"' if front != FRONT else ""
            looks += ' font-weight="bold"' if style.bold else ""
            looks += ' opacity="0.6"' if style.dim else ""
            looks += ' text-decoration="underline"' if style.underline else ""
            out.append(f'<text x="{x:g}" y="{top + 13}" textLength="{length:g}" '
                       f'lengthAdjust="spacingAndGlyphs"{looks}>{html.escape(text).replace(chr(32), chr(160))}</text>')
    return "\n".join(out + ["</g>", "</svg>", ""])


class Terminal:
    def __init__(self, folder, name, *command):
        # A server of its own each time: the last one may not be gone yet.
        self.tmux = ["tmux", "-u", "-S", os.path.join(folder, "tmux-" + name)]
        config = os.path.join(folder, "tmux.conf")
        with open(config, "w", encoding="utf-8") as file:
            file.write("set -g default-terminal screen-256color\nset -g status off\n"
                       "set -g escape-time 0\n")
        # The viewer remembers where one was: each begins where a new user does.
        env = dict(os.environ, LANG="C.UTF-8", LC_ALL="C.UTF-8",
                   XDG_STATE_HOME=os.path.join(folder, "state-" + name))
        for unwanted in ("NO_COLOR", "GPUTRAIL_THEME", "TMUX"):
            env.pop(unwanted, None)
        subprocess.run([*self.tmux, "-f", config, "new-session", "-d", "-x", str(WIDTH), "-y",
                        str(HEIGHT), *command], check=True, env=env)

    def screen(self, *options):
        return subprocess.run([*self.tmux, "capture-pane", "-p", *options], check=True,
                              capture_output=True, encoding="utf-8").stdout

    def wait(self, text):
        for _ in range(200):
            if text in self.screen():
                return
            time.sleep(0.05)
        sys.exit(f"'{text}' is not on the screen:\n{self.screen()}")

    def key(self, key):
        subprocess.run([*self.tmux, "send-keys", key], check=True)

    def close(self):
        subprocess.run([*self.tmux, "kill-server"], check=False)


def main():
    top = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
    build = os.path.abspath(sys.argv[1])
    output = sys.argv[2] if len(sys.argv) > 2 else os.path.join(top, "docs", "screens")
    gputrail = os.path.join(build, "cmd", "gputrail")
    os.makedirs(output, exist_ok=True)
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        file = os.path.join(folder, "demo.db")
        subprocess.run([gputrail, "demo", *DEMO, "-q", "-o", file], check=True)
        for name, wanted, keys in SCREENS:
            terminal = Terminal(folder, name, gputrail, file)
            try:
                terminal.wait("where its SM-time went")
                for key in keys:
                    terminal.key(key)
                    time.sleep(0.3)	# the timeline reads what it zooms to
                terminal.wait(wanted)
                time.sleep(1)		# what comes in later, such as counts
                with open(os.path.join(output, name + ".svg"), "w", encoding="utf-8") as svg_file:
                    svg_file.write(svg(terminal.screen("-e")))
            finally:
                terminal.close()


if __name__ == "__main__":
    main()
