"""As which codes a coded value may be meant: what is written, and what it must mean.

Law: a code that the system it names cannot have is of no known system, and so may be of any
(standards.md A-0.3, C-0): an ICD-10 code that a feed still calls ICD-9, a LOINC number that it
calls CPT. A modifier is no part of a procedure's code, nor are further subcomponents or the marks
of formatted text part of any.
"""

from __future__ import annotations

import re
from functools import lru_cache
from unicodedata import category, normalize

from engine.hl7.wire import Delimiters
from engine.policy.vocabulary.codesets import canonical_system

#: What codes of a system look like; those of others are not told by their looks.
_SHAPES = {
    "I10C": re.compile(r"[A-Z][0-9][0-9A-Z](?:\.?[0-9A-Z]{0,4})[+*]?"),
    "I9C": re.compile(r"(?:[0-9]{3}|V[0-9]{2})\.?[0-9]{0,2}|E[0-9]{3}\.?[0-9]?"),
    "I10P": re.compile(r"[0-9A-Z]{7}"),
    "I9CP": re.compile(r"[0-9]{2}\.?[0-9]{0,2}"),
    "LN": re.compile(r"[A-Z]{0,2}[0-9]{1,7}-[0-9]"),
    "C4": re.compile(r"[0-9A-Z][0-9]{3}[0-9A-Z]"),
    "SCT": re.compile(r"[0-9]{6,18}"),
    "NDC": re.compile(r"[0-9*-]{9,14}"),
    "RXNORM": re.compile(r"[0-9]{1,9}"),
    "CVX": re.compile(r"[0-9]{1,4}"),
    "MSDRG": re.compile(r"[0-9]{1,3}"),
}

_MODIFIED = re.compile(r"([0-9A-Z][0-9]{3}[0-9A-Z])[ :.-]?[0-9A-Z]{2}(?:[ :.,-]?[0-9A-Z]{2}){0,3}")
_MODIFIED_PLAINLY = re.compile(r"([0-9]{5})[ :-][0-9A-Z]{2}")


def readings(system: str, code: str, delimiters: Delimiters) -> list[tuple[str, str]]:
    """(system, code) as it is written, and as it may be meant besides."""
    is_plain = code.isascii() and code.isalnum()
    text = code if is_plain else _bare(code, delimiters)
    found = [(system, code)]
    if text != code:
        found.append((system, text))
    text, name = text.strip().upper(), canonical_system(system)
    modified = (_MODIFIED if name == "C4" else _MODIFIED_PLAINLY).fullmatch(text)
    shape = _SHAPES.get(name)
    if modified and (name == "C4" or shape is None):
        found.append((system, modified[1]))
    elif shape is not None and shape.fullmatch(text) is None:
        found.append(("", text))
    return found


def _bare(code: str, delimiters: Delimiters) -> str:
    """A code without further subcomponents, marks of formatted text, and forms of characters.

    Of the last are full-width letters and digits, and what nobody sees (Unicode, Cf).
    """
    if not code.isascii():
        code = "".join(one for one in normalize("NFKC", code) if category(one) != "Cf")
    subcomponent, escape = _characters(delimiters)
    if escape and escape in code:
        code = _marks(escape).sub("", code)
    return code.split(subcomponent)[0] if subcomponent and subcomponent in code else code


@lru_cache(maxsize=64)
def _characters(delimiters: Delimiters) -> tuple[str, str]:
    return delimiters.subcomponent.decode("latin-1"), delimiters.escape.decode("latin-1")


@lru_cache(maxsize=64)
def _marks(escape: str) -> re.Pattern[str]:
    """Highlighting and formatting (HL7 2.9.1 §2.7)."""
    mark = re.escape(escape)
    return re.compile(rf"{mark}(?:[HN]|\.[a-z]{{2}}[^{mark}]*){mark}")
