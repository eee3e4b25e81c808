"""Messages and facts that consents, restrictions, labels and packs are tried on."""

from __future__ import annotations

from engine.policy.compile import CompiledPolicy
from engine.privacy.facts import Facts
from tests.support.cutting import channel, facts, hl7, policy, rule

PID = "PID|1||A^^^H^MR||DOE^JANE||19800101|F||||||||||AC1^^^H"
PV1 = "PV1|1|I|W^1||||||||||||||||V1^^^H"
OWN = "IN1|1|PA|ACME"
ANY = "coverage: any"
PATIENT = "patient: {id: A, authority: H}"
BOTH = (channel("acme"), channel("beta"))
ALL = "PID: [3], PV1: [2, 19], DG1: [1, 3], OBR: all, OBX: all, NTE: all, FT1: all, TXA: all"


def adt(*segments: str, event: str = "A01", msh: str = "P|2.5.1", pv1: str = PV1) -> bytes:
    return hl7(f"ADT^{event}^ADT_{event}", "EVN||20260101", PID, pv1, *segments, msh=msh)


def oru(*segments: str, pv1: str = PV1) -> bytes:
    return hl7("ORU^R01^ORU_R01", PID, pv1, *segments)


def dft(*segments: str, msh: str = "P|2.5.1") -> bytes:
    return hl7("DFT^P03^DFT_P03", "EVN||20260101", PID, PV1, *segments, msh=msh)


def compiled(
    disclose: str = ALL, consent: str = "not-required", config: str = "", more: str = ""
) -> CompiledPolicy:
    return policy([rule("r", ANY, disclose, more)], head=f"consent: {consent}\n", config=config)


def consent(kind: str = "authorization", more: str = "") -> str:
    return (
        f"  - {{{PATIENT}, kind: {kind}, purposes: [payment], channels: [acme],"
        f" given: 2026-01-01, expires: 2026-12-31{more}}}"
    )


def restriction(items: str, more: str = "") -> tuple[str, str]:
    return "restrictions:", f"  - {{{PATIENT}, items: {{{items}}}{more}}}"


ORDERS = (
    "ORC|RE|P1^HIS|F1^LAB", "OBR|1|P1^HIS|F1^LAB|24331-1^Lipid^LN|||20260105",
    "OBX|1|NM|2093-3^Chol^LN||180", "NTE|1||fine",
    "OBR|2|P2|F2|718-7^Hb^LN|||20260105", "OBX|1|NM|718-7^Hb^LN||13",
)  # fmt: skip


GENERAL = "units: {W: general, SUD1: part2}"


def part2(*segments: str, msh: str = "P|2.6") -> bytes:
    return adt(*segments, msh=msh, pv1=PV1.replace("W^1", "SUD1^1"))


def lifted(site: CompiledPolicy) -> Facts:
    return facts(site, GENERAL, "consents:", consent("part2-tpo"))
