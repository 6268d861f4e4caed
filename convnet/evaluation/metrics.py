"""Metrics of labels and probabilities; every sensitivity names its class."""

from __future__ import annotations

from typing import Any

import numpy as np

from convnet.notice import NOTICE


def measure(y: np.ndarray, probabilities: np.ndarray, classes: tuple[str, ...], positive: str | None) -> dict[str, Any]:
    """Return accuracy, auc, n, confusion (rows: true class, columns: predicted), and the sensitivity of each class.

    The prediction is the most probable class. auc is the area under the ROC curve; for more than two classes the
    mean of one-against-the-rest; None where a class is missing. With `positive` (two classes) also sensitivity and
    specificity of that class.
    """
    from sklearn.metrics import confusion_matrix

    predicted = probabilities.argmax(axis=1)
    confusion = confusion_matrix(y, predicted, labels=range(len(classes)))
    totals = confusion.sum(axis=1)
    result: dict[str, Any] = {
        "accuracy": float(np.mean(predicted == y)),
        "auc": auc(y, probabilities),
        "n": len(y),
        "classes": list(classes),
        "confusion": confusion.tolist(),
        "sensitivity_by_class": {
            c: (float(confusion[i, i] / totals[i]) if totals[i] else None) for i, c in enumerate(classes)
        },
        "notice": NOTICE,
    }
    if positive is not None:
        one = positive_index(classes, positive)
        result["positive"] = positive
        result["sensitivity"] = result["sensitivity_by_class"][classes[one]]
        result["specificity"] = result["sensitivity_by_class"][classes[1 - one]]
    return result


def positive_index(classes: tuple[str, ...], positive: str) -> int:
    """Return the index of the class that the user calls positive. Raises ValueError if there is none."""
    if len(classes) != 2:
        raise ValueError(f"--positive needs a task of two classes; this one has {len(classes)}: {', '.join(classes)}")
    if positive not in classes:
        raise ValueError(f"--positive {positive!r}: choose one of the classes: {', '.join(classes)}")
    return classes.index(positive)


def only_answer(result: dict[str, Any]) -> str | None:
    """Return the class that was predicted for every image; None if there were several, or the task has no classes."""
    columns = np.array(result.get("confusion", [])).sum(axis=0)
    if result["n"] < 2 or np.count_nonzero(columns) != 1:
        return None
    return str(result["classes"][int(columns.argmax())])


def auc(y: np.ndarray, probabilities: np.ndarray) -> float | None:
    """Return the area under the ROC curve, the mean of one against the rest for more classes; None if undefined."""
    present = [c for c in range(probabilities.shape[1]) if 0 < np.count_nonzero(y == c) < len(y)]
    if len(present) < probabilities.shape[1]:
        return None
    if probabilities.shape[1] == 2:
        return area(y == 1, probabilities[:, 1])
    return float(np.mean([area(y == c, probabilities[:, c]) for c in present]))


def area(truth: np.ndarray, scores: np.ndarray) -> float:
    """Return the area under the ROC curve of scores for a yes/no truth."""
    from sklearn.metrics import roc_auc_score

    return float(roc_auc_score(truth, scores))


def lines(result: dict[str, Any]) -> list[str]:
    """Return the result as text for a terminal."""
    area = "not defined (a class is missing)" if result["auc"] is None else f"{result['auc']:.4f}"
    out = [f"images {result['n']}   accuracy {result['accuracy']:.4f}   AUC {area}"]
    for name, value in result["sensitivity_by_class"].items():
        out.append(f"sensitivity for class '{name}': " + ("no such image" if value is None else f"{value:.4f}"))
    if "positive" in result and result["sensitivity"] is not None and result["specificity"] is not None:
        out.append(
            f"positive class '{result['positive']}': sensitivity {result['sensitivity']:.4f}, "
            f"specificity {result['specificity']:.4f}"
        )
    width = max(len(c) for c in result["classes"])
    cell = max(width, 6)
    out.append("confusion (rows: truth, columns: prediction)")
    out.append(" " * (width + 2) + " ".join(c.rjust(cell) for c in result["classes"]))
    for name, row in zip(result["classes"], result["confusion"], strict=True):
        out.append(f"  {name.ljust(width)}" + " ".join(str(v).rjust(cell) for v in row))
    if "figures" in result:
        from convnet.evaluation import report

        out += report.lines(result)
    from convnet.evaluation.side_by_side import group_lines

    out += group_lines(result)
    return [*out, NOTICE]
