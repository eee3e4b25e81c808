"""A synthetic hospital: visits begin, are treated, charged and end; each step is an HL7 message.

Law: nothing here is about a real person, and the same seed and start give the same bytes. Pure:
time and randomness are arguments. Messages are HL7 2.5.1: ADT_A01 and ADT_A03 (chapter 3),
ORU_R01 (chapter 7), DFT_P03 (chapter 6). An ORU carries no insurance, so who may see it is known
only from the ADT or DFT that came before.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from engine.demo import fiction

#: MSH-10 has at most 20 characters before HL7 2.7 (§2.14.9.10).
CONTROL_ID_LIMIT = 20

#: At most so many visits are under way at once.
_WARD_SIZE = 12
#: Fewer than so many and the next message is about a new one.
_WARD_AT_DAWN = 4
#: Share of visits whose first result comes before their registration.
_EARLY_RESULT_SHARE = 0.06
#: Shares of visits with two of the insurers, and with somebody else's insurance.
_TWO_INSURERS_SHARE = 0.15
_FOREIGN_SHARE = 0.12


@dataclass(frozen=True, slots=True)
class Insurer:
    """An insurer as a message names it: IN1 field number → text of the field."""

    name: str
    insurance: Mapping[int, str]


#: Insurance that is nobody's in the site, as far as its own identifiers go.
FOREIGN = Insurer("ELSEWHERE MUTUAL", {2: "PLANX", 3: "ELSEWHERE-9", 4: "ELSEWHERE MUTUAL"})


@dataclass(frozen=True, slots=True)
class Header:
    """What this hospital writes into MSH; `processing` is MSH-11 (P production, T training)."""

    application: str = "EPIC"
    facility: str = "GOOD HEALTH"
    processing: str = "P"


@dataclass(frozen=True, slots=True)
class Sent:
    """One message: its bytes without framing, MSH-9 as `ADT^A01`, and MSH-10."""

    data: bytes
    type: str
    control_id: str


@dataclass(slots=True)
class Visit:
    """One stay of one patient, and the steps that it still has before it."""

    number: str
    account: str
    patient: str
    family: str
    given: str
    born: str
    sex: str
    address: str
    social_security: str
    ward: str
    doctor: str
    began: datetime
    inpatient: bool
    service: str
    diagnosis: str
    insurers: tuple[Insurer, ...]
    steps: list[str] = field(default_factory=list)
    results: int = 0


def segment(name: str, fields: Mapping[int, str]) -> str:
    """A segment from its fields by number."""
    return name + "".join("|" + fields.get(number, "") for number in range(1, max(fields) + 1))


class Hospital:
    """Makes one message after another, without end."""

    def __init__(
        self, insurers: Sequence[Insurer], seed: int, start: datetime, header: Header | None = None
    ) -> None:
        self._insurers = tuple(insurers)
        self._random = random.Random(seed)  # noqa: S311 - repeatable on purpose, nothing secret
        self._seed = seed
        self._now = start
        self._header = header or Header()
        self._visits: list[Visit] = []
        self._visits_ever = 0
        self._messages = 0

    def next(self) -> Sent:
        """The next message of the hospital's day."""
        self._now += timedelta(seconds=self._random.randint(5, 90))
        under_way = len(self._visits)
        if under_way < _WARD_AT_DAWN or (under_way < _WARD_SIZE and self._random.random() < 0.35):
            self._visits.append(self._admit())
        visit = self._random.choice(self._visits)
        step = visit.steps.pop(0)
        if not visit.steps:
            self._visits.remove(visit)
        trigger, structure, build = _STEPS[step]
        self._messages += 1
        control_id = f"DEMO{self._seed % 1000:03d}N{self._messages:09d}"[:CONTROL_ID_LIMIT]
        lines = [self._msh(f"{trigger}^{structure}", control_id), *build(self, visit)]
        return Sent("".join(line + "\r" for line in lines).encode("ascii"), trigger, control_id)

    # --- the visits -----------------------------------------------------------------------------

    def _admit(self) -> Visit:
        choose = self._random
        self._visits_ever += 1
        number = self._visits_ever
        inpatient = choose.random() < 0.6
        steps = ["admit" if inpatient else "register"]
        later = ["update", "result", "result", "result", "charge"]
        choose.shuffle(later)
        steps += [*later[: choose.randint(2, len(later))], "charge", "discharge"]
        if choose.random() < _EARLY_RESULT_SHARE:
            steps.insert(0, "result")
        return Visit(
            number=f"V{number:06d}",
            account=f"A{number:06d}",
            patient=f"PAT{choose.randint(1, 400):05d}-{number}",
            family=choose.choice(fiction.FAMILY_NAMES),
            given=choose.choice(fiction.GIVEN_NAMES),
            born=f"{choose.randint(1935, 2015)}0{choose.randint(1, 9)}{choose.randint(10, 28)}",
            sex=choose.choice("FM"),
            address=f"{choose.randint(1, 999)} {choose.choice(fiction.STREETS)}{fiction.TOWN}",
            social_security=f"000-{choose.randint(10, 99)}-{choose.randint(1000, 9999)}",
            ward=choose.choice(fiction.WARDS),
            doctor=choose.choice(fiction.DOCTORS),
            began=self._now,
            inpatient=inpatient,
            service=choose.choice(fiction.SERVICES),
            diagnosis=choose.choice(fiction.DIAGNOSES),
            insurers=self._insured(),
            steps=steps,
        )

    def _insured(self) -> tuple[Insurer, ...]:
        """Each insurer has its turn, so that all have patients early in the day."""
        luck, turns = self._random.random(), len(self._insurers)
        if not turns or (luck < _FOREIGN_SHARE and self._visits_ever > turns):
            return (FOREIGN,)
        first = self._insurers[(self._visits_ever - 1) % turns]
        if luck > 1 - _TWO_INSURERS_SHARE and turns > 1:
            others = [insurer for insurer in self._insurers if insurer is not first]
            return first, self._random.choice(others)
        return (first,)

    # --- the segments ---------------------------------------------------------------------------

    def _stamp(self, when: datetime | None = None) -> str:
        return f"{when or self._now:%Y%m%d%H%M%S}"

    def _msh(self, message_type: str, control_id: str) -> str:
        head = self._header
        return (
            f"MSH|^~\\&|{head.application}|{head.facility}|PAYERGATE|{head.facility}"
            f"|{self._stamp()}||{message_type}|{control_id}|{head.processing}|2.5.1"
        )

    def _pid(self, visit: Visit) -> str:
        return segment(
            "PID",
            {
                1: "1",
                3: f"{visit.patient}^^^{self._header.facility}^MR",
                5: f"{visit.family}^{visit.given}",
                7: visit.born,
                8: visit.sex,
                10: "2106-3^White^HL70005",
                11: visit.address,
                13: "^PRN^PH^^1^555^5550100",
                16: "M",
                17: "VAR",
                18: f"{visit.account}^^^{self._header.facility}^AN",
                19: visit.social_security,
            },
        )

    def _pv1(self, visit: Visit) -> str:
        return segment(
            "PV1",
            {
                1: "1",
                2: "I" if visit.inpatient else "O",
                3: f"{visit.ward}^{100 + int(visit.number[1:]) % 50}^A^{self._header.facility}",
                7: visit.doctor,
                10: visit.service,
                19: f"{visit.number}^^^{self._header.facility}^VN",
                44: self._stamp(visit.began),
            },
        )

    def _insurance(self, visit: Visit) -> list[str]:
        year = visit.began.year
        return [
            segment(
                "IN1",
                {
                    2: f"PLAN{number}",
                    4: insurer.name,
                    8: f"GRP{visit.patient[3:8]}",
                    12: f"{year - 1}0101",
                    13: f"{year + 1}1231",
                    16: f"{visit.family}^{visit.given}",
                    17: "SEL",
                    18: visit.born,
                    22: str(number),
                    36: f"M{visit.account[1:]}{number}",
                    **insurer.insurance,
                    1: str(number),
                },
            )
            for number, insurer in enumerate(visit.insurers, start=1)
        ]

    def _registration(self, visit: Visit) -> list[str]:
        contact = f"NK1|1|{visit.family}^KIN|SPO|{visit.address}|^PRN^PH^^1^555^5550101"
        allergy = f"AL1|1|DA|{self._random.choice(fiction.ALLERGIES)}|MO|hives"
        return [
            f"EVN||{self._stamp()}|||CLERK01",
            self._pid(visit),
            contact,
            self._pv1(visit),
            allergy,
            f"DG1|1||{visit.diagnosis}||{self._stamp(visit.began)}|A",
            *self._insurance(visit),
            f"ZPV|1|{visit.ward}|internal bed note",
        ]

    def _discharge(self, visit: Visit) -> list[str]:
        return [
            f"EVN||{self._stamp()}|||CLERK02",
            self._pid(visit),
            self._pv1(visit) + f"|{self._stamp()}",
            f"DG1|1||{visit.diagnosis}||{self._stamp(visit.began)}|F",
        ]

    def _result(self, visit: Visit) -> list[str]:
        visit.results += 1
        order = f"{visit.number}-{visit.results}"
        panel, tests = self._random.choice(fiction.PANELS)
        lines = [self._pid(visit), self._pv1(visit), f"ORC|RE|{order}|L{order}||CM"]
        began = self._stamp(visit.began)
        obr = {1: "1", 2: order, 3: f"L{order}", 4: panel, 7: began, 22: self._stamp()}
        lines.append(segment("OBR", {**obr, 24: "LAB", 25: "F"}))
        for number, (code, unit, usual, low, high) in enumerate(tests, start=1):
            value = round(self._random.uniform(low, high), 1)
            lines.append(f"OBX|{number}|NM|{code}||{value}|{unit}|{usual}||||F|||{began}")
        lines.append("NTE|1|L|Reviewed by the laboratory.")
        return lines

    def _charge(self, visit: Visit) -> list[str]:
        lines = [f"EVN||{self._stamp()}", self._pid(visit), self._pv1(visit)]
        for number, (code, amount) in enumerate(self._random.sample(fiction.CHARGES, 2), start=1):
            fields = {
                1: str(number),
                2: f"{visit.number}-{self._messages}-{number}",
                4: self._stamp(visit.began),
                6: "CG",
                7: code,
                10: "1",
                11: amount,
                19: visit.diagnosis,
            }
            lines.append(segment("FT1", fields))
        lines.append(f"DG1|1||{visit.diagnosis}||{self._stamp(visit.began)}|F")
        return lines + self._insurance(visit)


_Build = Callable[[Hospital, Visit], list[str]]

#: Step of a visit → MSH-9.1 and 9.2, MSH-9.3 (HL7 2.5.1 table 0354), and what follows MSH.
_STEPS: Mapping[str, tuple[str, str, _Build]] = {
    "admit": ("ADT^A01", "ADT_A01", Hospital._registration),
    "register": ("ADT^A04", "ADT_A01", Hospital._registration),
    "update": ("ADT^A08", "ADT_A01", Hospital._registration),
    "discharge": ("ADT^A03", "ADT_A03", Hospital._discharge),
    "result": ("ORU^R01", "ORU_R01", Hospital._result),
    "charge": ("DFT^P03", "DFT_P03", Hospital._charge),
}
