"""Looking inside a model: what it is made of and what it costs, and the lesson: every number of it on one page."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from convnet.explain.lessons import Lesson, lesson

__all__ = ["Lesson", "lesson"]


def __getattr__(name: str) -> Any:
    if name in __all__:
        from convnet.explain import lessons

        return getattr(lessons, name)
    raise AttributeError(f"module 'convnet.explain' has no attribute {name!r}")
