# SPDX-License-Identifier: Apache-2.0
"""A server for the viewer's tests whose steps, launches and allocations differ in ways that are known:
every 40th of its decode steps waits for the host, every 50th is a prompt, gemm takes longer now and then;
weights, a cache that grows, a leak, and a workspace that comes and goes."""
MS, US, MIB = 10**6, 10**3, 1 << 20
KERNELS = [("void serve::embed<8>(float*)", "embed", 8 * US, 64), ("void serve::gemm<128, 64>(float*)", "gemm", 310 * US, 264),
           ("flash_fwd_splitkv_kernel<128>", "flash_fwd_splitkv_kernel", 120 * US, 132),
           ("rms_norm", "rms_norm", 20 * US, 32), ("sample", "sample", 40 * US, 8),
           ("flash_fwd_kernel<128>", "flash_fwd_kernel", 900 * US, 528)]
DECODE, PROMPT = (1, 2, 3, 4, 5), (1, 6, 2, 6, 2, 5)
APIS = ["cuLaunchKernel", "cuMemcpyDtoHAsync_v2", "cuStreamSynchronize", "cuMemAlloc_v2", "cuMemFree_v2"]
FRAMES = [("serve", 10), ("decode", 42), ("load_weights", 7), ("KVCache.grow", 88), ("remember", 131), ("workspace", 150)]
STEPS = 300
DEVICE_TO_HOST = 2 | 3 << 8 | 2 << 16
# Where what is allocated, by frame: the rows of FRAMES from 0.
WEIGHTS, CACHE, LEAK, WORKSPACE = 3, 4, 5, 6


class Server:
    def __init__(self, db, put, slower):
        self.db, self.put, self.slower = db, put, slower
        self.now, self.seed, self.next_address = 5 * MS, 1, 0x7000_0000_0000

    def vary(self, ns, percent):
        """Up to so many percent more or less, the same every time."""
        self.seed = (self.seed * 1103515245 + 12345) % 2**31
        return ns + ns * percent * (self.seed // 65536 % 2001 - 1000) // 100000

    def memory(self, op, path, size, address=None):
        if address is None:
            address, self.next_address = self.next_address, self.next_address + size
        self.put(self.db, "memory", start_ns=self.now, dur_ns=30 * US, thread=1, op=op, kind=1, device=1,
                 address=address, bytes=size, api=4 if op == 1 else 5, path=path)
        self.now += 40 * US
        return address

    def step(self, number):
        kernels = PROMPT if number % 50 == 49 else DECODE
        gpu = self.now + 30 * US
        for place, kernel in enumerate(kernels):
            took = self.vary(KERNELS[kernel - 1][2], 6)
            took += 180 * US if kernel == 2 and number % 23 == 7 else 0
            took += self.slower * took // 100 if kernel == 3 else 0
            call = self.now + 6 * US * place
            self.put(self.db, "launch", start_ns=call, dur_ns=4 * US, gpu_delay_ns=gpu - call, gpu_dur_ns=took,
                     thread=1, stream=1, shape=kernel, api=1, path=2)
            gpu += took + 1 * US
        call = self.now + 40 * US
        self.put(self.db, "copy", start_ns=call, dur_ns=5 * US, gpu_delay_ns=gpu - call, gpu_dur_ns=4 * US,
                 thread=1, stream=1, kind=DEVICE_TO_HOST, bytes=64, api=2, path=2)
        self.put(self.db, "call", start_ns=call + 6 * US, dur_ns=gpu + 10 * US - call, thread=1, api=3, result=0,
                 object=0, second=0, value=0, path=1)
        self.now = gpu + 30 * US + (1500 * US if number % 40 == 13 else 0)


def serving(db, put, slower=0):
    server = Server(db, put, slower)
    put(db, "process", id=1, pid=4100, parent_pid=4000, name="server", command_line="server --slow", start_ns=0,
        state="exited", exit_status=0, backend="cupti", backend_note="CUPTI 24")
    put(db, "thread", id=1, process=1, tid=4100, name="main", start_ns=0)
    put(db, "device", id=1, uuid="GPU-0", ordinal=0, name="NVIDIA H200", cc_major=9, cc_minor=0, sm_count=132,
        memory_bytes=141 << 30, max_threads_per_sm=2048, max_blocks_per_sm=32)
    put(db, "stream", id=1, process=1, context=1, device=1, handle=16, number=7, name="compute")
    for number, name in enumerate(APIS, 1):
        put(db, "api", id=number, name=name, category="")
    put(db, "result", id=2, name="CUDA_ERROR_OUT_OF_MEMORY")
    for k, (name, short, _, grid) in enumerate(KERNELS, 1):
        put(db, "kernel", id=k, name=name, short_name=short, registers=64, static_shared_bytes=0)
        put(db, "shape", id=k, kernel=k, device=1, grid_x=grid, grid_y=1, grid_z=1, block_x=256, block_y=1, block_z=1,
            dynamic_shared_bytes=0, flags=0, blocks_per_sm=4, limiter="registers", waves_x1000=grid * 1000 // 528)
    for f, (name, line) in enumerate(FRAMES, 1):
        put(db, "frame", id=f, kind="python", symbol=name, file="/srv/model.py", line=line)
        put(db, "path", id=f, parent=min(1, f - 1), frame=f)
    for _ in range(12):
        server.memory(1, WEIGHTS, 1024 * MIB)
    for number in range(STEPS):
        if number % 10 == 0:
            server.memory(1, CACHE, 256 * MIB)
        if number % 3 == 0:
            server.memory(1, LEAK, 2 * MIB)
        if number % 5 == 0:
            server.memory(2, WORKSPACE, 512 * MIB, server.memory(1, WORKSPACE, 512 * MIB))
        if number == 210:
            put(db, "call", start_ns=server.now, dur_ns=90 * US, thread=1, api=4, result=2, object=0, second=0,
                value=160 << 30, path=CACHE)
            server.now += 100 * US
        server.step(number)
    db.execute("UPDATE process SET end_ns = ?", (server.now,))
    db.execute("UPDATE meta SET value = ? WHERE key = 'span_ns'", (server.now,))
    put(db, "meta", key="first_event", value=0)
    put(db, "meta", key="last_event", value=server.now)
    put(db, "sum_memory", process=1, device=1, kind=1, live_bytes=20168 * MIB, high_bytes=20678 * MIB,
        high_at_ns=206 * MS, allocs=202, frees=60, failed=1)
    for sql in ("INSERT INTO sum_kernel SELECT 1, 1, shape, count(*), sum(gpu_dur_ns), min(gpu_dur_ns), max(gpu_dur_ns), "
                "0, count(*), sum(dur_ns) FROM launch GROUP BY shape",
                "INSERT INTO sum_device SELECT 1, min(start_ns + gpu_delay_ns), max(start_ns + gpu_delay_ns + gpu_dur_ns),"
                " sum(gpu_dur_ns), sum(gpu_dur_ns), 0, count(*), 0, 0, 0 FROM launch",
                "INSERT INTO sum_path (path, launches, gpu_ns, host_ns, calls, copy_bytes, alloc_bytes, replay_gpu_ns)"
                " SELECT path, 0, 0, sum(dur_ns), count(*), 0, sum(iif(op = 1, bytes, 0)), 0 FROM memory GROUP BY path",
                "INSERT INTO sum_path (path, launches, gpu_ns, host_ns, calls, copy_bytes, alloc_bytes, replay_gpu_ns)"
                " SELECT path, count(*), sum(gpu_dur_ns), sum(dur_ns), count(*), 0, 0, 0 FROM launch GROUP BY path"):
        db.execute(sql)
