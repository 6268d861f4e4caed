"""The same by torch.compile."""

from benchmarks.child_pytorch import Peer
from benchmarks.protocol import serve


class Compiled(Peer):
    """The network as torch.compile makes it."""

    compiled = True


if __name__ == "__main__":
    serve(Compiled)
