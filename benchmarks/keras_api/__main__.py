"""python -m benchmarks.keras_api writes docs/reference/keras.md; `collect` asks the installed Keras for its names."""

import sys

from benchmarks.keras_api.collect import collect
from benchmarks.keras_api.page import write

if __name__ == "__main__":
    collect() if sys.argv[1:] == ["collect"] else write()
