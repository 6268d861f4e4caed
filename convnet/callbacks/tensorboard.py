"""What a training did, for TensorBoard to show."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any, ClassVar

from convnet.callbacks.base import Callback, Logs
from convnet.utils import check_flag, list_arguments, refuse
from kernels import checks

# Keras's arguments with values that mean what is done here: no images, embeddings or profile
_OFF = {
    "write_images": False, "write_steps_per_second": False, "profile_batch": 0,
    "embeddings_freq": 0,
}  # fmt: skip


class TensorBoard(Callback):
    """Write metrics, and histograms of the parameters, with the tensorboard package (extra `tensorboard`).

    log_dir         the folder, with `train` and `validation` in it: `tensorboard --logdir logs` shows it
    histogram_freq  epochs between histograms; 0: none
    write_graph     write the table of layers, model.summary(), as the text `model`
    update_freq     "epoch", "batch", or the number of batches between metrics of the epoch so far

    The tags are Keras's: epoch_loss, epoch_accuracy, batch_loss, evaluation_loss_vs_iterations, kernel/histogram.
    """

    writes_files: ClassVar[bool] = True

    kept: ClassVar[tuple[str, ...]] = ("_trained",)

    def __init__(
        self,
        log_dir: str | Path = "logs",
        histogram_freq: int = 0,
        write_graph: bool = True,
        *,
        update_freq: Any = "epoch",
        **unknown: Any,
    ) -> None:
        refuse("TensorBoard", unknown, list_arguments(TensorBoard.__init__), _OFF)
        self.log_dir = Path(log_dir)
        self.histogram_freq = checks.integer("TensorBoard", "histogram_freq", histogram_freq, 0)
        whole = 1 if update_freq == "batch" else update_freq
        self.update_freq = "epoch" if whole == "epoch" else checks.integer("TensorBoard", "update_freq", whole)
        self.write_graph = check_flag("TensorBoard", "write_graph", write_graph)
        self._writers: dict[str, Any] = {}
        self._trained = 0  # batches
        self._training = False
        _tensorboard()  # says at once if it is missing

    def on_train_begin(self, logs: Logs | None = None) -> None:
        """Start counting batches."""
        self._trained, self._training = 0, True
        if self.write_graph and self.model.input_shape is not None:
            from tensorboard.plugins.text.summary_v2 import text_pb

            lines: list[str] = []
            self.model.summary(print_fn=lines.append)
            self._add("train", text_pb("model", "```\n" + "\n".join(lines) + "\n```"), 0)

    def on_train_batch_end(self, batch: int, logs: Logs | None = None) -> None:
        """Write the metrics of the epoch so far, if they are due."""
        self._trained += 1
        if isinstance(self.update_freq, int) and self._trained % self.update_freq == 0:
            self._write("train", {f"batch_{name}": value for name, value in (logs or {}).items()}, self._trained)

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        """Write the epoch's metrics, the learning rate, and histograms if they are due."""
        logs = logs or {}
        train = {f"epoch_{name}": v for name, v in logs.items() if not name.startswith("val_")}
        train.setdefault("epoch_learning_rate", self.model.optimizer.learning_rate)
        held = {f"epoch_{name.removeprefix('val_')}": v for name, v in logs.items() if name.startswith("val_")}
        self._write("train", train, epoch)
        if held:
            self._write("validation", held, epoch)
        if self.histogram_freq and epoch % self.histogram_freq == 0:
            self._write_histograms(epoch)

    def on_test_end(self, logs: Logs | None = None) -> None:
        """Write what `evaluate`, or a validation, measured, by the number of training steps."""
        steps = self.model.optimizer.iterations
        found = {f"evaluation_{name}_vs_iterations": value for name, value in (logs or {}).items()}
        self._write("validation", found, steps)
        if not self._training:
            self._close()

    def on_train_end(self, logs: Logs | None = None) -> None:
        """Close the files."""
        self._training = False
        self._close()

    def _write(self, folder: str, values: dict[str, Any], step: int) -> None:
        scalar_pb = _tensorboard()[1]
        for tag, value in values.items():
            self._add(folder, scalar_pb(tag, float(value)), step)

    def _write_histograms(self, epoch: int) -> None:
        histogram_pb = _tensorboard()[2]
        with self.model.reading():
            for parameter in self.model.parameters:
                self._add("train", histogram_pb(f"{parameter.name}/histogram", parameter.value.copy()), epoch)

    def _add(self, folder: str, summary: Any, step: int) -> None:
        writer_class, event_class = _tensorboard()[0], _tensorboard()[3]
        if folder not in self._writers:
            self._writers[folder] = writer_class(str(self.log_dir / folder))
        self._writers[folder].add_event(event_class(wall_time=time.time(), step=step, summary=summary))

    def _close(self) -> None:
        for writer in self._writers.values():
            writer.close()
        self._writers = {}


def _tensorboard() -> tuple[Any, Any, Any, Any]:
    """Return tensorboard's writer, its scalars, its histograms and its events; ImportError that says what to do."""
    try:
        from tensorboard.compat.proto.event_pb2 import Event
        from tensorboard.plugins.histogram.summary_v2 import histogram_pb
        from tensorboard.plugins.scalar.summary_v2 import scalar_pb
        from tensorboard.summary.writer.event_file_writer import EventFileWriter
    except ImportError as error:
        raise ImportError(
            "TensorBoard needs the tensorboard package: pip install 'formula-convnet[tensorboard]'"
        ) from error
    return EventFileWriter, scalar_pb, histogram_pb, Event
