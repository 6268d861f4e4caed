"""TensorFlow's side of `listing`: tf.keras as the listing uses it."""

from benchmarks.keras_like import KerasLike
from benchmarks.protocol import serve


def make() -> KerasLike:
    import tensorflow as tf

    peer = KerasLike(tf.keras, tf.constant)
    peer.version = tf.__version__
    return peer


if __name__ == "__main__":
    serve(make)
