"""Standard error that does not fail.

Law: a verdict, an acknowledgment and a delivery are the same whether or not anybody could be told
of them: where standard error is on a full disk, what is said there is lost, and nothing else.
"""

from __future__ import annotations

import io
import sys
from typing import Any


class _Lossy(io.FileIO):
    def write(self, data: Any, /) -> int:
        """All of it, or nothing, without a word; a reader that is gone is told as ever."""
        try:
            return super().write(data) or 0
        except BrokenPipeError:
            raise
        except OSError:
            return memoryview(data).nbytes


def forgive_standard_error() -> None:
    """Have `sys.stderr` lose what cannot be written; only where it is the process's own."""
    stream = sys.__stderr__
    if stream is None or sys.stderr is not stream:
        return
    lossy = _Lossy(stream.fileno(), "w", closefd=False)
    sys.stderr = io.TextIOWrapper(
        lossy,  # unbuffered, as with `python -u`
        encoding=stream.encoding,
        errors="backslashreplace",
        write_through=True,
    )
