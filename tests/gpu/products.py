# SPDX-License-Identifier: Apache-2.0
"""Products of matrices, and what stands for them on the simulated device, where cuBLAS and cuDNN cannot
begin and nothing is computed: work of PyTorch's own with the same shapes."""
import os

import torch

SIMULATED = "GPUTRAIL_SIMULATED" in os.environ
if SIMULATED:
    torch.backends.cuda.enable_cudnn_sdp(False)


def square(a):
    return a * a if SIMULATED else a @ a


class Rows(torch.nn.Module):
    """Takes the place of torch.nn.Linear."""
    def __init__(self, inputs, outputs):
        super().__init__()
        self.weight = torch.nn.Parameter(torch.zeros(outputs))
        self.inputs = inputs

    def forward(self, x):
        return x.sum(-1, keepdim=True) * self.weight


Linear = Rows if SIMULATED else torch.nn.Linear
