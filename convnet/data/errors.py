"""The two ways in which data can be refused: one file (DicomError), or a whole cohort (CohortError)."""

from convnet.data.pseudonyms import shown


class DicomError(ValueError):
    """One file cannot be used. One line: the path and the reason; never a patient's name or number.

    `path` and `reason` hold the two parts.
    """

    def __init__(self, path: object, reason: str) -> None:
        self.path = shown(path)
        self.reason = " ".join(reason.split())
        super().__init__(f"{self.path}: {self.reason}")


class CohortError(ValueError):
    """A folder, a table of labels or an .npz file cannot be used as a cohort. The text says what to do."""


class FrameError(DicomError):
    """One frame cannot be used; the file's other frames may be sound. Its number stands in the reason."""

    def __init__(self, path: object, reason: str, frame: int, frames: int) -> None:
        self.frame = frame
        super().__init__(path, f"frame {frame} of {frames}, counted from 0: {reason}" if frames > 1 else reason)
