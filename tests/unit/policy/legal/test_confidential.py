"""Confidential communications: what a channel is told of where the patient is reached."""

from __future__ import annotations

import pytest

from engine.hl7.wire import Message
from engine.policy.compile import CompiledPolicy
from engine.policy.outcome import Code, Verdict
from engine.policy.telling.explain import explain
from tests.support.cutting import channel, code, facts, hl7, outcome, policy, rule, sent

ADDRESS = "address: {street: '9 Quiet Ln', city: Elsewhere, state: NV, zip: '89101'}"
PHONE = "phone: {number: '(702)555-0199'}"
PATIENT = "patient: {id: A, authority: H}"
HOME = "12 Oak St^^Town^CA^94016~1 Work Way^^Town"
PID = f"PID|1||A^^^H||DOE^JANE||19800101|F|||{HOME}|C1|(415)555-0100|(415)555-0111"
REST = (
    "PV1|1|I",
    "NK1|1|DOE^JOHN||12 Oak St|555-0100|555-0102" + "|" * 25 + "555-0103|12 Oak St",
    "GT1|1||DOE^JANE||12 Oak St|555-0100|555-0102" + "|" * 10 + "1 Work Way|555-0104",
    "IN1|1|PA|ACME||9 Plan Rd||800-555-0000" + "|" * 12 + "12 Oak St" + "|" * 25 + "1 Work Way",
)
GRANTS = "PID: all, PV1: all, NK1: all, GT1: all, IN1: all, NTE: all, ZZZ: all"
OPEN = "{PID: all, PV1: all, NK1: all, GT1: all, IN1: all, IN2: all, NTE: all, ZZZ: all}"
BOTH = (channel("acme", ceiling=OPEN), channel("beta", ceiling=OPEN))


def site(grants: str = GRANTS, more: str = "") -> CompiledPolicy:
    return policy([rule("r", "coverage: any", grants, more)], BOTH, to="[acme, beta]")


def asked(*parts: str) -> tuple[str, str]:
    return "confidential:", f"  - {{{', '.join((PATIENT, *parts))}}}"


def adt(pid: str = PID, *more: str, msh: str = "P|2.5.1") -> bytes:
    return hl7("ADT^A01^ADT_A01", pid, *REST, *more, msh=msh)


def test_the_alternates_go_and_nothing_else_does() -> None:
    compiled = site()
    lines = sent(compiled, adt(), facts(compiled, *asked(ADDRESS, PHONE)))
    assert lines == [
        "PID|1||A^^^H||DOE^JANE||19800101|F|||9 Quiet Ln^^Elsewhere^NV^89101||(702)555-0199",
        "PV1|1|I",
        "NK1|1|DOE^JOHN",
        "GT1|1||DOE^JANE",
        "IN1|1|PA|ACME||9 Plan Rd||800-555-0000",
    ]


@pytest.mark.parametrize(
    ("name", "field"),
    [
        *(("PID", field) for field in (11, 12, 13, 14, 40)),
        *(("NK1", field) for field in (4, 5, 6, 31, 32, 40, 41)),
        *(("GT1", field) for field in (5, 6, 7, 17, 18, 46)),
        *(("IN1", field) for field in (19, 44)),
        *(("IN2", field) for field in (50, 53, 63, 64)),
        *(("ACC", 11), ("RXO", 35), ("RXE", 43), ("RXG", 30)),
    ],
)
def test_every_field_that_says_where_the_patient_is_reached_is_kept_back(
    name: str, field: int
) -> None:
    granted = ", ".join(f"{one}: all" for one in sorted({"PID", name}))
    open_to_all = channel("acme", ceiling=f"{{{granted}}}")
    compiled = policy([rule("r", "coverage: any", granted)], [open_to_all])
    line = [name, "1", "kept", *[""] * (field - 3), "7 Elm Rd"]
    patient = ["PID|1||A^^^H"]
    if name == "PID":
        line[3] = "A^^^H"
        patient.clear()
    raw = hl7("ADT^A01", *patient, "|".join(line))
    assert sent(compiled, raw) == [*patient, "|".join(line)]
    without = "|".join(line[:-1]).rstrip("|")
    assert sent(compiled, raw, facts(compiled, *asked())) == [*patient, without]


def test_without_alternates_all_are_emptied() -> None:
    compiled = site()
    lines = sent(compiled, adt(), facts(compiled, *asked()))
    assert lines[0] == "PID|1||A^^^H||DOE^JANE||19800101|F"
    only_phone = sent(compiled, adt(), facts(compiled, *asked(PHONE)))
    assert only_phone[0] == "PID|1||A^^^H||DOE^JANE||19800101|F|||||(702)555-0199"


def test_the_reason_is_told_and_no_address() -> None:
    compiled = site()
    known = facts(compiled, *asked(ADDRESS))
    found = outcome(compiled, adt(), known)
    assert [one.code for one in found.reasons] == [Code.GRANTED, Code.CONFIDENTIAL_COMMUNICATION]
    story = explain(Message.parse(adt()), compiled, known)["acme"]
    pid = next(one for one in story.segments if one.id == "PID")
    assert pid.verdict == "cut"
    assert "confidential-communication" in {one.code for one in pid.because}
    told = {one.name: {two.code for two in one.because} for one in pid.why}
    assert told["11"] == told["13"] == told["14"] == {"confidential-communication"}
    assert told["5"] == {"granted"}
    assert "Quiet" not in repr(story.segments)
    assert "Oak" not in repr(story.segments)


@pytest.mark.parametrize("street", ["9 Quiet Ln", "12 Oak St"])
def test_a_segment_in_which_an_alternate_stands_for_all_is_cut_nevertheless(street: str) -> None:
    """Also where the patient named what the message says."""
    compiled = site()
    raw = adt("PID|1||A^^^H||||||||12 Oak St")
    known = facts(compiled, *asked(f"address: {{street: '{street}'}}"))
    assert sent(compiled, raw, known)[0] == f"PID|1||A^^^H||||||||{street}"
    told = explain(Message.parse(raw), compiled, known)["acme"].segments
    (pid,) = (one for one in told if one.id == "PID")
    assert pid.verdict == "cut"
    assert "confidential-communication" in {one.code for one in pid.because}


def test_where_nothing_was_to_be_told_nothing_is_said_of_it() -> None:
    compiled = site("PID: [3], PV1: all")
    found = outcome(compiled, adt(), facts(compiled, *asked(ADDRESS)))
    assert [one.code for one in found.reasons] == [Code.GRANTED]
    assert sent(compiled, adt(), facts(compiled, *asked(ADDRESS))) == ["PID|||A^^^H", "PV1|1|I"]


def test_a_field_that_is_not_granted_carries_no_alternate() -> None:
    compiled = site("PID: [3, 13]")
    known = facts(compiled, *asked(ADDRESS, PHONE))
    assert sent(compiled, adt(), known) == ["PID|||A^^^H||||||||||(702)555-0199"]


def test_the_alternate_is_cut_and_masked_as_the_received_would_be() -> None:
    compiled = site("PID: {fields: [3, 11.3-11.5], mask: {11.5: zip3}}")
    known = facts(compiled, *asked(ADDRESS))
    assert sent(compiled, adt(), known) == ["PID|||A^^^H||||||||^^Elsewhere^NV^891"]


def test_a_withheld_field_carries_no_alternate() -> None:
    compiled = site(more="    withhold: {PID-11: {where: {PID-11.4: CA}}}\n")
    line = sent(compiled, adt(), facts(compiled, *asked(ADDRESS)))[0]
    assert "Quiet" not in line
    assert "Oak" not in line


@pytest.mark.parametrize("pid", ["PID|1||A^^^H", "PID|1||A^^^H||||||||"])
def test_a_message_without_an_address_gets_none(pid: str) -> None:
    compiled = site()
    known = facts(compiled, *asked(ADDRESS, PHONE))
    assert "Quiet" not in sent(compiled, adt(pid), known)[0]


def test_a_deletion_is_not_sent_either() -> None:
    compiled = site()
    line = sent(compiled, adt('PID|1||A^^^H||||||||""'), facts(compiled, *asked()))[0]
    assert line == "PID|1||A^^^H"


def test_only_named_channels_are_bound_and_payers_unless_said() -> None:
    channels = (*BOTH, channel("care", kind="provider", ceiling=OPEN))
    compiled = policy([rule("r", "coverage: any", GRANTS)], channels, to="[acme, beta, care]")
    of_acme = facts(compiled, *asked("channels: [acme]"))
    assert "Oak" not in "".join(sent(compiled, adt(), of_acme))
    assert "Oak" in "".join(sent(compiled, adt(), of_acme, of="beta"))
    of_all = facts(compiled, *asked())
    assert "Oak" not in "".join(sent(compiled, adt(), of_all, of="beta"))
    assert "Oak" in "".join(sent(compiled, adt(), of_all, of="care"))


def test_what_is_kept_back_goes_by_identifier_and_what_goes_instead_by_authority_too() -> None:
    compiled = site()
    entry = f"  - {{patient: {{id: A}}, {ADDRESS}}}"
    line = sent(compiled, adt(), facts(compiled, "confidential:", entry))[0]
    assert "Oak" not in line
    assert "Quiet" not in line
    other = entry.replace("id: A", "id: A, authority: K")
    assert "Oak" in sent(compiled, adt(), facts(compiled, "confidential:", other))[0]


def test_alternates_that_differ_cancel_each_other() -> None:
    compiled = site()
    entries = (*asked(ADDRESS, PHONE), asked(ADDRESS.replace("9 ", "8 "), "channels: [acme]")[1])
    line = sent(compiled, adt(), facts(compiled, *entries))[0]
    assert "Quiet" not in line
    assert "(702)555-0199" in line


def test_a_merge_keeps_back_what_either_asked_to_be_kept_back() -> None:
    compiled = policy([rule("r", "coverage: any, message: ADT^A40", "PID: all, MRG: all")])
    raw = hl7("ADT^A40^ADT_A39", "PID|1||B^^^H||||||||12 Oak St", "MRG|A^^^H")
    line = sent(compiled, raw, facts(compiled, *asked(ADDRESS)))[0]
    assert line == "PID|1||B^^^H"


def test_a_segment_of_which_nothing_is_left_goes() -> None:
    compiled = site("PID: [3], NK1: [4, 5]")
    assert sent(compiled, adt(), facts(compiled, *asked())) == ["PID|||A^^^H"]


def test_the_alternate_is_written_for_the_message() -> None:
    compiled = site()
    strange = facts(compiled, *asked("address: {street: 'R|D ^ 5 & 6', city: Zürich}"))
    line = outcome(compiled, adt(msh="P|2.5.1||||||UNICODE UTF-8"), strange).payloads[0].data
    assert "R\\F\\D \\S\\ 5 \\T\\ 6^^Zürich".encode() in line
    latin = outcome(compiled, adt(msh="P|2.5.1||||||8859/1"), strange).payloads[0].data
    assert "^^Zürich".encode("latin-1") in latin


def test_what_the_message_cannot_say_is_dropped() -> None:
    compiled = site()
    beyond = facts(compiled, *asked("address: {street: 通り 5, city: Town}"))
    data = outcome(compiled, adt(msh="P|2.5.1||||||8859/1"), beyond).payloads[0].data
    assert b"?" not in data
    assert b"Oak" not in data
    # Without an escape character a delimiter cannot be said.
    marked = facts(compiled, *asked("address: {street: 'A ^ B 5', city: Town}"))
    bare = b"MSH|^~|A|B|C|D|20260101||ADT^A01|M1|P|2.5.1\rPID|1||A^^^H||||||||12 Oak St^^T\r"
    assert outcome(compiled, bare, marked).payloads[0].data.endswith(b"PID|1||A^^^H\r")


def test_a_number_stands_where_its_version_has_it() -> None:
    compiled = site("PID: all")
    known = facts(compiled, *asked("phone: {number: 702-555-0199, area: '702', local: '5550199'}"))
    old = sent(compiled, adt(), known)[0]
    assert old.endswith("|702-555-0199^^^^^702^5550199")
    new = sent(compiled, adt(msh="P|2.7"), known)[0]
    assert new.endswith("|^^^^^702^5550199^^^^^702-555-0199")


@pytest.mark.parametrize(
    "where",
    [
        "NTE|1||lives at 12  OAK ST, rear",
        "NTE|1||call (415) 555-0100",
        "NTE|1||call 415.555.0100 today",
        "NTE|1||or 5550100",
        "ZZZ|1|12 Oak St",
    ],
)
def test_a_copy_that_tells_it_elsewhere_is_held(where: str) -> None:
    compiled = site()
    found = outcome(compiled, adt(PID, where), facts(compiled, *asked(ADDRESS)))
    assert found.verdict is Verdict.HOLD
    assert found.reasons[0].code is Code.LEAK
    assert "how the patient is reached" in found.reasons[0].text
    assert code(compiled, adt(PID, where)) == "granted"


@pytest.mark.parametrize(
    ("number", "said"),
    [
        ("+1 415 555 0100", "call 415-555-0100"),
        ("14155550100", "call 415-555-0100"),
        ("(415)555-0100X22", "call 415-555-0100"),
        ("(415)555-0100X22", "call 555-0100"),
        ("415-555-0100 or 415-555-0111", "call 415-555-0111"),
        ("(415)555-0100", "call 555-0100 2024"),
        ("(415)555-0100", "call 1 415 555 0100 12"),
    ],
)
def test_a_number_is_the_same_however_it_is_written(number: str, said: str) -> None:
    compiled = site()
    raw = adt(f"PID|1||A^^^H||||||||||{number}", f"NTE|1||{said}")
    assert code(compiled, raw, facts(compiled, *asked())) == "leak"


@pytest.mark.parametrize("alternate", ["{number: '212-555-0100'}", "{area: '212', local: 5550100}"])
def test_an_alternate_is_no_leak_though_it_ends_as_the_number_does(alternate: str) -> None:
    compiled = site()
    known = facts(compiled, *asked(f"phone: {alternate}"))
    for version, note, found in (
        ("2.5.1", "nothing", "granted"),
        ("2.7", "nothing", "granted"),
        ("2.5.1", "call 415-555-0100", "leak"),
        ("2.7", "call 415-555-0100", "leak"),
    ):
        raw = adt(PID, f"NTE|1||{note}", msh=f"P|{version}")
        assert code(compiled, raw, known) == found


@pytest.mark.parametrize(("dwelling", "leaks"), [("12", True), ("", False)])
def test_a_street_that_came_in_parts_is_looked_for_as_people_write_it(
    dwelling: str, leaks: bool
) -> None:
    compiled = site()
    raw = adt(f"PID|1||A^^^H||||||||Rear House&Oak Street&{dwelling}", "NTE|1||at 12 Oak Street")
    known = facts(compiled, *asked(ADDRESS))
    assert code(compiled, raw, known) == ("leak" if leaks else "granted")


@pytest.mark.parametrize(("street", "leaks"), [("12 Oak", True), ("1 Oak", False)])
def test_a_street_of_six_characters_is_looked_for_and_none_shorter(
    street: str, leaks: bool
) -> None:
    compiled = site()
    raw = adt(f"PID|1||A^^^H||||||||{street}", f"NTE|1||lives at {street} now")
    known = facts(compiled, *asked(ADDRESS))
    assert code(compiled, raw, known) == ("leak" if leaks else "granted")


@pytest.mark.parametrize(
    "where",
    [
        "NTE|1||seen in Town, CA 94016",
        "NTE|1||room 100, 12 Oak Street Clinic",
        "NTE|1||call 415-555-0123",
        "NTE|1||9 Quiet Ln is where letters go",
        "NTE|1||0100 and 555",
    ],
)
def test_what_is_short_or_not_the_same_is_no_leak(where: str) -> None:
    compiled = site()
    known = facts(compiled, *asked(ADDRESS))
    assert code(compiled, adt(PID, where), known) == "granted"


def test_an_alternate_that_is_the_same_is_no_leak() -> None:
    compiled = site()
    known = facts(compiled, *asked("phone: {number: '415-555-0100'}"))
    line = sent(compiled, adt(), known)[0]
    assert line.endswith("|415-555-0100")


def test_a_blank_that_was_filled_in_is_no_leak() -> None:
    compiled = site()
    raw = adt("PID|1||A^^^H||||||||12 Oak St||999-999-9999", "NTE|1||9999999999")
    assert code(compiled, raw, facts(compiled, *asked())) == "granted"


def test_each_patient_of_a_result_has_an_own_address() -> None:
    compiled = policy([rule("r", "coverage: any", "PID: [3, 11], OBR: all, OBX: all")])
    order = ("OBR|1|P1|F1|X^x^L", "OBX|1|NM|X^x^L||5")
    raw = hl7(
        "ORU^R01", "PID|1||A^^^H||||||||12 Oak St", *order, "PID|2||B^^^H||||||||5 Elm St", *order
    )
    lines = sent(compiled, raw, facts(compiled, *asked(ADDRESS)))
    assert [line for line in lines if line.startswith("PID")] == [
        "PID|||A^^^H||||||||9 Quiet Ln^^Elsewhere^NV^89101",
        "PID|||B^^^H||||||||5 Elm St",
    ]
