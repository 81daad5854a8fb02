"""Whether networks that train at once, their weights stacked, are faster than the same networks one after the other.

    python benchmarks/cohorts.py
    python benchmarks/cohorts.py --device cuda --sizes 1 4 16 64

A cohort is K networks of one architecture with different seeds, each with a batch of its own. `torch.func` stacks their
weights, so that K convolutions become one of K groups, and one optimiser steps all of them. The losses of the first
step are compared with those of the networks alone. Prints thousand series × time steps a second, over all networks, and
the ratio to the networks in turns; above 1 the cohort pays.

Contestants take turns, and the medians of `--repeats` are printed: processor time on one thread of the CPU, where other
programs may share the machine, and time on the wall on a GPU.
"""

import argparse
import copy
import os
import time
from collections.abc import Callable, Sequence

os.environ["OMP_NUM_THREADS"] = "1"  # read when the libraries are loaded

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.func import functional_call, stack_module_state

from headstart.networks import NETWORKS, build
from headstart.training.device import has_bfloat16

BATCH_SIZE = 16
N_CLASSES = 2
N_STEPS = 40_000  # series × time steps of a turn, at least

Step = Callable[[], Tensor]
"""Does one step of every network, and returns their losses (n_networks,)."""


def in_turns(networks: Sequence[nn.Module], x: Tensor, y: Tensor) -> Step:
    optimizers = [torch.optim.Adam(network.parameters(), fused=True) for network in networks]

    def step() -> Tensor:
        losses = []
        for network, optimizer, x_one, y_one in zip(networks, optimizers, x, y, strict=True):
            loss = F.cross_entropy(network(x_one).float(), y_one)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            losses.append(loss.detach())
        return torch.stack(losses)

    return step


def at_once(networks: Sequence[nn.Module], x: Tensor, y: Tensor) -> Step:
    weights, statistics = stack_module_state(list(networks))
    architecture = copy.deepcopy(networks[0]).to("meta")
    optimizer = torch.optim.Adam(weights.values(), fused=True)

    def loss_of_one(weights: dict, statistics: dict, x: Tensor, y: Tensor) -> Tensor:
        return F.cross_entropy(functional_call(architecture, (weights, statistics), (x,)).float(), y)

    def step() -> Tensor:
        losses = torch.vmap(loss_of_one)(weights, statistics, x, y)
        optimizer.zero_grad()
        losses.sum().backward()  # each weight has a part in the loss of its own network alone
        optimizer.step()
        return losses.detach()

    return step


def turn(make: Callable[..., Step], network: str, size: int, length: int, device: torch.device, bfloat16: bool):
    """Return the losses of the first step, and the rate of those after it."""
    networks = [build(network, 1, N_CLASSES, seed).to(device).train() for seed in range(size)]
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(size, BATCH_SIZE, 1, length, generator=generator).to(device)
    y = torch.randint(0, N_CLASSES, (size, BATCH_SIZE), generator=generator).to(device)
    step = make(networks, x, y)
    clock = time.perf_counter if device.type == "cuda" else time.process_time
    n_steps = max(2, N_STEPS // (size * BATCH_SIZE * length))
    with torch.autocast(device.type, torch.bfloat16, enabled=bfloat16):
        losses = step().cpu()
        start = clock()
        for _ in range(n_steps):
            last = step()
        last.cpu()  # waits for the GPU
    return losses, n_steps * size * BATCH_SIZE * length / (clock() - start)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--network", default="fcn", choices=list(NETWORKS))
    parser.add_argument("--sizes", type=int, nargs="+", default=[1, 4, 16], help="networks in a cohort")
    parser.add_argument("--lengths", type=int, nargs="+", default=[24, 150, 500])
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--device", default="cpu", choices=["cpu", "cuda"])
    options = parser.parse_args()
    torch.set_num_threads(1)
    device = torch.device(options.device)
    precisions = ["float32", "bfloat16"] if has_bfloat16(device) else ["float32"]
    name = torch.cuda.get_device_name() if device.type == "cuda" else torch.backends.cpu.get_cpu_capability()
    print(f"{options.network}, batches of {BATCH_SIZE}; torch {torch.__version__}, {name}")
    print(f"load average {os.getloadavg()[0]:.1f}")
    print("\n| precision | networks | length | in turns | at once | ratio |\n|---|--:|--:|--:|--:|--:|")
    for precision in precisions:
        for size in options.sizes:
            for length in options.lengths:
                setting = (options.network, size, length, device, precision == "bfloat16")
                rates: dict[Callable, list[float]] = {in_turns: [], at_once: []}
                for _ in range(options.repeats):
                    losses = {}
                    for make, several in rates.items():
                        losses[make], rate = turn(make, *setting)
                        several.append(rate)
                    if precision == "float32":
                        torch.testing.assert_close(losses[at_once], losses[in_turns], rtol=1e-3, atol=1e-4)
                alone, together = (float(np.median(several)) / 1e3 for several in rates.values())
                ratio = together / alone
                print(f"| {precision} | {size} | {length} | {alone:,.0f} | {together:,.0f} | {ratio:.2f} |", flush=True)


if __name__ == "__main__":
    main()
