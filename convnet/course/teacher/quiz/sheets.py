"""The quiz as pages to print, its key, and a file for Moodle."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from convnet.course.teacher.quiz.question import LETTERS, Question, say

Quiz = Mapping[str, Sequence[Question]]
SPECIAL = re.compile(r"([~=#{}:\\])")


def make_sheet(quiz: Quiz, seed: int) -> list[str]:
    """Return a page in Markdown for each session, with room for the answers."""
    return [
        f"# Quiz: {session}\n\nVersion {seed}. Name: ______________________________\n\n"
        + "\n\n".join(_ask(number, q) for number, q in enumerate(questions, 1))
        for session, questions in quiz.items()
    ]


def make_key(quiz: Quiz, seed: int) -> list[str]:
    """Return the answers to all sessions as one page in Markdown, with a line of why."""
    parts = [f"# Key, version {seed}\n\nThe numbers were computed by the kernels of formula-convnet."]
    for session, questions in quiz.items():
        rows = [f"| {n} | **{q.answer}** | {q.why} |" for n, q in enumerate(questions, 1)]
        parts.append("\n".join([f"## {session}\n", "| | answer | why |", "|---|---|---|", *rows]))
    return ["\n\n".join(parts)]


def plain(pages: Sequence[str]) -> str:
    """Return pages as one Markdown text, without lines to write on."""
    return "\n\n".join(re.sub(r"```lines\n\d+\n```\n*", "", page) for page in pages) + "\n"


def _ask(number: int, q: Question) -> str:
    options = "  \n".join(f"{letter}. {option}" for letter, option in zip(LETTERS, q.options, strict=False))
    room = f"\n\n{options}" if q.options else "\n\n```lines\n1\n```"
    return f"### Question {number}\n\n{q.ask}{room}\n\nAnswer: ________"


def make_gift(quiz: Quiz, seed: int) -> str:
    """Return the quiz in Moodle's text format GIFT, a category for each session."""
    parts = [f"// formula-convnet, version {seed}"]
    for session, questions in quiz.items():
        parts.append(f"$CATEGORY: $course$/formula-convnet/{session}")
        parts += [
            f"::{_shield(f'{session}, {n}')}::[markdown]{_shield(q.ask)} {_key(q)}" for n, q in enumerate(questions, 1)
        ]
    return "\n\n".join(parts) + "\n"


def _key(q: Question) -> str:
    why = f"#### {_shield(q.why)}"
    if not q.options:
        return f"{{#{say(q.key)}:{say(q.within)} {why}}}"
    options = (f"{'=' if n == int(q.key) else '~'}{_shield(option)}" for n, option in enumerate(q.options))
    return f"{{{' '.join(options)} {why}}}"


def _shield(text: str) -> str:
    """Return text with GIFT's own signs escaped, on one line."""
    return SPECIAL.sub(r"\\\1", text).replace("\n", "\\n")
