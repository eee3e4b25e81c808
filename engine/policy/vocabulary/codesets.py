"""Code sets: named lists of codes of one coding system, and a fast answer to "is it in there?".

Law: codes are compared as systems mean them, not as feeds spell them: case and outer space are
ignored, ICD is compared undotted, and a coding system has many names (table 0396). A code whose
system is missing or local is in no set for certain, and may be in any: who withholds asks
`may_match`, who discloses asks `matches`.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable
from dataclasses import dataclass

#: Names that mean one coding system (table 0396, what feeds send, and OIDs), the first is ours.
#: CPT is level I of HCPCS and feeds name either; their codes never collide.
_SYSTEMS = (
    "I10C I10 ICD10 ICD10CM ICD-10 ICD-10-CM 2.16.840.1.113883.6.90 2.16.840.1.113883.6.3",
    "I10P ICD10PCS ICD-10-PCS 2.16.840.1.113883.6.4",
    "I9C I9 I9CDX ICD9 ICD9CM ICD-9 ICD-9-CM 2.16.840.1.113883.6.103",
    "I9CP ICD9PCS 2.16.840.1.113883.6.104",
    "LN LNC LOINC 2.16.840.1.113883.6.1",
    "C4 C5 CPT CPT4 CPT-4 HCPCS HCPC HPC 2.16.840.1.113883.6.12 2.16.840.1.113883.6.285",
    "SCT SCT2 SNM SNM3 SNOMED SNOMEDCT SNOMED-CT 2.16.840.1.113883.6.96",
    "NDC 2.16.840.1.113883.6.69",
    "RXNORM RXN 2.16.840.1.113883.6.88",
    "CVX 2.16.840.1.113883.12.292",
    "MSDRG MS-DRG CMSDRG CMS-DRG DRG HL70055 2.16.840.1.113883.6.301",
)
_CANONICAL = {name: names.split()[0] for names in _SYSTEMS for name in names.split()}
_ICD = frozenset({"I10C", "I10P", "I9C", "I9CP"})

#: The system of a set that names none: its codes count whatever system a message names.
ANY_SYSTEM = ""

#: "Local general code" (table 0396): it says that a system is local, and not which.
_SOME_LOCAL = "L"


@dataclass(frozen=True, slots=True)
class CodeSet:
    """A set as written. `system` `""`: of any. `label`: the sensitivity label that it adds to.

    `ranges` have both ends in; both ends have one length.
    """

    name: str
    system: str = ANY_SYSTEM
    codes: frozenset[str] = frozenset()
    prefixes: frozenset[str] = frozenset()
    ranges: frozenset[tuple[str, str]] = frozenset()
    label: str | None = None


def canonical_system(system: str) -> str:
    """One name for all names of a coding system; a name that nobody knows stays, in upper case."""
    name = system.strip().upper()
    return _CANONICAL.get(name, name)


def normal_code(system: str, code: str) -> str:
    """A code as it is compared within a canonical system."""
    text = code.strip().upper()
    if system in _ICD:
        return text.replace(".", "").rstrip("+*")  # dagger and asterisk are no part of the code
    return text


#: Where the identifiers of a coded value stand: one in each of its triplets.
IDENTIFIERS = (1, 4, 10)


def triplets(components: Iterable[str]) -> tuple[tuple[str, str], ...]:
    """(system, code) of a coded field's triplets: components 1-3, 4-6 and, from 2.7 on, 10-12."""
    parts = [*components, *[""] * 12]
    pairs = ((parts[at + 1], parts[at - 1]) for at in IDENTIFIERS)
    return tuple((system, code) for system, code in pairs if code)


class CodeIndex:
    """Some sets together, made ready to be asked often: which are of which system is settled."""

    __slots__ = ("_any", "_by_system")

    def __init__(self, sets: Iterable[CodeSet]) -> None:
        by_system: dict[str, list[CodeSet]] = {}
        for one in sets:
            by_system.setdefault(canonical_system(one.system), []).append(one)
        self._by_system = {name: _Codes(name, found) for name, found in by_system.items()}
        self._any = self._by_system.get(ANY_SYSTEM)

    def matches(self, system: str, code: str) -> bool:
        """Whether this code, of this system by any of its names, is in one of the sets."""
        if self._any is not None and self._any.holds(code):
            return True
        name = canonical_system(system)
        found = self._by_system.get(name) if name else None
        return found is not None and found.holds(code)

    def may_match(self, system: str, code: str) -> bool:
        """The same, but a code whose system is missing or local is looked for in every set.

        A system that nobody knows counts as local, but not against a set of a local system: there
        two names are two systems, unless one of them is `L`, which any local system may be.
        """
        if self.matches(system, code):
            return True
        name = canonical_system(system)
        if name in _CANONICAL:
            return False
        is_any = name in ("", _SOME_LOCAL)
        return any(
            codes.holds(code)
            for of, codes in self._by_system.items()
            if is_any or of in _CANONICAL or of == _SOME_LOCAL
        )


class _Codes:
    """All sets of one system: exact codes, prefixes by their lengths, ranges by their length."""

    __slots__ = ("_exact", "_lengths", "_prefixes", "_ranges", "_system")

    def __init__(self, system: str, sets: Iterable[CodeSet]) -> None:
        sets = tuple(sets)
        self._system = system
        self._exact = frozenset(normal_code(system, code) for one in sets for code in one.codes)
        self._prefixes = frozenset(normal_code(system, p) for one in sets for p in one.prefixes)
        self._lengths = tuple(sorted({len(prefix) for prefix in self._prefixes}))
        ranges = [
            (normal_code(system, low), normal_code(system, high))
            for one in sets
            for low, high in one.ranges
        ]
        self._ranges = {
            length: _merged(pair for pair in ranges if len(pair[0]) == length)
            for length in sorted({len(low) for low, _ in ranges})
        }

    def holds(self, code: str) -> bool:
        text = normal_code(self._system, code)
        if not text:
            return False
        if text in self._exact:
            return True
        if any(text[:length] in self._prefixes for length in self._lengths):
            return True
        return any(self._in_range(text, length) for length in self._ranges)

    def _in_range(self, text: str, length: int) -> bool:
        if self._system in _ICD:
            text = text[:length]  # a category takes its subcategories along: F10 has F10.20
        if len(text) != length:
            return False
        lows, highs = self._ranges[length]
        at = bisect_right(lows, text) - 1
        if at < 0 or text > highs[at]:
            return False
        # 8120F is no CPT number between 81105 and 81479, though it sorts there.
        return self._system in _ICD or _shape(text) in (_shape(lows[at]), _shape(highs[at]))


def _shape(text: str) -> tuple[bool, ...]:
    return tuple(character.isdigit() for character in text)


def _merged(ranges: Iterable[tuple[str, str]]) -> tuple[list[str], list[str]]:
    """Overlapping ranges joined, so that one look finds the only candidate."""
    lows: list[str] = []
    highs: list[str] = []
    for low, high in sorted(ranges):
        if lows and low <= highs[-1]:
            highs[-1] = max(highs[-1], high)
        else:
            lows.append(low)
            highs.append(high)
    return lows, highs
