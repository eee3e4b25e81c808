r"""Escape sequences: undone to compare and show, made to write; forwarded text stays as it is.

Law: `unescape(escape(t)) == t` for every text, under any delimiters that include an escape
character; what is unknown or unterminated is kept (HL7 2.9.1 §2.7). The sequences `\F\`, `\S\`,
`\T\`, `\R\`, `\E\`, `\P\` and `\Xdd..\` are decoded. Highlighting (`\H\`, `\N\`), formatting
(`\.br\`), switches of the character set (`\Cxxyy\`, `\Mxxyyzz\`) and local sequences (`\Z..\`)
are no characters and are kept.
"""

from __future__ import annotations

import re
from functools import lru_cache

from engine.hl7.charset import Charset
from engine.hl7.wire import Delimiters

#: Characters that would end a segment or a frame; written as hexadecimal.
_BREAKS = {"\r": "X0D", "\n": "X0A", "\x0b": "X0B", "\x1c": "X1C"}


def unescape(text: str, delimiters: Delimiters, charset: Charset) -> str:
    """The text that `text` stands for. Hexadecimal bytes are read in the message's `charset`."""
    if not delimiters.escape:
        return text
    pattern, characters = _reading(delimiters)

    def replaced(match: re.Match[str]) -> str:
        name = match["name"]
        if name is None:
            return match[0]
        if name.startswith("X"):
            return charset.text(bytes.fromhex(name[1:]))
        return characters.get(name) or match[0]

    return pattern.sub(replaced, text)


def escape(text: str, delimiters: Delimiters) -> str:
    """`text` so that it can stand inside a field of a message with these delimiters.

    A message without an escape character cannot carry its delimiters or a line end as text; each
    becomes a space there.
    """
    return text.translate(_writing(delimiters))


@lru_cache(maxsize=64)
def _reading(delimiters: Delimiters) -> tuple[re.Pattern[str], dict[str, str]]:
    mark = re.escape(_character(delimiters.escape))
    sequence = (
        rf"{mark}(?:(?P<name>[FSTREP]|X(?:[0-9A-Fa-f]{{2}})+)"
        rf"|[HN]|\.[a-z][^{mark}]*|Z[^{mark}]*|C[0-9A-Fa-f]{{4}}|M[0-9A-Fa-f]{{4,6}}){mark}"
    )
    return re.compile(sequence), _named(delimiters)


@lru_cache(maxsize=64)
def _writing(delimiters: Delimiters) -> dict[int, str]:
    mark = _character(delimiters.escape)
    named = {char: name for name, char in _named(delimiters).items() if char} | _BREAKS
    return {ord(char): f"{mark}{name}{mark}" if mark else " " for char, name in named.items()}


def _named(delimiters: Delimiters) -> dict[str, str]:
    return {
        "F": _character(delimiters.field),
        "S": _character(delimiters.component),
        "T": _character(delimiters.subcomponent),
        "R": _character(delimiters.repetition),
        "E": _character(delimiters.escape),
        "P": _character(delimiters.truncation),
    }


def _character(delimiter: bytes) -> str:
    """The delimiter as text; a lone byte outside ASCII reads as Windows and Latin-1 agree."""
    try:
        return delimiter.decode("utf-8")
    except UnicodeDecodeError:
        return delimiter.decode("latin-1")
