"""The site that is measured: three insurers that each receive every message, cut.

Its rules are of the size that a real contract has: two to three segments of a kind are cut by
field, the rest go as they are or not at all; coverage is asked of every message.
"""

from __future__ import annotations

import pathlib
from collections.abc import Sequence

from benchmarks.messages import PAYERS

CHANNELS = tuple(payer.lower() for payer in PAYERS)

_CONFIG = """\
engine: {name: bench, environment: production}
listeners:
  - name: intake
    listen: "tcp:127.0.0.1:0"
    limits: {connections: 128, per_peer: 64}
"""

_CHANNEL = """\
channel: %(id)s
name: %(name)s Health
kind: payer
identified_by:
  - {IN1-3.1: %(name)s}
agreement: {reference: BENCH-1, expires: 2099-12-31}
purposes: [payment]
ceiling:
  messages: [ADT, ORU^R01]
  segments:
    EVN: all
    PID: [1, 3, 5, 7, 8, 11, 18]
    PV1: all
    DG1: all
    IN1: all
    OBR: all
    OBX: all
    NTE: all
deliver:
  to: "tcp:127.0.0.1:%(port)d"
  insecure: true
  rewrite: {MSH-5: CLAIMS, MSH-6: %(name)s}
"""

_RULES = """\
channels: [%(channels)s]
purpose: payment
basis: "45 CFR 164.506(c)(3)"
rules:
  - name: registration
    why: Eligibility and the first part of a claim
    when: {message: [ADT]}
    disclose:
      EVN: [1, 2]
      PID: [1, 3, 5, 7, 8, 11.3-11.5, 18]
      PV1: [1, 2, 3, 19, 44]
      DG1: {fields: [1, 3, 6], where: {DG1-6: {not: [W]}}}
      IN1: {fields: all, which: own}
  - name: results
    why: Evidence for authorized care
    when: {message: [ORU^R01]}
    disclose:
      PID: [1, 3, 5, 7, 8, 18]
      PV1: [1, 2, 3, 19]
      OBR: [1-4, 7]
      OBX: [1-6, 11, 14]
"""


def write_site(root: pathlib.Path, ports: Sequence[int]) -> None:
    """Write the site's files into `root`; the insurers listen on `ports` of loopback."""
    (root / "channels").mkdir(parents=True)
    (root / "rules").mkdir()
    (root / "config.yaml").write_text(_CONFIG)
    for channel, payer, port in zip(CHANNELS, PAYERS, ports, strict=True):
        text = _CHANNEL % {"id": channel, "name": payer, "port": port}
        (root / "channels" / f"{channel}.yaml").write_text(text)
    rules = _RULES % {"channels": ", ".join(CHANNELS)}
    (root / "rules" / "payment.yaml").write_text(rules)
