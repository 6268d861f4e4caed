"""PyTorch's DistributedDataParallel with gloo on the listing: a process of `distributed`. Needs PyTorch alone."""

from __future__ import annotations

import json
import os
import sys
import time

BATCH_ROUNDS = 7


def main(rank: int, size: int, batch: int, steps: int, threads: int) -> None:
    """Train on batch / size images a step, and print the seconds of a step."""
    import torch
    from torch import nn
    from torch.nn.parallel import DistributedDataParallel

    torch.set_num_threads(threads)
    torch.distributed.init_process_group("gloo", rank=rank, world_size=size)
    torch.manual_seed(0)
    body = [nn.Conv2d(1, 32, 3), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(32, 64, 3), nn.ReLU(), nn.MaxPool2d(2)]
    tail = [nn.Flatten(), nn.Linear(1600, 128), nn.ReLU(), nn.Linear(128, 10)]
    model = nn.Sequential(*body, *tail).to(memory_format=torch.channels_last)
    model = DistributedDataParallel(model)
    optimizer, loss = torch.optim.Adam(model.parameters(), fused=True), nn.CrossEntropyLoss()
    share = batch // size
    x = torch.rand(share * steps, 1, 28, 28).to(memory_format=torch.channels_last)
    y = torch.randint(0, 10, (share * steps,))
    samples = []
    for _ in range(BATCH_ROUNDS + 1):
        start = time.perf_counter()
        for step in range(steps):
            part = slice(step * share, (step + 1) * share)
            optimizer.zero_grad(set_to_none=True)
            loss(model(x[part]), y[part]).backward()
            optimizer.step()
        samples.append((time.perf_counter() - start) / steps)
    if rank == 0:
        print(json.dumps({"seconds": samples[1:], "version": torch.__version__}))
    torch.distributed.destroy_process_group()


if __name__ == "__main__":
    os.environ.setdefault("MASTER_ADDR", "127.0.0.1")
    main(*map(int, sys.argv[1:6]))
