"""The tasks that a network is trained for, by name."""

from __future__ import annotations

from convnet.study.tasks.base import Asked, Task
from convnet.study.tasks.classes import Classes
from convnet.study.tasks.multilabel import MultiLabel
from convnet.study.tasks.ordinal import Ordinal
from convnet.study.tasks.regression import Regression

__all__ = ["TASKS", "Asked", "Task"]

TASKS: dict[str, Task] = {task.name: task for task in (Classes(), MultiLabel(), Ordinal(), Regression())}
