# SPDX-License-Identifier: Apache-2.0
"""Queries as people write them for nsys's SQLite export, on a recording whose truth is planted: on
the recording's views, and on the tables of export --sqlite, where they also change the file."""
import collections
import os
import sqlite3
import sys

sys.dont_write_bytecode = True
from tap import done, equal, ok, path, report_json, run
import fixture

VIEWS = os.path.join(os.environ.get("top_srcdir", "."), "collector", "nsys_views.sql")
HTOD, DTOH, DTOD, SET = 1, 2, 8, 64
PAGEABLE, PINNED, DEVICE = 1, 2, 3
FILE, TABLES = path("plan.db"), path("plan.sqlite")


def kind(copy, source=0, destination=0):
    return copy | source << 8 | destination << 16


f = fixture.Fixture(FILE, cpus=16, cpu="Test CPU", kernel="Linux 6.1", first_event=1000,
                    last_event=901000, schema_version=1)
server, worker = f.process(pid=4000), f.process(pid=5000, name="worker")
main = f.add("thread", process=server, tid=4001, name="main")
loader = f.add("thread", process=server, tid=4002, name="loader")
rank1 = f.add("thread", process=worker, tid=5001, name="main")
H0 = f.device(l2_bytes=50 << 20, copy_engines=3, pci="0000:18:00.0", clock_khz=1980000,
              memory_clock_khz=2619000, memory_bus_bits=5120)
H1 = f.device(ordinal=1)
f.add("context", process=server, device=H0, handle=0xc0, number=1)
f.add("context", process=worker, device=H1, handle=0xc1, number=1)
null = f.add("stream", process=server, context=1, device=H0, handle=0, number=7, priority=0, flags=0)
side = f.add("stream", process=server, context=1, device=H0, handle=0x51, number=13, priority=-5, flags=1)
other = f.add("stream", process=worker, context=2, device=H1, handle=0x51, number=13, priority=0, flags=0)
LAUNCH, LAUNCH_EX, GRAPH = f.api("cuLaunchKernel"), f.api("cuLaunchKernelEx"), f.api("cuGraphLaunch")
COPY, MEMSET = f.api("cuMemcpyHtoDAsync_v2"), f.api("cuMemsetD8Async")
ALLOC, FREE, HOST = f.api("cuMemAlloc_v2"), f.api("cuMemFree_v2"), f.api("cuMemHostAlloc")
SYNC, EVENT_SYNC, WAIT = f.api("cuStreamSynchronize"), f.api("cuEventSynchronize"), f.api("cuStreamWaitEvent")
RECORD, BUILD = f.api("cuEventRecord"), f.api("cuGraphInstantiateWithFlags")
f.add("result", id=2, name="CUDA_ERROR_OUT_OF_MEMORY")
gemm64 = f.kernel("void gemm<64>(float*)", "gemm", mangled="_Z4gemmILi64EEvPf", registers=40)
gemm128 = f.kernel("void gemm<128>(float*)", "gemm", mangled="_Z4gemmILi128EEvPf", registers=80)
norm = f.kernel("norm(int)", "norm", mangled="_Z4normi", static_shared_bytes=256)
g64 = f.shape(gemm64, H0, (132, 1, 1), (128, 1, 1), dynamic_shared_bytes=4096)
g128 = f.shape(gemm128, H0, (66, 2, 1), flags=1)
n0, n1 = f.shape(norm, H0), f.shape(norm, H1, cluster_x=2)
# Paths: serve -> step -> (forward | upload), and a native one without a name.
serve = f.path("serve", "step", "forward")
library = f.add("module", path="/lib/libexample.so", build_id="00ff")
leaf = f.add("frame", kind="native", symbol=None, module=library, address=0x1234)
native = f.add("path", parent=0, frame=f.add("frame", kind="native", symbol="main", module=library,
                                             address=0x1000))
native = f.add("path", parent=native, frame=leaf)

# Launches: (start, duration, delay to the GPU, time there).
f.launch(10_000, 2_000, 5_000, 30_000, main, null, g64, LAUNCH, path=serve)        # 15_000..45_000
f.launch(13_000, 2_000, 33_000, 20_000, main, null, g128, LAUNCH_EX, path=serve)   # 46_000..66_000
f.launch(14_000, 1_000, 6_000, 10_000, loader, side, n0, LAUNCH, path=native)      # 20_000..30_000
f.launch(12_000, 3_000, 4_000, 50_000, rank1, other, n1, LAUNCH)                   # 16_000..66_000
f.launch(90_000, 1_000, None, None, main, null, n0, LAUNCH)                        # no GPU time
# A graph node by node, and one as a whole.
f.add("graph", process=server, handle=0x91, number=3, nodes=2, created_ns=70_000)
f.add("graph", process=server, handle=0x92, number=4, nodes=1, created_ns=80_000)
nodes = f.graph_launch(100_000, 4_000, main, null, [(110_000, 5_000, null, g64), (116_000, 3_000, side, n0)],
                       api=GRAPH)
f.db.execute("UPDATE graph_launch SET path = ?", (serve,))
f.db.execute("UPDATE graph_node SET node = id + 900")
whole = f.shape(f.kernel("graph#4", registers=0, static_shared_bytes=0), H0, (0, 0, 0), (0, 0, 0))
f.graph_launch(120_000, 1_500, main, null, [(123_000, 40_000, null, whole)], graph=2, api=GRAPH)
f.db.execute("UPDATE graph_launch SET api = ?", (GRAPH,))
# Copies and sets.
f.copy(200_000, 9_000, 1_000, 7_000, main, null, kind(HTOD, PAGEABLE, DEVICE), 4_000_000, COPY)
f.copy(210_000, 1_000, 2_000, 6_000, main, side, kind(HTOD, PINNED, DEVICE), 1_000_000, COPY)
f.copy(220_000, 1_000, 1_000, 2_000, main, side, kind(DTOH, DEVICE, PINNED), 512, COPY)
f.copy(230_000, 1_000, 1_000, 1_500, rank1, other, kind(SET, 0, DEVICE), 65_536, MEMSET)
f.copy(117_500, 0, 0, 500, main, side, kind(DTOD, DEVICE, DEVICE), 2_048, None, graph_launch=nodes)
# Memory: 10 MB and 30 MB on the device, the first freed; 1 MB of the host.
f.memory(1_000, 500, main, 1, 1, H0, 0x7000, 10_000_000, ALLOC)
f.memory(2_000, 500, main, 1, 1, H0, 0x9000, 30_000_000, ALLOC)
f.memory(3_000, 700, main, 1, 4, H0, 0xa000, 1_000_000, HOST)
f.memory(240_000, 300, main, 2, 1, H0, 0x7000, None, FREE)
f.call(250_000, 400, main, ALLOC, 2, value=99_000_000)
# Waiting: for a stream, an event, and by another stream.
f.call(260_000, 20_000, main, SYNC, object=0)
f.call(290_000, 600, main, RECORD, object=0xe1, second=0x51)
f.call(291_000, 300, main, WAIT, object=0, second=0xe1)
f.call(292_000, 9_000, main, EVENT_SYNC, object=0xe1)
f.call(70_000, 2_500, main, BUILD, object=0x91, second=0x90)
f.call(80_000, 3_500, main, BUILD, object=0x92, second=0x90)
# Ranges: step 0 holds the first two launches, inside of it "attn" the second; a mark; one that crosses.
for number, (domain, text, color) in enumerate([(None, "step", 0xff00ff00), ("lib", "attn", None),
                                                (None, "here", None), (None, "loop", None)], 1):
    f.add("label", id=number, process=server, domain=domain, category=None, color=color, text=text)
f.add("range", start_ns=9_000, dur_ns=10_000, thread=main, kind=1, label=1, level=0, payload_type=1, payload=77)
f.add("range", start_ns=12_500, dur_ns=4_000, thread=main, kind=1, label=2, level=1)
f.add("range", start_ns=15_000, thread=main, kind=3, label=3)
f.add("range", start_ns=8_000, dur_ns=8_000, thread=main, kind=2, label=4, end_thread=loader)
f.close()
result = run("export", "--sqlite", "-o", TABLES, FILE)
equal((result.returncode, result.stdout, result.stderr), (0, "", ""), "the tables are written")
db = sqlite3.connect(FILE)
with open(VIEWS, encoding="utf-8") as script:
    db.executescript(script.read())
db.commit()

NAMED = "JOIN StringIds s ON s.id ="
PID, TID = "globalTid / 0x1000000 % 0x1000000", "globalTid % 0x1000000"
QUERIES = (
    ("kernels by full name", f"""SELECT s.value, COUNT(*), SUM(k.end - k.start), MIN(k.end - k.start)
        FROM CUPTI_ACTIVITY_KIND_KERNEL k {NAMED} k.demangledName GROUP BY s.value ORDER BY 3 DESC""",
     [("norm(int)", 3, 63_000, 3_000), ("void gemm<64>(float*)", 2, 35_000, 5_000),
      ("void gemm<128>(float*)", 1, 20_000, 20_000)]),
    ("kernels by short name", f"""SELECT s.value, COUNT(*), AVG(end - start) FROM
        CUPTI_ACTIVITY_KIND_KERNEL {NAMED} shortName GROUP BY shortName ORDER BY 1""",
     [("gemm", 3, 55_000 / 3), ("norm", 3, 21_000)]),
    ("mangled names", f"""SELECT DISTINCT s.value FROM CUPTI_ACTIVITY_KIND_KERNEL k {NAMED} k.mangledName
        ORDER BY 1""", [("_Z4gemmILi128EEvPf",), ("_Z4gemmILi64EEvPf",), ("_Z4normi",)]),
    ("launch shapes", f"""SELECT s.value, gridX, gridY, blockX, registersPerThread, staticSharedMemory,
        dynamicSharedMemory, clusterX, t.name FROM CUPTI_ACTIVITY_KIND_KERNEL k {NAMED} k.demangledName
        JOIN ENUM_CUDA_KERNEL_LAUNCH_TYPE t ON t.id = k.launchType WHERE graphNodeId IS NULL
        ORDER BY k.start""",
     [("void gemm<64>(float*)", 132, 1, 128, 40, 1024, 4096, 1, "CUDA_KERNEL_LAUNCH_TYPE_REGULAR"),
      ("norm(int)", 8, 1, 256, 32, 256, 0, 2, "CUDA_KERNEL_LAUNCH_TYPE_REGULAR"),
      ("norm(int)", 8, 1, 256, 32, 256, 0, 1, "CUDA_KERNEL_LAUNCH_TYPE_REGULAR"),
      ("void gemm<128>(float*)", 66, 2, 256, 80, 1024, 0, 1,
       "CUDA_KERNEL_LAUNCH_TYPE_COOPERATIVE_SINGLE_DEVICE")]),
    ("work of each process and device", """SELECT p.name, k.deviceId, g.cuDevice, COUNT(*) FROM
        CUPTI_ACTIVITY_KIND_KERNEL k JOIN PROCESSES p ON p.globalPid = k.globalPid
        JOIN TARGET_INFO_GPU g ON g.id = k.deviceId GROUP BY 1, 2 ORDER BY 1""",
     [("server", 0, 0, 5), ("worker", 1, 1, 1)]),
    ("streams by name of their kind", """SELECT s.streamId, s.processId, s.priority, e.name FROM
        TARGET_INFO_CUDA_STREAM s JOIN ENUM_CUPTI_STREAM_TYPE e ON e.id = s.flag ORDER BY 2, 1""",
     [(7, 4000, 0, "CUPTI_ACTIVITY_STREAM_CREATE_FLAG_NULL"),
      (13, 4000, -5, "CUPTI_ACTIVITY_STREAM_CREATE_FLAG_NON_BLOCKING"),
      (13, 5000, 0, "CUPTI_ACTIVITY_STREAM_CREATE_FLAG_DEFAULT")]),
    ("kernels with the priority of their stream, by context", """SELECT k.start, s.priority FROM
        CUPTI_ACTIVITY_KIND_KERNEL k JOIN TARGET_INFO_CUDA_CONTEXT_INFO c ON c.contextId = k.contextId
        AND c.processId = k.globalPid / 0x1000000 % 0x1000000 JOIN TARGET_INFO_CUDA_STREAM s ON s.streamId
        = k.streamId AND s.processId = c.processId AND s.contextId = c.contextId
        WHERE s.priority < 0 ORDER BY 1""", [(20_000, -5), (116_000, -5)]),
    ("contexts and their null stream", """SELECT processId, deviceId, contextId, nullStreamId FROM
        TARGET_INFO_CUDA_CONTEXT_INFO ORDER BY 1""", [(4000, 0, 1, 7), (5000, 1, 1, 0)]),
    ("calls by name", f"""SELECT s.value, COUNT(*), SUM(r.end - r.start) FROM CUPTI_ACTIVITY_KIND_RUNTIME r
        {NAMED} r.nameId GROUP BY 1 HAVING SUM(r.end - r.start) >= 5000 ORDER BY 3 DESC""",
     [("cuStreamSynchronize", 1, 20_000), ("cuMemcpyHtoDAsync_v2", 3, 11_000), ("cuEventSynchronize", 1, 9_000),
      ("cuLaunchKernel", 4, 7_000), ("cuGraphInstantiateWithFlags", 2, 6_000), ("cuGraphLaunch", 2, 5_500)]),
    ("calls by class, thread and process", f"""SELECT e.name, {PID}, {TID}, COUNT(*) FROM
        CUPTI_ACTIVITY_KIND_RUNTIME r JOIN ENUM_NSYS_EVENT_CLASS e ON e.id = r.eventClass GROUP BY 1, 2, 3
        ORDER BY 2, 3""", [("TRACE_PROCESS_EVENT_CUDA_DRIVER", 4000, 4001, 19),
                           ("TRACE_PROCESS_EVENT_CUDA_DRIVER", 4000, 4002, 1),
                           ("TRACE_PROCESS_EVENT_CUDA_DRIVER", 5000, 5001, 2)]),
    ("names of threads", f"""SELECT {PID}, {TID}, s.value FROM ThreadNames t {NAMED} t.nameId ORDER BY 2""",
     [(4000, 4001, "main"), (4000, 4002, "loader"), (5000, 5001, "main")]),
    ("failed calls", f"""SELECT s.value, r.returnValue FROM CUPTI_ACTIVITY_KIND_RUNTIME r {NAMED} r.nameId
        WHERE r.returnValue <> 0""", [("cuMemAlloc_v2", 2)]),
    ("kernels with their calls", f"""SELECT s.value, k.start - r.start, k.start - r.end FROM
        CUPTI_ACTIVITY_KIND_KERNEL k JOIN CUPTI_ACTIVITY_KIND_RUNTIME r ON r.correlationId = k.correlationId
        AND r.globalTid / 0x1000000 = k.globalPid / 0x1000000 {NAMED} r.nameId ORDER BY k.start""",
     [("cuLaunchKernel", 5_000, 3_000), ("cuLaunchKernel", 4_000, 1_000), ("cuLaunchKernel", 6_000, 5_000),
      ("cuLaunchKernelEx", 33_000, 31_000), ("cuGraphLaunch", 10_000, 6_000), ("cuGraphLaunch", 16_000, 12_000)]),
    ("launches that no kernel belongs to", f"""SELECT s.value, r.start FROM CUPTI_ACTIVITY_KIND_RUNTIME r
        {NAMED} r.nameId LEFT JOIN CUPTI_ACTIVITY_KIND_KERNEL k ON k.correlationId = r.correlationId
        WHERE s.value LIKE 'cuLaunchKernel%' AND k.start IS NULL""", [("cuLaunchKernel", 90_000)]),
    ("kernels of graphs by node", f"""SELECT k.graphId, k.graphNodeId, s.value, COUNT(*) FROM
        CUPTI_ACTIVITY_KIND_KERNEL k {NAMED} k.shortName WHERE k.graphNodeId IS NOT NULL GROUP BY 1, 2
        ORDER BY 2""", [(3, 901, "gemm", 1), (3, 902, "norm", 1)]),
    ("graphs measured as a whole", f"""SELECT g.graphExecId, g.end - g.start, g.start - r.start, s.value FROM
        CUPTI_ACTIVITY_KIND_GRAPH_TRACE g JOIN CUPTI_ACTIVITY_KIND_RUNTIME r USING (correlationId)
        {NAMED} r.nameId""", [(4, 40_000, 3_000, "cuGraphLaunch")]),
    ("what instantiating graphs took", f"""SELECT g.graphExecId, g.end - g.start, s.value FROM CUDA_GRAPH_EVENTS g
        {NAMED} g.nameId ORDER BY 1""", [(3, 2_500, "cuGraphInstantiateWithFlags"),
                                         (4, 3_500, "cuGraphInstantiateWithFlags")]),
    ("copies by direction", """SELECT e.label, COUNT(*), SUM(bytes), SUM(end - start) FROM
        CUPTI_ACTIVITY_KIND_MEMCPY m JOIN ENUM_CUDA_MEMCPY_OPER e ON e.id = m.copyKind GROUP BY 1 ORDER BY 1""",
     [("Device-to-Device", 1, 2_048, 500), ("Device-to-Host", 1, 512, 2_000),
      ("Host-to-Device", 2, 5_000_000, 13_000)]),
    ("copies of pageable memory", f"""SELECT s.value, m.bytes, d.label FROM CUPTI_ACTIVITY_KIND_MEMCPY m
        JOIN CUPTI_ACTIVITY_KIND_RUNTIME r ON r.correlationId = m.correlationId {NAMED} r.nameId
        JOIN ENUM_CUDA_MEM_KIND k ON k.id = m.srcKind JOIN ENUM_CUDA_MEM_KIND d ON d.id = m.dstKind
        WHERE k.name = 'CUDA_MEMOPR_MEMORY_KIND_PAGEABLE'""", [("cuMemcpyHtoDAsync_v2", 4_000_000, "Device")]),
    ("copies inside graphs", """SELECT m.bytes, r.correlationId = k.correlationId FROM CUPTI_ACTIVITY_KIND_MEMCPY m
        JOIN CUPTI_ACTIVITY_KIND_RUNTIME r USING (correlationId) JOIN CUPTI_ACTIVITY_KIND_KERNEL k
        ON k.correlationId = r.correlationId AND k.graphNodeId = 901""", [(2_048, 1)]),
    ("sets", """SELECT m.bytes, m.end - m.start, e.label, p.name FROM CUPTI_ACTIVITY_KIND_MEMSET m
        JOIN ENUM_CUDA_MEM_KIND e ON e.id = m.memKind JOIN PROCESSES p USING (globalPid)""",
     [(65_536, 1_500, "Device", "worker")]),
    ("time until the kernel starts, by device", """SELECT k.deviceId, MAX(k.start - r.end) FROM
        CUPTI_ACTIVITY_KIND_KERNEL k JOIN CUPTI_ACTIVITY_KIND_RUNTIME r ON k.correlationId = r.correlationId
        GROUP BY 1 ORDER BY 1""", [(0, 31_000), (1, 1_000)]),
    ("gaps on a stream", """SELECT start - previous FROM (SELECT start, LAG("end") OVER (PARTITION BY deviceId,
        streamId ORDER BY start) AS previous, streamId, deviceId FROM CUPTI_ACTIVITY_KIND_KERNEL)
        WHERE previous IS NOT NULL AND streamId = 7 ORDER BY 1""", [(1_000,), (44_000,)]),
    ("kernels at once", """SELECT COUNT(*) FROM CUPTI_ACTIVITY_KIND_KERNEL a JOIN CUPTI_ACTIVITY_KIND_KERNEL b
        ON a.deviceId = b.deviceId AND a.start < b.start AND b.start < a.end""", [(1,)]),
    ("memory in use", """SELECT MAX(live) FROM (SELECT SUM(CASE o.label WHEN 'Allocation' THEN bytes ELSE -bytes
        END) OVER (ORDER BY start) AS live FROM CUDA_GPU_MEMORY_USAGE_EVENTS e JOIN
        ENUM_CUDA_DEV_MEM_EVENT_OPER o ON o.id = e.memoryOperationType WHERE memKind = 2)""", [(40_000_000,)]),
    ("what was never freed, by kind", """SELECT k.label, SUM(CASE memoryOperationType WHEN 0 THEN bytes ELSE
        -bytes END) FROM CUDA_GPU_MEMORY_USAGE_EVENTS e JOIN ENUM_CUDA_MEM_KIND k ON k.id = e.memKind
        GROUP BY 1 ORDER BY 1""", [("Device", 30_000_000), ("Pinned", 1_000_000)]),
    ("allocations with their calls", f"""SELECT s.value, e.bytes FROM CUDA_GPU_MEMORY_USAGE_EVENTS e
        JOIN CUPTI_ACTIVITY_KIND_RUNTIME r USING (correlationId) {NAMED} r.nameId ORDER BY e.start""",
     [("cuMemAlloc_v2", 10_000_000), ("cuMemAlloc_v2", 30_000_000), ("cuMemHostAlloc", 1_000_000),
      ("cuMemFree_v2", 10_000_000)]),
    ("waiting", """SELECT e.label, y.end - y.start, y.streamId FROM CUPTI_ACTIVITY_KIND_SYNCHRONIZATION y
        JOIN ENUM_CUPTI_SYNC_TYPE e ON e.id = y.syncType ORDER BY y.start""",
     [("Stream sync", 20_000, 7), ("Stream wait sync", 300, 7), ("Event sync", 9_000, None)]),
    ("what an event that is waited for was recorded in", """SELECT y.correlationId <> v.correlationId, v.streamId
        FROM CUPTI_ACTIVITY_KIND_SYNCHRONIZATION y JOIN CUPTI_ACTIVITY_KIND_CUDA_EVENT v ON v.eventId = y.eventId
        AND v.globalPid = y.globalPid WHERE y.syncType IN (1, 2)""", [(1, 13), (1, 13)]),
    ("call paths of a kernel's launch", f"""SELECT c.stackDepth, f.value, m.value, c.unresolved FROM
        CUPTI_ACTIVITY_KIND_KERNEL k JOIN CUPTI_ACTIVITY_KIND_RUNTIME r ON r.correlationId = k.correlationId
        JOIN CUDA_CALLCHAINS c ON c.id = r.callchainId JOIN StringIds f ON f.id = c.symbol
        JOIN StringIds m ON m.id = c.module {NAMED} k.demangledName
        WHERE s.value = 'void gemm<128>(float*)' ORDER BY 1""",
     [(0, "forward", "/app/model.py:7", 0), (1, "step", "/app/model.py:7", 0), (2, "serve", "/app/model.py:7", 0)]),
    ("frames without a name", """SELECT f.value, m.value, c.originalIP FROM CUDA_CALLCHAINS c JOIN StringIds f
        ON f.id = c.symbol JOIN StringIds m ON m.id = c.module WHERE c.unresolved""",
     [("0x1234", "/lib/libexample.so", 0x1234)]),
    ("GPU time by the function that launched", """SELECT f.value, SUM(k.end - k.start) FROM
        CUPTI_ACTIVITY_KIND_KERNEL k JOIN CUPTI_ACTIVITY_KIND_RUNTIME r ON r.correlationId = k.correlationId
        JOIN CUDA_CALLCHAINS c ON c.id = r.callchainId AND c.stackDepth = 0 JOIN StringIds f ON f.id = c.symbol
        GROUP BY 1 ORDER BY 2 DESC""", [("forward", 58_000), ("0x1234", 10_000)]),
    ("texts are numbered once", "SELECT COUNT(*) - COUNT(DISTINCT id), SUM(typeof(id) <> 'integer') FROM StringIds",
     [(0, 0)]),
    ("ranges by type", """SELECT e.name, n.text, n.end - n.start FROM NVTX_EVENTS n JOIN ENUM_NSYS_EVENT_TYPE e
        ON e.id = n.eventType WHERE n.eventType < 75 ORDER BY n.start""",
     [("NvtxStartEndRange", "loop", 8_000), ("NvtxPushPopRange", "step", 10_000),
      ("NvtxPushPopRange", "attn", 4_000), ("NvtxMark", "here", None)]),
    ("ranges by text as older exports have it", """SELECT COALESCE(s.value, n.text), SUM(n.end - n.start) FROM
        NVTX_EVENTS n LEFT JOIN StringIds s ON s.id = n.textId WHERE n.eventType = 59 GROUP BY 1 ORDER BY 1""",
     [("attn", 4_000), ("step", 10_000)]),
    ("colours, payloads and domains", """SELECT n.text, n.color, n.uint64Value, d.text FROM NVTX_EVENTS n
        LEFT JOIN NVTX_EVENTS d ON d.eventType = 75 AND d.domainId = n.domainId WHERE n.eventType = 59
        ORDER BY n.start""", [("step", 0xff00ff00, 77, None), ("attn", None, None, "lib")]),
    ("where ranges ended", """SELECT text, globalTid % 0x1000000, endGlobalTid % 0x1000000 FROM NVTX_EVENTS
        WHERE eventType = 60""", [("loop", 4001, 4002)]),
    ("kernels launched in a range", """SELECT n.text, COUNT(*), SUM(k.end - k.start) FROM NVTX_EVENTS n
        JOIN CUPTI_ACTIVITY_KIND_RUNTIME r ON r.globalTid = n.globalTid AND r.start >= n.start AND r.end <= n.end
        JOIN CUPTI_ACTIVITY_KIND_KERNEL k ON k.correlationId = r.correlationId AND k.globalPid / 0x1000000 =
        r.globalTid / 0x1000000 WHERE n.eventType = 59 GROUP BY 1 ORDER BY 1""",
     [("attn", 1, 20_000), ("step", 2, 50_000)]),
    ("kernels with their innermost range", f"""SELECT s.value, (SELECT n.text FROM NVTX_EVENTS n WHERE n.eventType
        IN (59, 60) AND n.globalTid = r.globalTid AND r.start >= n.start AND r.start < n.end ORDER BY n.start DESC
        LIMIT 1) FROM CUPTI_ACTIVITY_KIND_KERNEL k JOIN CUPTI_ACTIVITY_KIND_RUNTIME r ON r.correlationId =
        k.correlationId {NAMED} k.demangledName WHERE k.globalPid = 4000 << 24 AND k.graphNodeId IS NULL
        ORDER BY k.start""", [("void gemm<64>(float*)", "step"), ("norm(int)", None),
                              ("void gemm<128>(float*)", "attn")]),
    ("devices", """SELECT g.name, g.smCount, g.computeMajor, g.totalMemory, g.busLocation, g.memoryBandwidth, c.pid
        FROM TARGET_INFO_GPU g JOIN TARGET_INFO_CUDA_DEVICE c ON c.gpuId = g.id AND c.uuid = g.uuid
        WHERE g.id = 0""", [("NVIDIA H100 80GB HBM3", 132, 9, 80 << 30, "0000:18:00.0", 3_352_320_000_000, 4000)]),
    ("where it was recorded", """SELECT name, value FROM TARGET_INFO_SYSTEM_ENV WHERE name IN ('Hostname',
        'CpuCores') ORDER BY 1""", [("CpuCores", 16), ("Hostname", "testhost")]),
    ("when", "SELECT utcEpochNs, utcTime, systemClockNs FROM TARGET_INFO_SESSION_START_TIME",
     [(1767323045000000000, "2026-01-02T03:04:05Z", 1000)]),
    ("how long", "SELECT duration, startTime, stopTime FROM ANALYSIS_DETAILS", [(900_000, 1_000, 901_000)]),
    ("what was recorded", "SELECT value FROM META_DATA_CAPTURE WHERE name = 'command_line'",
     [("server --port 8000",)]),
    ("the schema", "SELECT value FROM META_DATA_EXPORT WHERE name LIKE 'EXPORT_SCHEMA_VERSION_M%' ORDER BY name",
     [("3",), ("1",), ("28",)]),
)

tables = sqlite3.connect(TABLES)
for what, sql, wanted in QUERIES:
    equal(db.execute(sql).fetchall(), wanted, f"{what}, on views")
    equal(tables.execute(sql).fetchall(), wanted, f"{what}, on tables")

views = {r[0] for r in db.execute("SELECT name FROM sqlite_schema WHERE type = 'view' AND "
                                      "name NOT GLOB 'nsys_*'")} - {"node"}
equal({r[0] for r in tables.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}, views,
      "every view is a table, since each has rows")
asked = " ".join(sql for _, sql, _ in QUERIES)
equal([v for v in sorted(views) if v not in asked], [], "and each is in a query")
for name in sorted(views):
    names = [c[0] for c in db.execute(f"SELECT * FROM {name}").description]
    equal([c[0] for c in tables.execute(f"SELECT * FROM {name}").description], names, f"columns of {name}")
    rows = [collections.Counter(d.execute(f"SELECT * FROM {name}").fetchall()) for d in (db, tables)]
    equal(rows[0], rows[1], f"rows of {name}")

# Recipes of nsys's documentation change the file: columns are added and filled, rows deleted by rowid.
tables.executescript("""
    ALTER TABLE CUPTI_ACTIVITY_KIND_RUNTIME ADD COLUMN name TEXT;
    ALTER TABLE CUPTI_ACTIVITY_KIND_RUNTIME ADD COLUMN kernelName TEXT;
    UPDATE CUPTI_ACTIVITY_KIND_RUNTIME SET name = (SELECT value FROM StringIds WHERE id = nameId);
    UPDATE CUPTI_ACTIVITY_KIND_RUNTIME SET kernelName = (SELECT value FROM StringIds s
        JOIN CUPTI_ACTIVITY_KIND_KERNEL k ON k.shortName = s.id
        WHERE k.correlationId = CUPTI_ACTIVITY_KIND_RUNTIME.correlationId ORDER BY k.start);
    CREATE INDEX by_start ON CUPTI_ACTIVITY_KIND_RUNTIME (start);
    DELETE FROM CUPTI_ACTIVITY_KIND_RUNTIME WHERE rowid IN
        (SELECT rowid FROM CUPTI_ACTIVITY_KIND_RUNTIME WHERE kernelName IS NULL)""")
equal(tables.execute("SELECT name, kernelName FROM CUPTI_ACTIVITY_KIND_RUNTIME ORDER BY start").fetchall(),
      [("cuLaunchKernel", "gemm"), ("cuLaunchKernel", "norm"), ("cuLaunchKernelEx", "gemm"),
       ("cuLaunchKernel", "norm"), ("cuGraphLaunch", "gemm")], "a recipe that adds columns and deletes rows")
tables.rollback()
tables.close()

# What nsys would export can be imported again, and says the same.
AGAIN, BACK = path("again.sqlite"), path("back.db")
equal(run("export", "--sqlite", "-o", AGAIN, FILE).returncode, 0, "once more")
result = run("import", AGAIN, "-o", BACK)
equal(result.returncode, 0, "the tables can be imported")
reports = [report_json(file, "--recount") for file in (FILE, BACK)]
first = [min(d["first_ns"] for d in r["devices"]) for r in reports]
for what, key in (("busy and idle time", lambda r, at: [(d["name"], d["busy_ns"], d["idle_ns"], d["copies"],
                                                        d["first_ns"] - at) for d in r["devices"]]),
                  ("calls", lambda r, at: sorted((a["name"], a["calls"], a["total_ns"]) for a in r["apis"])),
                  ("copies", lambda r, at: sorted((c["operation"], c["count"], c["bytes"]) for c in r["copies"]))):
    equal(key(reports[1], first[1]), key(reports[0], first[0]), f"imported again: {what}")

# A recording itself is no export, whatever its views look like.
result = run("import", FILE, "-o", path("twice.db"))
ok(result.returncode == 3 and "recording already" in result.stderr, "a recording is not imported", result)

# Refusals.
for args, code, what in ((("-o", TABLES, FILE), 1, "a file that exists"), ((FILE,), 2, "no output"),
                         (("-f", "-o", FILE, FILE), 1, "its own source"), (("-o", path("no/where"), FILE), 1, "no folder"),
                         (("-o", path("x.sqlite"), path("none.db")), 3, "no recording")):
    result = run("export", "--sqlite", *args)
    ok(result.returncode == code and result.stderr, f"refused: {what}", result)
equal(run("export", "--sqlite", "-f", "-o", TABLES, FILE).returncode, 0, "--force replaces a file")
equal(sorted(n for n in os.listdir(path("")) if "export-" in n), [], "nothing is left beside it")
done()
