"""A peer in a Python of its own: it stays alive and answers requests, one line of JSON each way.

    parent: {"do": "train", "batch": 32, "steps": 50}      child: {"seconds": 0.0091}     (per step)
    parent: {"do": "image" | "predict", "calls": 100}      child: {"seconds": 0.0003}     (per call)
    parent: {"do": "memory"}                               child: {"bytes": 512000000}    (most resident so far)

The child's module gives a class Peer with methods of those names. Standard library only.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any


def serve(make: Any) -> None:
    """Answer requests until the parent closes the pipe. What libraries print goes to stderr."""
    answers = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)
    peer = make()
    print(json.dumps({"version": peer.version}), file=answers)
    for line in sys.stdin:
        request = json.loads(line)
        name = request.pop("do")
        result = {"bytes": peak_memory()} if name == "memory" else {"seconds": getattr(peer, name)(**request)}
        print(json.dumps(result), file=answers)


def peak_memory() -> int:
    """Bytes this process had resident at most.

    Linux: VmHWM, since ru_maxrss also remembers the parent that started us.
    """
    try:
        for line in Path("/proc/self/status").read_text().splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) * 1024
    except OSError:
        pass
    import resource

    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return most if sys.platform == "darwin" else most * 1024


def data(batch: int, steps: int) -> tuple[Any, Any]:
    """Random images (batch*steps,28,28,1) and labels, the same in every process."""
    import numpy as np

    rng = np.random.default_rng(0)
    x = rng.random((batch * steps, 28, 28, 1), np.float32)
    return x, rng.integers(0, 10, batch * steps)
