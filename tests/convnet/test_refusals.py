"""An argument that is not supported is an error that lists the ones that are: all of them, one by one."""

from inspect import signature

import numpy as np
import pytest

import convnet
from convnet.callbacks import ModelCheckpoint

X, Y = np.zeros((2, 3), np.float32), np.zeros((2, 1), np.float32)
# arguments that keep their place in Keras's order and are refused as soon as they are given
REFUSED = {"save_freq"}


def compiled():
    model = convnet.Sequential([convnet.layers.Dense(1)])
    model.compile("sgd", "mse")
    return model


CALLS = {
    "compile": (convnet.Model.compile, lambda **more: compiled().compile("sgd", "mse", **more)),
    "fit": (convnet.Model.fit, lambda **more: compiled().fit(X, Y, verbose=0, **more)),
    "evaluate": (convnet.Model.evaluate, lambda **more: compiled().evaluate(X, Y, verbose=0, **more)),
    "predict": (convnet.Model.predict, lambda **more: compiled().predict(X, **more)),
    "ModelCheckpoint": (ModelCheckpoint.__init__, lambda **more: ModelCheckpoint("m.safetensors", **more)),
}


@pytest.mark.parametrize("name", CALLS)
def test_the_supported_arguments_are_those_of_the_signature(name):
    function, call = CALLS[name]
    with pytest.raises(TypeError, match=f"{name}: workers not supported") as caught:
        call(workers=4)
    listed = str(caught.value).rsplit("supported: ", 1)[1].split(", ")
    known = [p.name for p in signature(function).parameters.values() if p.kind is not p.VAR_KEYWORD]
    assert [n for n in known if n in listed] == listed
    assert set(known) - set(listed) <= {"self", *REFUSED}
