"""Our own side in a process of its own: for the memory of a training run."""

from benchmarks.keras_like import KerasLike
from benchmarks.protocol import serve


def make() -> KerasLike:
    import convnet

    peer = KerasLike(convnet)
    peer.version = "this"
    return peer


if __name__ == "__main__":
    serve(make)
