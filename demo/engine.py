# SPDX-License-Identifier: Apache-2.0
"""The engine: a thread that launches steps, and one that turns sampled tokens into text."""
import ctypes
import queue
import threading
import time

import cuda
from model import ModelRunner
from nn import BATCH_MAX, METADATA_BYTES, VOCABULARY, Device
from planted import Planted
from plants import host_work
from sampler import Sampler
from scheduler import BlockManager, Scheduler, prepare_inputs

SLOTS = 3
READBACK_NS = 600_000        # what processing the tokens takes the launching thread


class Slot:
    """Pinned buffers and the event of one step in flight."""

    def __init__(self):
        self.metadata = cuda.pinned(METADATA_BYTES)
        self.tokens = cuda.pinned(BATCH_MAX * 4)
        self.tokens_ready = cuda.event()
        self.metadata_view = (ctypes.c_char * METADATA_BYTES).from_address(self.metadata)
        self.tokens_view = (ctypes.c_int32 * BATCH_MAX).from_address(self.tokens)


class Engine:
    """Owns the device; the streams' order is that of the C server."""

    def __init__(self, options, plants, load):
        self.options, self.plants, self.load = options, plants, load
        self.device = Device(plants)
        self.planted = Planted(self.device)
        self.runner = ModelRunner(self.device, options.layers, self.planted)
        self.planted.after_cache(self.runner.kv_cache, self.runner.model.embed_tokens.pointer)
        self.runner.capture_model()
        self.sampler = Sampler(self.device)
        self.scheduler = Scheduler(load, BlockManager(self.runner.kv_blocks), options, plants)
        self.metadata_ready, self.forward_done = cuda.event(), cuda.event()
        self.slots = [Slot() for _ in range(SLOTS)]
        self.outputs = queue.SimpleQueue()
        self.allowed = threading.Semaphore(SLOTS - 1)
        self.is_stopping = threading.Event()
        self.steps = self.tokens = 0
        self.error = None
        self.threads = [threading.Thread(target=self.run_engine_core, name="engine-core"),
                        threading.Thread(target=self.run_detokenizer, name="detokenizer")]

    def start(self):
        """Both threads."""
        for thread in self.threads:
            thread.start()

    def join(self):
        """Waits until they have ended."""
        for thread in self.threads:
            thread.join()
        if self.error:
            raise self.error

    def run_engine_core(self):
        """The thread that launches."""
        try:
            self.device.use()
            self.engine_core_loop()
        except Exception as error:      # told by join()
            self.error = error
        self.is_stopping.set()
        self.outputs.put(None)

    def engine_core_loop(self):
        """Step after step."""
        step = 0
        while not self.is_stopping.is_set() and not (self.options.steps and
                                                     step >= self.options.steps):
            plan = self.scheduler.schedule(step)
            if not plan.items:
                self.wait_for_requests(step)
                continue
            self.allowed.acquire()
            begin_ns = time.monotonic_ns()
            self.step(plan)
            self.plants.record_step(step, begin_ns, plan.phase)
            step += 1

    def wait_for_requests(self, step):
        """Until the tokens on their way have come; then asks for the next requests."""
        while self.steps < step and not self.is_stopping.is_set():
            time.sleep(0.0003)
        requests = self.load.refill()
        for request in requests:
            self.load.submit(request)
        if not requests:
            time.sleep(0.0003)

    def step(self, plan):
        """Launches one step."""
        slot = self.slots[plan.step % SLOTS]
        self.device.due = plan.due
        self.planted.before_forward(plan)
        self.upload_inputs(plan, slot)
        self.execute(plan)
        self.sample(plan, slot)
        self.planted.after_forward(plan)
        self.outputs.put((plan, slot))
        self.after_step(plan, slot)

    def upload_inputs(self, plan, slot):
        """Metadata, in one copy that hides behind the sampling of the last step."""
        device = self.device
        prepare_inputs(plan, slot.metadata_view)
        if "small-copies" in plan.due:
            self.wait_for_last_tokens(plan)
            self.planted.upload_metadata(self.runner.metadata, slot.metadata, plan.batch)
            return
        cuda.call("cuStreamWaitEvent", device.copy, self.forward_done, 0)
        cuda.call("cuMemcpyHtoDAsync", self.runner.metadata, slot.metadata, METADATA_BYTES,
                  device.copy)
        cuda.call("cuEventRecord", self.metadata_ready, device.copy)
        cuda.call("cuStreamWaitEvent", device.compute, self.metadata_ready, 0)

    def wait_for_last_tokens(self, plan):
        """The GPU waits, not the thread."""
        last = self.slots[(plan.step - 1) % SLOTS]
        cuda.call("cuStreamWaitEvent", self.device.compute, last.tokens_ready, 0)

    def execute(self, plan):
        """The forward pass, once the last tokens are there."""
        self.wait_for_last_tokens(plan)
        self.runner.execute_model(plan)
        cuda.call("cuEventRecord", self.forward_done, self.device.compute)

    def sample(self, plan, slot):
        """Tokens on the sampling stream, and their way to the host."""
        stream = self.device.sampling
        cuda.call("cuStreamWaitEvent", stream, self.forward_done, 0)
        self.sampler(self.runner.logits, self.runner.tokens, self.runner.metadata, plan.batch)
        cuda.call("cuMemcpyDtoHAsync", slot.tokens, self.runner.tokens, plan.batch * 4, stream)
        cuda.call("cuEventRecord", slot.tokens_ready, stream)

    def after_step(self, plan, slot):
        """Waits here only where that is planted."""
        if "sync-readback" in plan.due:
            with self.planted.on_record("sync-readback", "cuStreamSynchronize"):
                cuda.call("cuStreamSynchronize", self.device.sampling)
                host_work(READBACK_NS)
        if "polling" in plan.due:
            with self.planted.on_record("polling", "cuEventQuery"):
                while cuda.attempt("cuEventQuery", slot.tokens_ready) == cuda.NOT_READY:
                    host_work(2000)

    def run_detokenizer(self):
        """The thread that waits for tokens."""
        self.device.use()
        for plan, slot in iter(self.outputs.get, None):
            cuda.call("cuEventSynchronize", slot.tokens_ready)
            self.process_outputs(plan, slot)
            self.steps += 1
            self.allowed.release()

    def process_outputs(self, plan, slot):
        """Tokens to text, text to the streams."""
        for index, (request, _, _, has_output, is_last) in enumerate(plan.items):
            if not has_output:
                continue
            self.tokens += 1
            if request.stream:
                request.stream(detokenize(slot.tokens_view[index]), is_last)

    def close(self):
        """Gives the device back."""
        self.device.use()
        cuda.call("cuCtxSynchronize")
        for slot in self.slots:
            cuda.call("cuEventDestroy", slot.tokens_ready)
            cuda.call("cuMemFreeHost", slot.metadata)
            cuda.call("cuMemFreeHost", slot.tokens)
        self.planted.close()
        self.runner.close()
        self.device.close()


def detokenize(token):
    """A byte-level stand-in for a vocabulary."""
    text, token = "", token % VOCABULARY
    while token or not text:
        token, letter = divmod(token, 26)
        text += chr(ord("a") + letter)
    return text + " "
