"""Small sites with tests beside their rules."""

from __future__ import annotations

import pathlib

CONFIG = "engine: {name: east, environment: production}\n"

CHANNEL = """\
channel: {id}
name: {id} plan
kind: payer
identified_by: [{{IN1-3.1: {payer}}}]
agreement: {{expires: 2030-12-31}}
purposes: [payment]
ceiling: {{messages: [ADT, ORU], segments: {{EVN: all, PID: all, PV1: all, DG1: all, IN1: all}}}}
deliver: {{to: "tcp:127.0.0.1:6661", insecure: true}}
"""

RULES = """\
channels: [acme, beta]
purpose: payment
basis: "45 CFR 164.506(c)(3)"
rules:
  - name: registration
    why: a test
    when: {message: [ADT^A01]}
    disclose:
      PID: [3, 5]
      PV1: [2, 19]
      DG1: {fields: [3], where: {DG1-6: F}}
      IN1: {fields: [2, 3], which: own}
  - name: psychiatric
    why: a test
    when: {PV1-10: PSY}
    withhold: message
"""

A01 = (
    "MSH|^~\\&|HIS|HOSP|ENG|PAYHUB|20260101120000||ADT^A01|M1|P|2.5.1\r"
    "PID|1||A1^^^H||DOE^JANE~ROE^J||19800101\r"
    "PV1|1|I||||||||MED|||||||||V1\r"
    "DG1|1||I20.0^T&A Clinic^I10|||F\r"
    "IN1|1|PLAN|ACME01\r"
    "IN1|2|PLAN|GAMMA9\r"
)

HEAD = """\
suite: registration
facts: {now: 2026-03-01T12:00:00Z}
messages:
  a01: {file: samples/a01.hl7}
  psychiatric: {file: samples/a01.hl7, set: {PV1-10: PSY}}
tests:
"""


def write_site(root: pathlib.Path, suite: str, *, rules: str = RULES) -> pathlib.Path:
    """A site with the channels acme and beta, these rules, one sample and one suite."""
    for name, text in (
        ("config.yaml", CONFIG),
        ("channels/acme.yaml", CHANNEL.format(id="acme", payer="ACME01")),
        ("channels/beta.yaml", CHANNEL.format(id="beta", payer="BETA01")),
        ("rules/payment.yaml", rules),
        ("rules/samples/a01.hl7", A01),
        ("rules/payment_test.yaml", suite),
    ):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text, newline="")
    return root
