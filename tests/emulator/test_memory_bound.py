"""Kernels that only wait for memory move each byte once, in whole sectors, 16 bytes a thread."""

import numpy as np
import pytest

pytest.importorskip("numba_cuda", reason="needs numba-cuda: pip install 'formula-convnet[cuda]' (no GPU needed)")

from kernels import (
    adagrad,
    adam,
    add,
    avgpool2d,
    batchnorm,
    device,
    dropout,
    globalavgpool,
    lion,
    mse,
    nadam,
    relu,
    rmsprop,
    sgd,
    sigmoid,
    targets,
)

N = 1 << 14


def ones(*shape):
    return targets.to_device(np.ones(shape, np.float32), "cuda-emulated")


a, b, c, d = (ones(N) for _ in range(4))
image, pooled, few, channels = ones(4, 16, 16, 64), ones(4, 8, 8, 64), ones(4, 64), ones(64)
on = {"variant": "cuda"}

# what is called, and the bytes that it has to move: each array read or written once, an optimizer's both
CALLS = {
    "relu forward": (lambda: relu.forward(a, **on), 2),
    "relu backward": (lambda: relu.backward(a, b, **on), 3),
    "sigmoid forward": (lambda: sigmoid.forward(a, **on), 2),
    "sigmoid backward": (lambda: sigmoid.backward(a, b, **on), 3),
    "add forward": (lambda: add.forward(a, b, **on), 3),
    "add backward": (lambda: add.backward(a, **on), 3),
    "dropout": (lambda: dropout.forward(a, 0.5, seed=1, **on), 2),
    "mse backward": (lambda: mse.backward(a, b, **on), 3),
    "sgd": (lambda: sgd.update(a, b, lr=0.1, **on), 3),
    "sgd with momentum": (lambda: sgd.update(a, b, c, lr=0.1, momentum=0.9, **on), 5),
    "rmsprop": (lambda: rmsprop.update(a, b, c, **on), 5),
    "rmsprop with momentum": (lambda: rmsprop.update(a, b, c, d, momentum=0.9, **on), 7),
    "avgpool2d forward": (lambda: avgpool2d.forward(image, 2, **on), 1.25 * 4),
    "avgpool2d backward": (lambda: avgpool2d.backward(pooled, image.shape, size=2, **on), 1.25 * 4),
    "adam": (lambda: adam.update(a, b, c, d, step=1, **on), 7),
    "nadam": (lambda: nadam.update(a, b, c, d, step=1, **on), 7),
    "adagrad": (lambda: adagrad.update(a, b, c, **on), 5),
    "lion": (lambda: lion.update(a, b, c, **on), 5),
}


@pytest.mark.parametrize("name", CALLS)
def test_each_byte_is_moved_once_by_requests_of_16_bytes_a_thread(name, monkeypatch):
    call, arrays = CALLS[name]
    reports = []
    monkeypatch.setattr(device, "on_report", [reports.append])
    call()
    (report,) = reports
    assert report.bytes == arrays * 4 * N
    assert report.efficiency == 1
    assert report.requests == arrays * 4 * N // (16 * 32)


SUMS = {
    "mse forward": lambda: mse.forward(a, b, **on),
    "globalavgpool forward": lambda: globalavgpool.forward(image, **on),
    "globalavgpool backward": lambda: globalavgpool.backward(few, image.shape, **on),
    "avgpool2d forward, overlapping": lambda: avgpool2d.forward(image, 3, stride=2, **on),
    "avgpool2d backward, overlapping": lambda: avgpool2d.backward(
        ones(4, 7, 7, 64), image.shape, size=3, stride=2, **on
    ),
    "batchnorm forward": lambda: batchnorm.forward(image, channels, channels, **on),
    "batchnorm inference": lambda: batchnorm.inference(image, channels, channels, channels, channels, **on),
    "batchnorm inference_backward": lambda: batchnorm.inference_backward(image, channels, channels, **on),
    "batchnorm backward": lambda: batchnorm.backward(image, image, channels, channels, channels, **on),
}


@pytest.mark.parametrize("name", SUMS)
def test_nine_tenths_of_every_sector_are_asked_for(name, monkeypatch):
    reports = []
    monkeypatch.setattr(device, "on_report", [reports.append])
    SUMS[name]()
    assert reports
    sectors, wanted = sum(r.sectors for r in reports), sum(r.bytes for r in reports)
    assert wanted >= 0.9 * 32 * sectors
