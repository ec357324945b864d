# SPDX-License-Identifier: Apache-2.0
"""Writes the recordings that the viewer's tests look at: summaries; events only for the timeline.

usage: fixture.py OUT.db [plain|hostile|many|empty|recording|nopaths|timeline|timeline-live|
                          ranges|serving|slower]
       fixture.py OUT.db grow       adds launches to a file that is open in the viewer
       fixture.py OUT.db grow-timeline  the same for timeline-live
"""
import math
import os
import sqlite3
import sys

import fixture_events
import fixture_serving

SCHEMA = os.path.join(os.environ.get("top_srcdir", "."), "collector", "schema.sql")
MS = 10**6
GIB = 1 << 30
SPAN = 12_400 * MS

# name, short name, registers, shared bytes, share of the kernel time, shapes
KERNELS = [
    ("void cutlass::Kernel2<cutlass_80_tensorop_bf16_s16816gemm_relu_bf16_128x128_64x4_tn_align8>"
     "(cutlass_80_tensorop_bf16_s16816gemm_relu_bf16_128x128_64x4_tn_align8::Params)",
     "cutlass_80_tensorop_bf16_s16816gemm_relu_bf16_128x128_64x4_tn_align8", 230, 98304, 310, 3),
    ("void flash::flash_fwd_splitkv_kernel<Flash_fwd_kernel_traits<128, 64, 128, 4, false, false,"
     " cutlass::bfloat16_t>, false, false, false, true, true, false>(flash::Flash_fwd_params)",
     "flash_fwd_splitkv_kernel", 255, 81920, 205, 2),
    ("void vllm::act_and_mul_kernel<c10::BFloat16, &vllm::silu_kernel<c10::BFloat16>>"
     "(c10::BFloat16*, c10::BFloat16 const*, int)", "act_and_mul_kernel", 32, 0, 88, 2),
    ("void vllm::rms_norm_kernel<c10::BFloat16, 8>(c10::BFloat16*, c10::BFloat16 const*,"
     " c10::BFloat16 const*, float, int, int)", "rms_norm_kernel", 40, 128, 71, 2),
    ("void vllm::rotary_embedding_kernel<c10::BFloat16, true>(long const*, c10::BFloat16*,"
     " c10::BFloat16*, c10::BFloat16 const*, int, long, long, int, int, int)",
     "rotary_embedding_kernel", 38, 0, 52, 1),
    ("void vllm::reshape_and_cache_flash_kernel<__nv_bfloat16, __nv_bfloat16>(__nv_bfloat16 const*,"
     " long const*, long, int)", "reshape_and_cache_flash_kernel", 28, 0, 41, 1),
    ("ncclDevKernel_AllReduce_Sum_bf16_RING_LL(ncclDevKernelArgsStorage<4096ul>)",
     "ncclDevKernel_AllReduce_Sum_bf16_RING_LL", 96, 82240, 38, 1),
    ("void at::native::vectorized_elementwise_kernel<4, at::native::FillFunctor<int>,"
     " std::array<char*, 1ul>>(int, at::native::FillFunctor<int>, std::array<char*, 1ul>)",
     "vectorized_elementwise_kernel", 16, 0, 9, 2),
    ("void cublasLt::splitKreduce_kernel<32, 16, int, float, __nv_bfloat16>(float const*)",
     "splitKreduce_kernel", 48, 0, 8, 1),
    ("triton_poi_fused_add_mul_rsqrt_3", "triton_poi_fused_add_mul_rsqrt_3", 24, 0, 6, 1),
    ("void sampling::TopKTopPSamplingFromProbKernel<1024u, true, float, int>(float*, int*)",
     "TopKTopPSamplingFromProbKernel", 64, 16512, 5, 1),
    ("memset_zero_u8", "memset_zero_u8", 10, 0, 1, 1),
]
HOSTILE = [
    ("\u6838\u51fd\u6570<\u6d6e\u70b9\u6570>(\u77e9\u9635*, \u5411\u91cf*)", "\u6838\u51fd\u6570"),
    ("bell\a tab\t newline\n escape\x1b[31mred\x1b[0m", "control"),
    ("rtl\u202eoverride\u2066isolate\u200bzero", "bidi"),
    ("e\u0301\u0302\u0303\u0304\u0305 combining marks", "combining"),
    ("=HYPERLINK(\"http://example.invalid\")", "formula"),
    ("\U0001f525 fire_kernel \U0001f525", "emoji"),
    ("x" * 5000, "long"),
    ("", ""),
    ("%s%n%d", "percent"),
]
APIS = [  # name, category, count, failed, average ns
    ("cuStreamSynchronize", "SYNC", 3100, 0, 1_450_000),
    ("cuGraphLaunch", "GRAPH", 2900, 0, 182_000),
    ("cuLaunchKernel", "LAUNCH", 61_240, 0, 4_100),
    ("cuMemcpyHtoDAsync_v2", "COPY", 18_600, 0, 6_800),
    ("cuMemcpyDtoHAsync_v2", "COPY", 3100, 0, 9_200),
    ("cuMemAlloc_v2", "ALLOC", 412, 3, 61_000),
    ("cuEventRecord", "EVENT", 24_800, 0, 760),
    ("cuModuleLoadData", "MODULE", 14, 0, 8_900_000),
    ("cuMemFree_v2", "ALLOC", 380, 0, 38_000),
]
COPIES = [  # kind, count, average ns, bytes each
    (1 | 1 << 8 | 3 << 16 | 1 << 24, 18_000, 2_100, 16_384),
    (1 | 2 << 8 | 3 << 16 | 1 << 24, 600, 410_000, 8 << 20),
    (2 | 3 << 8 | 2 << 16 | 1 << 24, 3100, 1_900, 2048),
    (8 | 3 << 8 | 3 << 16 | 1 << 24, 240, 88_000, 128 << 20),
    (64 | 3 << 16, 940, 3_300, 1 << 20),
]
COUNTERS = [("lost_records", 0), ("lost_gpu_records", 0), ("cupti_dropped", 0),
            ("route_linked", 4), ("route_dlsym", 2), ("route_getproc", 391),
            ("cupti_records", 93_871), ("hook_missing", 12)]


# Call paths. Frames: kind, function, file, line, module; stacks from the outermost caller.
LIBC, PYTHON, TORCH, VLLM = ("/lib/x86_64-linux-gnu/libc.so.6", "/usr/bin/python3.11",
                             "/opt/venv/lib/python3.11/site-packages/torch/lib/libtorch_cuda.so",
                             "/opt/venv/lib/python3.11/site-packages/vllm/_C.abi3.so")
SITE = "/opt/venv/lib/python3.11/site-packages/"


def native(function, module, file=None, line=None):
    return ("native", function, file, line, module)


def interpreter(function):
    return ("interpreter", function, None, None, PYTHON)


def python(function, file, line):
    return ("python", function, SITE + file, line, None)


START = [native("_start", PYTHON), native("__libc_start_main", LIBC, "../csu/libc-start.c", 360),
         interpreter("Py_BytesMain"), interpreter("pymain_run_python"),
         interpreter("_PyEval_EvalFrameDefault"),
         python("<module>", "vllm/entrypoints/cli/main.py", 8),
         python("main", "vllm/entrypoints/cli/main.py", 54)]
STEP = START + [python("EngineCoreProc.run_engine_core", "vllm/v1/engine/core.py", 508),
                python("EngineCoreProc.run_busy_loop", "vllm/v1/engine/core.py", 535),
                python("EngineCoreProc._process_engine_step", "vllm/v1/engine/core.py", 560),
                python("EngineCore.step", "vllm/v1/engine/core.py", 231)]
MODEL = STEP + [python("UniProcExecutor.collective_rpc", "vllm/executor/uniproc_executor.py", 56),
                python("Worker.execute_model", "vllm/v1/worker/gpu_worker.py", 313),
                python("GPUModelRunner.execute_model", "vllm/v1/worker/gpu_model_runner.py", 1370),
                python("LlamaForCausalLM.forward", "vllm/model_executor/models/llama.py", 581)]
CALL = [interpreter("_PyEval_EvalFrameDefault"), interpreter("method_vectorcall"),
        python("Module._wrapped_call_impl", "torch/nn/modules/module.py", 1751),
        python("Module._call_impl", "torch/nn/modules/module.py", 1762)]
LAYER = MODEL + CALL + [python("LlamaModel.forward", "vllm/model_executor/models/llama.py", 392)] + CALL
ATTENTION = LAYER + [python("LlamaDecoderLayer.forward", "vllm/model_executor/models/llama.py", 306)] + CALL
MLP = LAYER + [python("LlamaDecoderLayer.forward", "vllm/model_executor/models/llama.py", 311)] + CALL
LINEAR = [python("RowParallelLinear.forward", "vllm/model_executor/layers/linear.py", 1266),
          python("UnquantizedLinearMethod.apply", "vllm/model_executor/layers/linear.py", 191),
          native("at::linear(at::Tensor const&, at::Tensor const&)", TORCH),
          native("at::cuda::blas::gemm<c10::BFloat16>(...)", TORCH), native(None, TORCH)]
THREAD = [native("clone3", LIBC, "../sysdeps/unix/sysv/linux/x86_64/clone3.S", 81),
          native("start_thread", LIBC, "./nptl/pthread_create.c", 442)]
PATHS = [  # frames, launches, GPU ms, host us, calls, copied, allocated, replayed ms
    (ATTENTION + [python("LlamaAttention.forward", "vllm/model_executor/models/llama.py", 198)] + LINEAR,
     12_400, 2230, 50_800, 12_400, 0, 0, 0),
    (ATTENTION + [python("LlamaAttention.forward", "vllm/model_executor/models/llama.py", 203),
                  python("Attention.forward", "vllm/attention/layer.py", 231),
                  native("flash::run_mha_fwd(Flash_fwd_params&, CUstream_st*)", VLLM)],
     12_400, 1660, 50_800, 12_400, 0, 0, 0),
    (MLP + [python("LlamaMLP.forward", "vllm/model_executor/models/llama.py", 92)] + LINEAR,
     12_400, 900, 51_000, 12_400, 0, 0, 0),
    (MLP + [python("LlamaMLP.forward", "vllm/model_executor/models/llama.py", 93),
            python("SiluAndMul.forward_cuda", "vllm/model_executor/layers/activation.py", 84),
            native("silu_and_mul(at::Tensor&, at::Tensor&)", VLLM)],
     61_240, 737, 251_000, 61_240, 0, 0, 0),
    (MODEL + [python("GPUModelRunner.sample", "vllm/v1/worker/gpu_model_runner.py", 1402)],
     3_100, 21, 14_000, 3_100, 0, 0, 0),
    (STEP + [python("CUDAGraph.replay", "torch/cuda/graphs.py", 88),
             native("at::cuda::CUDAGraph::replay()", TORCH)], 0, 0, 527_800, 2900, 0, 0, 6_120),
    (STEP + [python("Tensor.tolist", "torch/_tensor.py", 1102),
             native("at::native::copy_kernel_cuda(at::TensorIterator&, bool)", TORCH)],
     0, 12, 4_523_000, 9_300, 6_348_800, 0, 0),
    (START + [python("EngineCore.__init__", "vllm/v1/engine/core.py", 71),
              python("DefaultModelLoader.load_weights", "vllm/model_executor/model_loader/loader.py", 214),
              native("at::native::copy_kernel_cuda(at::TensorIterator&, bool)", TORCH)],
     0, 246, 25_100, 412, 600 << 23, 16 << 30, 0),
    (THREAD + [native("c10d::ProcessGroupNCCL::watchdogHandler()", TORCH)], 0, 0, 18_800, 24_800, 0, 0, 0),
]


def call_paths(db, paths):
    modules, frames, nodes = {}, {}, {}

    def number(known, key):
        return known.setdefault(key, len(known) + 1)

    for stack, launches, gpu, host, calls, copied, allocated, replayed in paths:
        node = 0
        for frame in stack:
            kind, function, file, line, module = frame
            if module and module not in modules:
                put(db, "module", id=number(modules, module), path=module, build_id="")
            if frame not in frames:
                put(db, "frame", id=number(frames, frame), kind=kind, symbol=function, file=file,
                    line=line, module=modules.get(module), address=0x1000 + 64 * len(frames))
            if (node, frame) not in nodes:
                put(db, "path", id=number(nodes, (node, frame)), parent=node, frame=frames[frame])
            node = nodes[node, frame]
        put(db, "sum_path", path=node, launches=launches, gpu_ns=gpu * MS, host_ns=host * 1000,
            calls=calls, copy_bytes=copied, alloc_bytes=allocated, replay_gpu_ns=replayed * MS)


def call_paths_of_one(db, number, name):
    """A path of one frame, below the root."""
    put(db, "frame", id=number, kind="python", symbol=name, file="/x/" + name + ".py", line=number)
    put(db, "path", id=number, parent=0, frame=number)
    put(db, "sum_path", path=number, launches=1, gpu_ns=number * MS, host_ns=1, calls=1, copy_bytes=0,
        alloc_bytes=0, replay_gpu_ns=0)


def open_new(path):
    for end in ("", "-wal", "-shm"):
        if os.path.exists(path + end):
            os.unlink(path + end)
    db = sqlite3.connect(path)
    with open(SCHEMA, encoding="utf-8") as file:
        db.executescript(file.read())
    return db


def put(db, table, **columns):
    db.execute(f"INSERT INTO {table} ({', '.join(columns)}) VALUES ({', '.join('?' * len(columns))})",
               tuple(columns.values()))


def meta(db, state):
    for key, value in {"state": state, "tool_version": "0.1.0", "host": "testhost", "origin": 1000,
                       "command_line": "vllm serve --tensor-parallel-size 2",
                       "created": "2026-01-02T03:04:05Z", "origin_realtime": 1767323045 * 10**9,
                       "span_ns": SPAN}.items():
        put(db, "meta", key=key, value=value)


def things(db, devices):
    for p, (pid, name, line) in enumerate([
            (4100, "python3", "python3 -m vllm.entrypoints.openai.api_server --model m --port 8000"),
            (4188, "VLLM::EngineCore", "VLLM::EngineCore_0")], 1):
        put(db, "process", id=p, pid=pid, parent_pid=4000, name=name, command_line=line,
            start_ns=(p - 1) * 310 * MS, end_ns=SPAN - (p - 1) * 55 * MS, state="exited",
            exit_status=0, backend="cupti", backend_note="CUPTI 24", cuda_version=13000,
            cupti_version=24)
    for t, (process, name) in enumerate([(1, "python3"), (2, "EngineCore"), (2, "pt_autograd_0"),
                                         (2, "cuda-EvtHandlr"), (2, "nccl-watchdog")], 1):
        put(db, "thread", id=t, process=process, tid=4100 + 7 * t, name=name, start_ns=t * 40 * MS,
            end_ns=0 if t == 5 else SPAN - t * 9 * MS)
    for d in range(devices):
        put(db, "device", id=d + 1, uuid=f"GPU-{d}", ordinal=d, name="NVIDIA H100 80GB HBM3",
            cc_major=9, cc_minor=0, sm_count=132, memory_bytes=80 * GIB, max_threads_per_sm=2048,
            max_blocks_per_sm=32)


def kernel(db, number, names, registers, shared, launches, average, shapes, process=2, devices=2):
    put(db, "kernel", id=number, name=names[0], short_name=names[1], mangled=f"_Z{number}",
        registers=registers, static_shared_bytes=shared % 4096, local_bytes=0, max_threads=1024)
    for s in range(shapes):
        shape = number * 10 + s
        blocks = (16, 8, 4, 2, 1)[min(4, registers // 52)]
        for d in range(devices):
            if d == 0:
                put(db, "shape", id=shape, kernel=number, device=d + 1,
                    grid_x=132 * (s + 1) + number * 7, grid_y=1 + s, grid_z=1, block_x=128,
                    block_y=1, block_z=1, cluster_x=1, cluster_y=1, cluster_z=1,
                    dynamic_shared_bytes=shared, flags=0, blocks_per_sm=blocks,
                    limiter="registers" if registers > 60 else "warps",
                    waves_x1000=(1000 * (132 * (s + 1) + number * 7) * (1 + s)) // (132 * blocks))
            count = launches // shapes // devices
            mean = average * (s + 1) // shapes + 400
            put(db, "sum_kernel", process=process, device=d + 1, shape=shape, count=count,
                total_ns=count * mean, min_ns=mean * 3 // 4, max_ns=mean * 4,
                sum_squares=float(count) * mean * mean * 1.1, host_ns=count * 4100)


def activity(db, devices):
    """Busy in waves: two bursts of requests with a quiet stretch between them."""
    for d in range(devices):
        busy = compute = copy = 0
        rows = []
        for b in range(SPAN // (10 * MS)):
            phase = b / (SPAN // (10 * MS))
            load = max(0.0, math.sin(phase * math.pi * 4 + d * 0.4)) * 0.86 + 0.04
            load = 0.0 if phase < 0.06 or 0.47 < phase < 0.53 else load
            c = int(load * 10 * MS)
            m = int((0.30 if phase < 0.06 else 0.05 * load) * 10 * MS)
            u = min(10 * MS, c + m - min(c, m) // 2)
            live = int((18 + 46 * min(1.0, phase * 8) + 6 * load) * GIB) if phase > 0.01 else 0
            rows.append((0, d + 1, b, u, c, m, c // 30_000, live))
            busy, compute, copy = busy + u, compute + c, copy + m
        db.executemany("INSERT INTO bucket VALUES (?,?,?,?,?,?,?,?)", rows)
        for level in (1, 2):
            merged = {}
            for _, dev, b, *values in rows:
                key = b // 10**level
                old = merged.get(key, [0] * 5)
                merged[key] = [x + y for x, y in zip(old[:4], values[:4])] + [
                    max(old[4], values[4])]
            db.executemany("INSERT INTO bucket VALUES (?,?,?,?,?,?,?,?)",
                           [(level, d + 1, b, *v) for b, v in merged.items()])
        high = max(row[7] for row in rows)
        at = next(row[2] for row in rows if row[7] == high) * 10 * MS
        put(db, "sum_device", device=d + 1, first_ns=100 * MS, last_ns=SPAN - 20 * MS, busy_ns=busy,
            compute_ns=compute, copy_ns=copy, kernels=46_000, copies=11_000, sets=470,
            graph_launches=1450)
        for kind, size in ((1, high), (4, 2 * GIB), (2, 3 * GIB)):
            put(db, "sum_memory", process=2, device=d + 1, kind=kind, live_bytes=size // 3,
                high_bytes=size, high_at_ns=at, allocs=206 // kind, frees=190 // kind,
                failed=3 if kind == 1 and d == 0 else 0)


def summaries(db, devices):
    for number, (name, category, count, failed, average) in enumerate(APIS, 1):
        put(db, "api", id=number, name=name, category=category)
        put(db, "sum_api", process=2, api=number, count=count, failed=failed,
            total_ns=count * average, min_ns=average // 3, max_ns=average * 21,
            sum_squares=float(count) * average * average * 1.3)
    for kind, count, average, size in COPIES:
        for d in range(devices):
            put(db, "sum_copy", process=2, device=d + 1, kind=kind, count=count // 2,
                total_ns=count // 2 * average, min_ns=average // 2, max_ns=average * 9,
                bytes=count // 2 * size, min_bytes=size // 4, max_bytes=size)
    for name, value in COUNTERS:
        put(db, "counter", process=2, name=name, value=value)


def write(path, what):
    db = open_new(path)
    devices = 2
    meta(db, "recording" if what in ("recording", "timeline-live") else "complete")
    if what in ("timeline", "timeline-live", "ranges"):
        fixture_events.timeline(db, put)
        if what == "ranges":
            fixture_events.ranges(db, put)
    elif what in ("serving", "slower"):
        fixture_serving.serving(db, put, 20 if what == "slower" else 0)
    elif what != "empty":
        things(db, devices)
        for number, (name, short, registers, shared, share, shapes) in enumerate(KERNELS, 1):
            launches = 61_240 if share < 100 else 12_400
            kernel(db, number, (name, short), registers, shared, launches,
                   share * 9_000_000_000 // 834 // launches, shapes)
        activity(db, devices)
        summaries(db, devices)
        if what != "nopaths":
            call_paths(db, PATHS)
        put(db, "sum_path", path=0, launches=0, gpu_ns=0, host_ns=5000, calls=380, copy_bytes=0,
            alloc_bytes=0, replay_gpu_ns=0)
    if what == "hostile":
        for number, names in enumerate(HOSTILE, 101):
            kernel(db, number, names, 32, 0, 9000, (number - 90) * 50_000, 1)
        db.execute("UPDATE process SET command_line = ? WHERE id = 1", ("srv\x1b]0;title\a\x9b2J",))
        for number, names in enumerate(HOSTILE):
            call_paths_of_one(db, 1000 + number, names[0])
        db.execute("UPDATE counter SET value = 4711 WHERE name = 'lost_records'")
        fixture_events.hostile(db, put)
    if what == "many":
        for number in range(101, 400):
            kernel(db, number, (f"void many::kernel_{number}<{number % 7}>(int*)", f"kernel_{number}"),
                   32, 0, 1000, number * 10, 1)
    if what in ("recording", "timeline-live"):
        db.execute("PRAGMA journal_mode = WAL")
        recorder = int(os.environ["RECORDER_PID"]) # some process that lives
        with open(f"/proc/{recorder}/stat", encoding="utf-8") as file:
            ticks = int(file.read().rsplit(")", 1)[1].split()[19])
        with open("/proc/sys/kernel/random/boot_id", encoding="utf-8") as file:
            put(db, "meta", key="boot_id", value=file.read().strip())
        put(db, "meta", key="collector_pid", value=recorder)
        put(db, "meta", key="collector_start_ticks", value=ticks)
    db.commit()
    db.close()


def grow(path):
    """What a recorder does once a second: longer, more of it, and a kernel that is new."""
    db = sqlite3.connect(path)
    db.execute("UPDATE sum_kernel SET count = count * 3, total_ns = total_ns * 3 WHERE shape = 120")
    kernel(db, 500, ("void late::arrival<1>(int*)", "arrival"), 32, 0, 4000, 5_000_000, 1)
    db.execute("UPDATE sum_path SET gpu_ns = gpu_ns * 2 WHERE gpu_ns > ?", (1000 * MS,))
    call_paths_of_one(db, 2000, "late_arrival")
    db.execute("UPDATE meta SET value = ? WHERE key = 'span_ns'", (SPAN * 2,))
    db.execute("UPDATE process SET end_ns = ?", (SPAN * 2,))
    db.commit()
    db.close()


if __name__ == "__main__":
    if sys.argv[2:] == ["grow"]:
        grow(sys.argv[1])
    elif sys.argv[2:] == ["grow-timeline"]:
        with sqlite3.connect(sys.argv[1]) as growing:
            fixture_events.grow(growing, put)
    else:
        write(sys.argv[1], sys.argv[2] if len(sys.argv) > 2 else "plain")
