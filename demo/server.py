#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The demo inference server in Python: an asyncio front end and an engine that serves a made-up
model on the CUDA driver. Only the standard library is needed."""
import argparse
import asyncio
import signal
import sys
import time

import nn
from cuda import NoDriver, open_driver
from engine import Engine
from load import Load
from plants import Plants

EXIT_NOTHING = 77


class Frontend:
    """One task per client; answers are streamed token by token."""

    def __init__(self, engine, load, options):
        self.engine, self.load, self.options = engine, load, options
        self.clients = set()
        self.characters = 0

    async def generate(self, request):
        """Streams the text of an answer."""
        loop, pieces = asyncio.get_running_loop(), asyncio.Queue()

        def from_detokenizer(text, is_last):
            loop.call_soon_threadsafe(pieces.put_nowait, (text, is_last))

        request.stream = from_detokenizer
        self.load.submit(request)
        is_last = False
        while not is_last:
            text, is_last = await pieces.get()
            yield text

    async def handle_client(self, request):
        """What a client does with its answer."""
        async for text in self.generate(request):
            self.characters += len(text)

    def connect(self, request):
        """A client has come."""
        task = asyncio.get_running_loop().create_task(self.handle_client(request))
        self.clients.add(task)
        task.add_done_callback(self.clients.discard)

    async def serve(self):
        """Until the time is over."""
        begin = time.monotonic()
        for request in self.load.first():
            self.connect(request)
        while not self.engine.is_stopping.is_set():
            elapsed = time.monotonic() - begin
            if elapsed > self.options.seconds:
                self.engine.is_stopping.set()
            for request in self.load.arrived(elapsed):
                self.connect(request)
            await asyncio.sleep(0.002)
        await asyncio.get_running_loop().run_in_executor(None, self.engine.join)
        for task in self.clients:
            task.cancel()
        await asyncio.gather(*self.clients, return_exceptions=True)


def read_options():
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=5)
    parser.add_argument("--steps", type=int, default=0)
    parser.add_argument("--plant", default="", metavar="CAUSE[:RATE],...")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--layers", type=int, default=16)
    parser.add_argument("--batch", type=int, default=16)
    parser.add_argument("--concurrency", type=int, default=24)
    parser.add_argument("--rate", type=float, default=60)
    parser.add_argument("--quiet", action="store_true")
    options = parser.parse_args()
    if not (0 < options.layers <= 128 and 0 < options.batch <= nn.BATCH_MAX and options.rate > 0
            and options.concurrency > 0 and options.steps >= 0):
        parser.error("a number is out of its range")
    return options


def serve(options, plants):
    """Opens the engine, serves, closes it."""
    load = Load(options, plants)
    engine = Engine(options, plants, load)
    signal.signal(signal.SIGTERM, lambda *_: engine.is_stopping.set())
    signal.signal(signal.SIGINT, lambda *_: engine.is_stopping.set())
    begin = time.monotonic()
    if options.steps:       # offline: nobody streams, everything depends on the seed only
        for request in load.first():
            load.submit(request)
    engine.start()
    if not options.steps:
        asyncio.run(Frontend(engine, load, options).serve())
    engine.join()
    if not options.quiet:
        runner, scheduler = engine.runner, engine.scheduler
        print(f"{engine.steps} steps ({runner.graph_steps} by graph, {runner.eager_steps} eager), "
              f"{scheduler.finished} requests, {engine.tokens} tokens, "
              f"{scheduler.preemptions} preempted, {engine.planted.failures} failed calls, "
              f"{time.monotonic() - begin:.2f} s")
    engine.close()


def main():
    """Returns the exit status."""
    options = read_options()
    try:
        plants = Plants(options.plant)
        nn.prepare_simulator(plants)
        open_driver()
    except ValueError as error:
        print(f"server: {error}", file=sys.stderr)
        return 2
    except NoDriver as error:
        print(f"server: {error}\ninstall one, or run on the simulated GPU: gputrail demo --python",
              file=sys.stderr)
        return EXIT_NOTHING
    serve(options, plants)
    plants.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
