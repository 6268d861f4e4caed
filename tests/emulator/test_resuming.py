"""A training on a device that was killed goes on from its backup, with the bits of an undisturbed one."""

import numpy as np

import convnet
from convnet import callbacks, layers, model_file
from convnet.layers.naming import numbered_anew
from convnet.utils import set_random_seed


class Killed(BaseException):
    """The end of a process."""


class Kill(callbacks.Callback):
    def __init__(self, after):
        self.after = after

    def on_train_batch_end(self, batch, logs=None):
        self.after -= 1
        if self.after == 0:
            raise Killed


def run(folder, kill=0):
    set_random_seed(1)
    with numbered_anew():
        dense = layers.Dense(3, activation="relu"), layers.Dropout(0.2), layers.Dense(2, activation="softmax")
        model = convnet.Sequential([layers.Input((4,)), *dense])
    model.compile("adam", "sparse_categorical_crossentropy", target="cuda-emulated")
    x, y = np.random.default_rng(0).random((12, 4), np.float32), np.arange(12) % 2
    try:
        backup = callbacks.BackupAndRestore(folder, save_freq=2)
        model.fit(x, y, batch_size=4, epochs=3, verbose=0, callbacks=[Kill(kill), backup])
    except Killed:
        return None
    return model_file.to_bytes(model)


def test_moments_and_parameters_come_back_to_the_device(tmp_path):
    wanted = run(tmp_path / "b")
    assert run(tmp_path / "b", kill=6) is None
    assert run(tmp_path / "b") == wanted
