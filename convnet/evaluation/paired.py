"""Two models on the same images: DeLong's test of the areas, and the paired bootstrap of the other figures."""

from __future__ import annotations

from typing import Any

import numpy as np

from convnet.evaluation import delong
from convnet.evaluation.intervals import figures, intervals, shown


def paired(y: np.ndarray, a: np.ndarray, b: np.ndarray, classes: tuple[str, ...], groups: np.ndarray) -> dict[str, Any]:
    """figures of both models (`first`, `second`) and of their `difference`, all with intervals on the same resamples of
    patients; `delong`: for each class against the rest (for two classes once). Probabilities a, b (N,C).
    """
    one, two = figures(y, a), figures(y, b)
    flat = {f"first {n}": f for n, f in one.items()} | {f"second {n}": f for n, f in two.items()}
    flat |= {f"difference {n}": _minus(one[n], two[n]) for n in one}
    found = intervals(flat, groups)
    out: dict[str, Any] = {kind: {n: found[f"{kind} {n}"] for n in one} for kind in ("first", "second", "difference")}
    tested = (1,) if len(classes) == 2 else range(len(classes))
    present = [c for c in tested if 0 < np.sum(y == c) < len(y)]
    tests = {classes[c]: delong.compare(y == c, a[:, c], b[:, c], groups) for c in present}
    return {"n": len(y), "patients": len(np.unique(groups)), **out, "delong": tests}


def _minus(f: Any, g: Any) -> Any:
    return lambda w: f(w) - g(w)


def lines(found: dict[str, Any]) -> list[str]:
    """The comparison as text for a terminal."""
    out = [f"{found['n']} images of {found['patients']} patients; 95 % intervals by bootstrap over patients"]
    for name in found["first"]:
        out.append(
            f"{name}: first {shown(found['first'][name])}, second {shown(found['second'][name])}, "
            f"difference {shown(found['difference'][name])}"
        )
    for name, test in found["delong"].items():
        if test["p"] is None:
            out.append(f"AUC for '{name}': the two rank all images alike; there is nothing to test")
            continue
        out.append(
            f"AUC for '{name}': {test['auc'][0]:.4f} and {test['auc'][1]:.4f}, difference {test['difference']:.4f} "
            f"({test['low']:.4f} to {test['high']:.4f}), DeLong's z {test['z']:.3f}, p {test['p']:.4f}"
        )
    return out
