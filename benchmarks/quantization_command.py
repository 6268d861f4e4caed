"""`quantization`: what 8 bits cost in accuracy: a network trained, quantized, and both measured on images held out."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from benchmarks import machine, recipe_command
from benchmarks.tables import Table


def run(source: str, network: str, epochs: int | None, seed: int) -> tuple[dict[str, Any], list[Table]]:
    """source: an .npz file, or the word `digits`; epochs: at most, None for the recipe's own."""
    from convnet.evaluation.intervals import format_interval
    from convnet.quantization import quantize
    from convnet.study.quantized import calibration_images, compare
    from convnet.study.train import train

    data = recipe_command.load(source)
    changes = {} if epochs is None else {"epochs": epochs}
    model = train(data, network=network, seed=seed, verbose=0, **changes).model
    made = quantize(model, calibration_images(data, 512))
    found = compare(model, made, data)
    with TemporaryDirectory() as folder:
        paths = [Path(folder) / f"{name}.safetensors" for name in ("float32", "int8")]
        for path, one in zip(paths, (model, made), strict=True):
            one.metadata = {}  # the record of the training is the same, and no part of the network
            one.save(path, include_optimizer=False)
        large, small = (path.stat().st_size for path in paths)
    name = Path(source).stem
    title = f"{name}, {network}: {found['n']} test images, 95 % intervals by bootstrap"
    table = Table(title, ["", "float32", "8 bits", "difference"], words=1)
    for metric in found["first"]:
        table.add(metric, *(format_interval(found[which][metric]) for which in ("first", "second", "difference")))
    table.add("bytes", f"{large:,}", f"{small:,}", f"{small / large:.3f}")
    same, apart = found["same_class"], found["largest_difference"]
    table.notes.append(f"the same class for {same:.1%} of the images; outputs differ by {apart:.4f} at most")
    document = {"source": name, "network": network, "seed": seed, "bytes": [large, small], **found}
    return {**document, "machine": machine.describe()}, [table]
