"""A site as a regional hospital has it: 60 channels and 400 rules, most of them shared.

Ten profiles (registration, results, charges …) stand once, for all payers or for lists of them;
each channel adds a few rules of its own. A payer is one of the three of the bench messages or
one that no message names, so that who is concerned by a message is the same as on the small site.
"""

from __future__ import annotations

import pathlib

from benchmarks.messages import PAYERS

CHANNELS = 60
RULES = 400

#: Rules that profiles hold; the rest are the channels' own.
_SHARED = 40

_CONFIG = """\
engine: {name: large, environment: production}
listeners:
  - {name: intake, listen: "tcp:127.0.0.1:0"}
"""

_CHANNEL = """\
channel: %(id)s
name: %(name)s Health
kind: payer
payer_type: %(type)s
identified_by:
  - {IN1-3.1: %(name)s}
  - {IN1-4.1: {fold: "%(name)s HEALTH PLAN"}}
agreement: {reference: LARGE-%(number)d, expires: 2099-12-31}
purposes: [payment, operations, eligibility]
ceiling:
  messages: [ADT, ORU^R01, DFT^P03]
  segments:
    EVN: all
    PID: [1, 3, 5, 7, 8, 11, 18%(more)s]
    PV1: all
    PV2: all
    DG1: all
    PR1: all
    IN1: all
    IN2: all
    FT1: all
    OBR: all
    OBX: all
    NTE: all
deliver:
  to: "tcp:127.0.0.1:%(port)d"
  insecure: true
  rewrite: {MSH-5: CLAIMS, MSH-6: %(name)s}
"""

_FILE = """\
channels: %(channels)s
purpose: %(purpose)s
basis: "45 CFR 164.506(c)(3)"
rules:
"""

_TYPES = ("PSY", "SUD", "HIV", "OBS", "ONC", "PED", "GER", "REH", "CAR", "NEU")

_RULES = {
    "registration": """\
  - name: %(name)s
    why: Eligibility and the first part of a claim
    when: {message: [ADT^A01, ADT^A04, ADT^A08], PV1-2: [%(classes)s]}
    disclose:
      EVN: [1, 2]
      PID: [1, 3, 5, 7, 8, 11.3-11.5, 18]
      PV1: [1, 2, 3, 19, 44]
      DG1: {fields: [1, 3, 6], where: {DG1-6: {not: [W]}}}
      IN1: {fields: all, which: own}
""",
    "results": """\
  - name: %(name)s
    why: Evidence for authorized care
    when: {message: ORU^R01, PV1-10: {not: [%(service)s]}}
    disclose:
      PID: [1, 3, 5, 7, 8, 18]
      PV1: [1, 2, 3, 19]
      OBR: [1-4, 7]
      OBX: {fields: [1-6, 11, 14], where: {OBX-11: [F, C]}}
""",
    "charges": """\
  - name: %(name)s
    why: Charges of one's own
    when: {message: DFT^P03, PV1-10: {not: [%(service)s]}}
    disclose:
      EVN: [1, 2]
      PID: [1, 3, 5, 7, 8, 18]
      PV1: [1, 2, 19, 44, 45]
      FT1: {fields: [1, 2, 4, 6, 7, 10, 14, 19], which: own}
      DG1: [1, 3, 6]
""",
    "withheld": """\
  - name: %(name)s
    why: Agreed with the privacy office
    when: {any: [{PV1-10: %(service)s}, {PV2-22: Y}]}
    withhold: [NTE, {DG1: {where: {DG1-3.1: {prefix: [F1, F2, Z%(number)d]}}}}]
""",
}


def write_large_site(root: pathlib.Path) -> None:
    """Write the large site's files into `root`."""
    names = [_payer(number) for number in range(CHANNELS)]
    _write_channels(root, names)
    for number, service in enumerate(_TYPES):
        # For all payers, or for every third, fourth … of them.
        chosen = "all payers" if number < 2 else f"[{', '.join(names[:: number + 1]).lower()}]"
        _write_profile(root, number, service, chosen)
    for number, name in enumerate(names):
        _write_own(root, number, name, (RULES - _SHARED) // CHANNELS)


def write_small_site(root: pathlib.Path) -> None:
    """Its first three channels, with two of the profiles and two rules of their own: ten rules."""
    _write_channels(root, list(PAYERS))
    for number, service in enumerate(_TYPES[:2]):
        _write_profile(root, number, service, "all payers")
    _write_own(root, 0, PAYERS[0], 2)


def _write_channels(root: pathlib.Path, names: list[str]) -> None:
    for folder in ("channels", "rules"):
        (root / folder).mkdir(parents=True, exist_ok=True)
    (root / "config.yaml").write_text(_CONFIG)
    for number, name in enumerate(names):
        text = _CHANNEL % {
            "id": name.lower(),
            "name": name,
            "number": number,
            "type": "medicaid" if number % 7 == 3 else "health-plan",
            "more": ", 13" if number % 5 == 4 else "",
            "port": 20_000 + number,
        }
        (root / "channels" / f"{name.lower()}.yaml").write_text(text)


def _payer(number: int) -> str:
    return PAYERS[number] if number < len(PAYERS) else f"PLAN{number:02d}"


def _write_profile(root: pathlib.Path, number: int, service: str, channels: str) -> None:
    """A file of four rules that many channels share."""
    values = {"service": service, "number": number, "classes": "I, O, E"}
    rules = "".join(
        text % {**values, "name": f"{kind}-{service.lower()}"} for kind, text in _RULES.items()
    )
    head = _FILE % {"channels": channels, "purpose": "payment"}
    (root / "rules" / f"profile-{service.lower()}.yaml").write_text(head + rules)


def _write_own(root: pathlib.Path, number: int, name: str, count: int) -> None:
    """A file of rules for one channel alone."""
    kinds = list(_RULES)
    rules = "".join(
        _RULES[kinds[own % len(kinds)]]
        % {
            "name": f"{name.lower()}-{own}",
            "service": _TYPES[(number + own) % len(_TYPES)],
            "number": own,
            "classes": "I" if own % 2 else "I, E",
        }
        for own in range(count)
    )
    head = _FILE % {"channels": f"[{name.lower()}]", "purpose": "payment"}
    (root / "rules" / f"own-{name.lower()}.yaml").write_text(head + rules)
