"""All questions, session by session, with numbers that a seed draws."""

from __future__ import annotations

import zlib

import numpy as np

from convnet.course.teacher.quiz import formula, gpu, gradient, ladder, listing, network, own_kernel
from convnet.course.teacher.quiz.question import Question

SESSIONS = {
    "1 The formula": formula.QUESTIONS,
    "2 The gradient": gradient.QUESTIONS,
    "3 A network by the formulas": network.QUESTIONS,
    "4 The listing on medical images": listing.QUESTIONS,
    "5 The ladder": ladder.QUESTIONS,
    "6 The GPU, emulated": gpu.QUESTIONS,
    "7 Your own kernel": own_kernel.QUESTIONS,
}


def draw(seed: int) -> dict[str, list[Question]]:
    """Return the questions of each session; another seed, other numbers."""
    return {
        session: [ask(np.random.default_rng([seed, zlib.crc32(f"{session}/{ask.__name__}".encode())])) for ask in asked]
        for session, asked in SESSIONS.items()
    }
