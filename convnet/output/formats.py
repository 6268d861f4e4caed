"""The names of model files: one that promises another program's format is refused."""

from __future__ import annotations

from pathlib import Path

_OTHERS = {
    **dict.fromkeys((".keras", ".h5", ".hdf5"), "Keras"),
    ".onnx": "ONNX",
    **dict.fromkeys((".pt", ".pth"), "PyTorch"),
    **dict.fromkeys((".pb", ".tflite"), "TensorFlow"),
}


def check_path(filepath: str | Path, error: type[ValueError] = ValueError) -> Path:
    """Return a model file's path; ValueError for a name that promises another program's format."""
    path = Path(filepath)
    if path.suffix.lower() in _OTHERS:
        raise error(
            f"{path}: {_OTHERS[path.suffix.lower()]} files are neither written nor read; model files here end in "
            ".safetensors. Between this engine and Keras, carry the weights over: "
            "model.set_weights(keras_model.get_weights()), and the other way round"
        )
    return path
