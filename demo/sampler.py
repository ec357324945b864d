# SPDX-License-Identifier: Apache-2.0
"""From logits to tokens: penalties and temperature, top-k, top-p, draw."""
import cuda
from nn import SAMPLING_PARAMS, VOCABULARY, Module


class Sampler(Module):
    """Runs on a stream of its own."""

    def forward(self, logits, tokens, metadata, batch):
        params = cuda.pack(SAMPLING_PARAMS, metadata, 1, 0, batch, VOCABULARY, 0, 0)
        self.apply_penalties(logits, params)
        self.apply_top_k_top_p(logits, params)
        self.random_sample(logits, tokens, params)

    def process(self, name, logits, params):
        """One kernel that changes the logits."""
        self.device.launch(name, [cuda.c_uint64(logits), params], stream=self.device.sampling)

    def apply_penalties(self, logits, params):
        """Repetition penalty and temperature."""
        self.process("penalty", logits, params)

    def apply_top_k_top_p(self, logits, params):
        """Cuts the distribution."""
        self.process("top_k", logits, params)
        self.process("top_p", logits, params)

    def random_sample(self, logits, tokens, params):
        """Draws."""
        self.device.launch("sample", [cuda.c_uint64(logits), cuda.c_uint64(tokens), params],
                           stream=self.device.sampling)
