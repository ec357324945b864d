# SPDX-License-Identifier: Apache-2.0
"""Where things are: in a build tree or in a bundle, on a GPU or on the simulated driver."""
import ctypes
import ctypes.util
import glob
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
CASES = ("program.cu", "launches.cu", "memory.cu", "processes.cu")
# Fat enough for A100, H100/H200 and B200; PTX of the last serves what is newer.
ARCHITECTURES = (80, 90, 100)


def build_tree():
    """The folder that has cmd/gputrail: the bundle itself, $GPUTRAIL_BUILD, or a build folder."""
    for folder in (HERE, os.environ.get("GPUTRAIL_BUILD"), os.environ.get("top_builddir"),
                   os.path.join(HERE, "..", "..", "build"), os.path.join(HERE, "..", "..")):
        if folder and os.access(os.path.join(folder, "cmd", "gputrail"), os.X_OK):
            return os.path.abspath(folder)
    sys.exit("run: no built gputrail found: build it first, or set GPUTRAIL_BUILD to its folder")


class OutOfTime(Exception):
    """--minutes are over."""


def library_folders():
    """Where toolkits and wheels have CUPTI and cuBLAS, which programs of nvcc would not find by themselves."""
    roots = [path for path in sys.path if path.endswith("-packages")]
    wheels = [os.path.join(root, "nvidia", part, "lib") for root in roots
              for part in ("cu13", "cuda_cupti", "cublas")]
    toolkits = ["/usr/local/cuda/extras/CUPTI/lib64", "/usr/local/cuda/lib64"]
    return [folder for folder in toolkits + wheels
            if glob.glob(os.path.join(folder, "libcupti.so.*")) or
            glob.glob(os.path.join(folder, "libcublas.so.*"))]


def has_gpu():
    """Whether the driver is there and sees a device."""
    try:
        driver = ctypes.CDLL("libcuda.so.1")
    except OSError:
        return False
    count = ctypes.c_int()
    return driver.cuInit(0) == 0 and driver.cuDeviceGetCount(ctypes.byref(count)) == 0 \
        and count.value > 0


class Place:
    def __init__(self, simulated, keep=None, minutes=None):
        self.simulated = simulated
        self.until = time.monotonic() + minutes * 60 if minutes else None
        self.build = build_tree()
        self.tool = os.path.join(self.build, "cmd", "gputrail")
        self.simulator = os.path.join(self.build, "simcuda", ".libs")
        self.keep = keep
        self.scratch = keep or tempfile.mkdtemp(prefix="gputrail-gpu.")
        os.makedirs(self.scratch, exist_ok=True)
        self.found = None
        self.options = subprocess.run([self.tool, "record", "--help"], capture_output=True,
                                      text=True, check=False).stdout

    def close(self):
        if not self.keep:
            shutil.rmtree(self.scratch, True)

    def has_option(self, text):
        """Whether `gputrail record --help` knows it."""
        return text in self.options

    def has_command(self, name):
        return subprocess.run([self.tool, name, "--help"], capture_output=True,
                              check=False).returncode == 0

    def library_path(self, command):
        """What a program needs before the system's libraries. PyTorch brings its own: another runtime
        before that, if only of another release, would be in its way."""
        mine = []
        if self.simulated:
            mine = [self.simulator]
        elif not os.path.basename(command[0]).startswith("python"):
            mine = [os.path.join(HERE, "cudart"), *library_folders()]
        return os.pathsep.join(p for p in (*mine, os.environ.get("LD_LIBRARY_PATH")) if p)

    def environment(self, command, **more):
        return {**os.environ, "LD_LIBRARY_PATH": self.library_path(command), "PYTHONDONTWRITEBYTECODE": "1",
                **more}

    def torch_environment(self):
        """The same for PyTorch, whose libraries have search paths of their own."""
        if not self.simulated:
            return {}
        mine = (os.path.join(self.simulator, name) for name in ("libcudart.so.13", "libcupti.so.13"))
        return {"LD_PRELOAD": ":".join(mine), "GPUTRAIL_SIMULATED": "1"}

    # Running --------------------------------------------------------------------------------------
    def time_left(self):
        """Seconds of --minutes; None: as long as it takes."""
        return None if self.until is None else self.until - time.monotonic()

    def run(self, command, timeout, environment=None):
        """As subprocess.run, but what takes too long is ended with all that it started: a recorded
        program outlives its recorder, and would hold the pipes and the GPU."""
        left = self.time_left()
        if left is not None and left <= 0:
            raise OutOfTime()
        timeout = timeout if left is None else min(timeout, left)
        with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                              text=True, errors="replace", start_new_session=True) as process:
            try:
                out, errors = process.communicate(timeout=timeout)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
                process.communicate()
                if left is not None and self.time_left() <= 0:
                    raise OutOfTime() from None
                raise
        return subprocess.CompletedProcess(command, process.returncode, out, errors)

    # Building -------------------------------------------------------------------------------------
    def nvcc(self):
        return shutil.which("nvcc") or next(iter(glob.glob("/usr/local/cuda/bin/nvcc")), None)

    def compile(self, output, sources, *options):
        flags = ["-O2", "-Wno-deprecated-gpu-targets"]
        architectures = (90,) if self.simulated else ARCHITECTURES
        for a in architectures:
            flags.append(f"-gencode=arch=compute_{a},code=sm_{a}")
        flags.append(f"-gencode=arch=compute_{architectures[-1]},code=compute_{architectures[-1]}")
        result = subprocess.run([self.nvcc(), *flags, *options, "-o", output,
                                 *(os.path.join(HERE, s) for s in sources)],
                                capture_output=True, text=True, check=False)
        if result.returncode:
            raise RuntimeError(f"nvcc: {result.stderr[-2000:] or result.stdout[-2000:]}")
        return output

    def build_programs(self, folder):
        """{variant: program}, in `folder`. NVIDIA's static runtime needs private tables of the
        driver that the simulated one lacks: ours is linked instead."""
        os.makedirs(folder, exist_ok=True)
        programs = {}
        runtime = ["-Xlinker=--as-needed"]      # they use nothing of the C++ library
        objects = [self.compile(os.path.join(folder, source[:-3] + ".o"), [source], "-c")
                   for source in CASES]
        threads = self.compile(os.path.join(folder, "threads.o"), ["launches.cu"], "-c",
                               "-default-stream=per-thread")
        static = ["-cudart=none", os.path.join(self.build, "simcuda", "libsimcudart.a"), "-ldl",
                  "-lpthread"] if self.simulated else ["-cudart=static"]
        per_thread = [threads if o.endswith("launches.o") else o for o in objects]
        for variant, parts, options in (("static", objects, static),
                                        ("shared", objects, ["-cudart=shared"]),
                                        ("threads", per_thread, static)):
            programs[variant] = self.compile(os.path.join(folder, f"program-{variant}"), parts,
                                             *options, *runtime)
        # Device code that launches needs NVIDIA's device runtime: the simulator cannot run it.
        self.compile(os.path.join(folder, "device_graph"), ["device_graph.cu"], "-rdc=true",
                     "-lcudadevrt", *runtime)
        for part in [*objects, threads]:
            os.unlink(part)
        if not self.simulated:
            programs["device_graph"] = os.path.join(folder, "device_graph")
        return programs

    def programs(self):
        """{variant: program} of the bundle, or freshly built; a text where neither can be."""
        if self.found is None:
            # The simulated runtime stands in for the static one, so it has programs of its own.
            name = "programs-simulated" if self.simulated else "programs"
            self.found = {os.path.basename(p).replace("program-", ""): p
                          for folder in (HERE, self.scratch)
                          for p in glob.glob(os.path.join(folder, name, "*"))}
            if self.simulated:
                self.found.pop("device_graph", None)
        if not self.found:
            self.found = self.build_programs(os.path.join(self.scratch, name)) \
                if self.nvcc() else "no nvcc here, and this is no bundle"
        return self.found
