"""Keras's files, put together by the format's description alone: JSON and HDF5 in a zip archive, nothing of ours."""

import io
import json
import zipfile

import h5py
import numpy as np

RNG = np.random.default_rng(7)


def layer(kind, name, module="keras.layers", **config):
    policy = {"module": "keras", "class_name": "DTypePolicy", "config": {"name": "float32"}, "registered_name": None}
    return {
        "module": module,
        "class_name": kind,
        "config": {"name": name, "trainable": True, "dtype": policy, **config},
        "registered_name": None,
    }


def initializer(kind):
    return {"module": "keras.initializers", "class_name": kind, "config": {}, "registered_name": None}


def given(*shape, name="start"):
    config = {"batch_shape": [None, *shape], "dtype": "float32", "sparse": False, "ragged": False, "name": name}
    return {"module": "keras.layers", "class_name": "InputLayer", "config": config, "registered_name": None}


def conv(name, filters, size=3, **more):
    settings = {"strides": [1, 1], "padding": "same", "data_format": "channels_last", "dilation_rate": [1, 1]}
    kernel = {"kernel_initializer": initializer("GlorotUniform"), "bias_initializer": initializer("Zeros")}
    nothing = dict.fromkeys(("kernel_regularizer", "bias_regularizer", "activity_regularizer", "kernel_constraint"))
    settings |= {"groups": 1, "activation": "relu", "use_bias": True} | kernel | nothing | more
    return layer("Conv2D", name, filters=filters, kernel_size=[size, size], **settings)


def dense(name, units, activation="linear", **more):
    settings = {"use_bias": True, "kernel_initializer": initializer("GlorotUniform"), "quantization_config": None}
    return layer("Dense", name, units=units, activation=activation, **settings, **more)


def sequential(name, *layers, **more):
    return {**layer("Sequential", name, "keras", layers=list(layers)), **more}


def tensor(name, call=0, output=0):
    return {"class_name": "__keras_tensor__", "config": {"shape": [], "keras_history": [name, call, output]}}


def called(entry, *calls, **kwargs):
    """An entry of a connected model: each call has the tensors, or the list of tensors, that it reads."""
    nodes = [{"args": list(c) if isinstance(c, tuple) else [c], "kwargs": kwargs} for c in calls]
    return {**entry, "name": entry["config"]["name"], "inbound_nodes": nodes}


def functional(name, layers, inputs, outputs):
    config = {"name": name, "trainable": True, "layers": layers, "input_layers": inputs, "output_layers": outputs}
    return {
        "module": "keras.src.models.functional",
        "class_name": "Functional",
        "config": config,
        "registered_name": "Functional",
        "build_config": {"input_shape": None},
    }


def weights_file(arrays):
    content = io.BytesIO()
    with h5py.File(content, "w") as file:
        for path, given in arrays.items():
            group = file.create_group(f"{path}/vars" if path else "vars")
            for number, array in enumerate(given):
                group[str(number)] = array
    return content.getvalue()


def keras_file(path, config, arrays, compression=zipfile.ZIP_STORED):
    with zipfile.ZipFile(path, "w", compression) as archive:
        archive.writestr("metadata.json", json.dumps({"keras_version": "3.15.1"}))
        archive.writestr("config.json", config if isinstance(config, str) else json.dumps(config))
        archive.writestr("model.weights.h5", arrays if isinstance(arrays, bytes) else weights_file(arrays))
    return path


def numbers(*shapes):
    return [RNG.standard_normal(shape).astype("f") for shape in shapes]
