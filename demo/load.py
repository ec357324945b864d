# SPDX-License-Identifier: Apache-2.0
"""The load: requests of seeded sizes that arrive at seeded times."""
import math
import threading
import time
from collections import deque

BURST_REQUESTS, COHORT_REQUESTS, SILENCE_S = 6, 16, 0.06
MASK = 2 ** 64 - 1


class Request:
    """A prompt and how many tokens are wanted."""

    def __init__(self, number, prompt_tokens, output_tokens):
        self.number, self.prompt_tokens, self.output_tokens = number, prompt_tokens, output_tokens
        self.computed = self.generated = 0
        self.blocks = []
        self.stream = None      # where the front end wants its tokens

    @property
    def known(self):
        """Tokens of the prompt and of the answer so far."""
        return self.prompt_tokens + self.generated

    @property
    def is_decoding(self):
        """Only the last token is not in the cache."""
        return self.generated > 0 and self.known - self.computed == 1


class Load:
    """Makes requests and holds those that wait; the C server makes the same sequence."""

    def __init__(self, options, plants):
        self.options, self.plants = options, plants
        self.state, self.next_arrival_s, self.count, self.open = options.seed, 0.0, 0, 0
        self.waiting = deque()
        self.lock = threading.Lock()

    def random_unit(self):
        """splitmix64."""
        self.state = self.state + 0x9e3779b97f4a7c15 & MASK
        z = self.state
        z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9 & MASK
        z = (z ^ z >> 27) * 0x94d049bb133111eb & MASK
        z ^= z >> 31
        return ((z >> 11) + 1) / 9007199254740994.0

    def random_between(self, low, high):
        """Both ends included."""
        return low + int(self.random_unit() * (high - low + 1))

    def create(self):
        """The next request of the sequence."""
        self.count += 1
        prompt, output = self.random_between(64, 700), self.random_between(60, 240)
        if "long-prefill" in self.plants:
            prompt = self.random_between(1200, 2000)
        if "request-gaps" in self.plants:
            output = self.random_between(12, 20)
        if "shrinking-batch" in self.plants:
            output = 20 + int(-60 * math.log(self.random_unit()))
        return Request(self.count, prompt, output)

    def submit(self, request):
        """Puts a request into the queue."""
        with self.lock:
            self.waiting.append(request)
            self.open += 1

    def take(self):
        """The longest waiting request, or None."""
        with self.lock:
            return self.waiting.popleft() if self.waiting else None

    def put_back(self, request):
        """A preempted request goes first."""
        with self.lock:
            self.waiting.appendleft(request)

    def finish(self):
        """A request has all its tokens."""
        with self.lock:
            self.open -= 1

    @property
    def is_in_batches(self):
        """No arrivals one by one."""
        return "request-gaps" in self.plants or "shrinking-batch" in self.plants

    def first(self):
        """What is there at the start: a server that has been up for a while."""
        if self.is_in_batches:
            return []
        return [self.create() for _ in range(self.options.concurrency // 2)]

    def arrived(self, time_s):
        """Requests that have arrived by then, counted from the start."""
        while not self.is_in_batches and self.next_arrival_s <= time_s:
            if self.open < self.options.concurrency:
                yield self.create()
            self.next_arrival_s -= math.log(self.random_unit()) / self.options.rate

    def refill(self):
        """When all requests are done: the next burst or cohort, where the plants ask for that."""
        if self.open:
            return []
        if "request-gaps" in self.plants:
            if self.count:
                begin_ns = time.monotonic_ns()
                time.sleep(SILENCE_S)
                self.plants.record("request-gaps", begin_ns, "no requests")
            return [self.create() for _ in range(BURST_REQUESTS)]
        if "shrinking-batch" in self.plants:
            return [self.create() for _ in range(COHORT_REQUESTS)]
        if self.options.steps:
            return list(self.arrived(self.next_arrival_s))
        return []
