"""Callbacks of `fit`, `evaluate` and `predict`, with Keras's names and meanings."""

from convnet.callbacks.backup import BackupAndRestore, BackupError
from convnet.callbacks.base import Callback, CallbackList, Logs
from convnet.callbacks.functions import LambdaCallback, LearningRateScheduler
from convnet.callbacks.monitors import EarlyStopping, ModelCheckpoint, ReduceLROnPlateau, TerminateOnNaN
from convnet.callbacks.records import RECORD, CSVLogger, History, Recorder
from convnet.callbacks.tensorboard import TensorBoard
from convnet.utils import name_what_exists

__all__ = [
    "RECORD",
    "BackupAndRestore",
    "BackupError",
    "CSVLogger",
    "Callback",
    "CallbackList",
    "EarlyStopping",
    "History",
    "LambdaCallback",
    "LearningRateScheduler",
    "Logs",
    "ModelCheckpoint",
    "Recorder",
    "ReduceLROnPlateau",
    "TensorBoard",
    "TerminateOnNaN",
]
_INNER = ("RECORD", "BackupError", "CallbackList", "Logs")
__getattr__ = name_what_exists(
    "convnet.callbacks", [n for n in __all__ if n not in ("RECORD", "BackupError", "CallbackList", "Logs")]
)
