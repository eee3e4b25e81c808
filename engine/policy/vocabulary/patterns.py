"""Regular expressions over what senders wrote: an engine whose time grows with the text alone.

Law: no text and no pattern can make a decision slow (Python's own `re` can be made to need
exponential time); a pattern that the engine does not know is refused when the site is read.
"""

from __future__ import annotations

from collections.abc import Callable

import re2


class BadPattern(ValueError):  # noqa: N818  a value that is wrong, told to whoever wrote it
    """The pattern cannot be used; the text says why."""


def whole_match(pattern: str) -> Callable[[str], bool]:
    """Whether a text matches `pattern` from its first character to its last.

    `.` matches line ends too: a line end in a comment must hide nothing from a rule. Raises
    `BadPattern`.
    """
    options = re2.Options()
    options.log_errors = False
    options.dot_nl = True
    options.never_capture = True  # nobody asks what a group held
    try:
        compiled = re2.compile(pattern, options)
    except re2.error as error:
        reason = error.args[0] if error.args else b""
        raise BadPattern(reason.decode("utf-8", "replace")) from error
    except UnicodeEncodeError as error:
        raise BadPattern("it is no text") from error
    fullmatch = compiled.fullmatch
    return lambda text: fullmatch(text) is not None
