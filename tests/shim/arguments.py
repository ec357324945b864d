# SPDX-License-Identifier: Apache-2.0
"""Every recorded entry point of driver_api.def, all variants, is called in the fake driver: each
leaves a record, with numbers of it. Pointers lead to zeros; every number is another one."""
import ctypes
import os
import re
import subprocess
import sys

top = os.environ["top_srcdir"]
build = os.environ["top_builddir"]
table = open(top + "/driver/driver_api.def").read()
LARGE = {"CUipcMemHandle": 64}		# structures by value that do not fit into a register
ROW = re.compile(r"^API\((\w+), \w+, 1, [^(]*\n\s*\(([^\n]*)\),\n", re.M)
LENGTH = re.compile("num|count|bufferSize", re.I)	# lengths of lists
KERNEL = {"f"}				# becomes an id


def call(driver, symbol, parameters):
    arguments, numbers = [], []
    for place, parameter in enumerate(parameters):
        name = re.search(r"(\w+)\W*$", parameter).group(1)
        large = [LARGE[word] for word in parameter.split() if word in LARGE]
        if "*" in parameter or "[" in parameter:
            arguments.append(ctypes.create_string_buffer(65536))
        elif large:
            fields = [("bytes", ctypes.c_char * large[0])]
            arguments.append(type("Large", (ctypes.Structure,), {"_fields_": fields})())
        elif LENGTH.search(name):
            arguments.append(ctypes.c_uint64(1))
        else:
            arguments.append(ctypes.c_uint64(0x61 + place))
            numbers += [0x61 + place] if name not in KERNEL else []
    getattr(driver, symbol)(*arguments)
    return numbers


def call_all():
    driver = ctypes.CDLL("libcuda.so.1")
    driver.cuInit(0)
    for match in ROW.finditer(table):
        if match.group(1) != "cuInit":
            parameters = match.group(2).split(",") if match.group(2) != "void" else []
            numbers = call(driver, match.group(1), parameters)
            print(match.group(1), *numbers, file=sys.stderr)


def run():
    consumer = build + "/tests/shim-consumer"
    shim = build + "/libprofile/.libs/libprofile.so"
    environment = dict(os.environ, GPUTRAIL_CUPTI="off",
                       LD_LIBRARY_PATH=build + "/tests/shim/fake/.libs")
    done = subprocess.run([consumer, shim, sys.executable, __file__, "call"], env=environment,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, timeout=60)
    return done.returncode, done.stdout, done.stderr


def seen(lines):
    """The values of all fields of some records, each as the number it is in base 10 and in 16; two
    halves of a word may be two values, and a set has bytes instead of elements of 2 or 4."""
    values = set()
    for text in re.findall(r"=([0-9a-f,]+)", " ".join(lines)):
        for value in text.split(","):
            found = [int(value, 16)] if value else []
            found += [int(value)] if value.isdigit() else []
            for number in found:
                values |= {number, number >> 32, number & 0xffffffff}
    for line in lines:
        elements = re.search(r"^SET api=cuMemsetD(16|32)\w* .*bytes=(\d+)", line)
        values |= {int(elements[2]) * 8 // int(elements[1])} if elements else set()
    return values


def check(number, name, wrong):
    print("%sok %d - %s" % ("not " if wrong else "", number, name))
    for line in list(wrong)[:20]:
        print("#", line)


def main():
    status, out, err = run()
    called = {line.split()[0]: [int(word) for word in line.split()[1:]]
              for line in err.splitlines() if line.startswith("cu")}
    records = {}
    for line in out.splitlines():
        match = re.match(r"(?!COUNTED)\w+ api=(\w+) ", line)
        if match:
            records.setdefault(match.group(1), []).append(line)
    wanted = set(re.findall(r"^API\((\w+), \w+, 1,", table, re.M)) - {"cuInit"}
    check(1, "exit status", [status] if status else [])
    check(2, "every recorded entry point was called", wanted - set(called))
    check(3, "each left a record", wanted - set(records))
    check(4, "with all its numbers", ["%s %s not in: %s" % (symbol, numbers, records[symbol])
                                  for symbol, numbers in called.items()
                                  if symbol in records and not set(numbers) <= seen(records[symbol])])
    print("1..4")


if len(sys.argv) > 1:
    call_all()
else:
    main()
