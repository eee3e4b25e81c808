"""A child process ends with the one that started it, however that ended.

Law: no two generations of an engine work at once because one was killed. Where the kernel can see
to it (Linux, prctl(2) PR_SET_PDEATHSIG), even a child that is busy ends; elsewhere a child ends
when it next reads its control channel.
"""

from __future__ import annotations

import ctypes
import os
import signal
import sys

_PR_SET_PDEATHSIG = 1


def end_with(parent: int) -> None:
    """Have this process killed when `parent`, which started it, ends; at once if it has ended.

    Call it before anything is begun. Without prctl(2) it does nothing.
    """
    if not sys.platform.startswith("linux"):
        return
    try:
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, int(signal.SIGKILL), 0, 0, 0)
    except (OSError, AttributeError):
        return
    if os.getppid() != parent:  # it ended before the kernel was asked
        os.kill(os.getpid(), signal.SIGKILL)
