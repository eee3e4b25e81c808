"""What arrived and was sent to nobody, over many messages."""

from __future__ import annotations

from collections.abc import Iterable

import pytest

from engine.hl7.wire import Message
from engine.policy.compile import CompiledPolicy
from engine.policy.unlisted import tally as module
from engine.policy.unlisted.content import LAST_FIELD, Content
from engine.policy.unlisted.named import Standing
from engine.policy.unlisted.tally import Tally, Unsent
from engine.privacy.facts import Facts
from tests.support.cutting import NOW, channel, disclosed, facts, hl7, outcome, policy, rule

PID = "PID|1||A^^^H^MR||DOE^JO||||||||||||||SSN"
DIAGNOSIS = "DG1|1||E11.9^Diabetes^I10"


def tallied(
    compiled: CompiledPolicy, messages: Iterable[bytes], known: Facts | None = None, **options: bool
) -> Tally:
    """Message n was received at n minutes."""
    tally = Tally(compiled, **options)
    for number, raw in enumerate(messages, start=1):
        message = Message.parse(raw)
        asked = tally.see(message, number * 60_000, f"m{number}")
        if asked:
            tally.decide(message, known or Facts(NOW), asked)
    return tally


def told(tally: Tally) -> dict[str, Unsent]:
    return {f"{one.content.path} {one.content.code}".strip(): one for one in tally.unsent()}


def whys(tally: Tally) -> dict[str, set[str]]:
    return {path: {one.code for one in row.seen.because} for path, row in told(tally).items()}


def granting(*grants: str, more: str = "coverage: any") -> CompiledPolicy:
    return policy([rule(f"r{n}", more, grant) for n, grant in enumerate(grants)])


def test_a_segment_that_no_rule_names_is_told_at_its_first_message() -> None:
    tally = tallied(granting("PID: all"), [hl7("ADT^A01", PID), hl7("ADT^A08", PID, "ZPV|1|x")])
    (row,) = tally.unsent()
    assert row.content == Content("ZPV")
    assert row.standing is Standing.UNLISTED
    seen = row.seen
    assert (seen.messages, seen.first_ms, seen.last_ms) == (1, 120_000, 120_000)
    assert (seen.types, seen.example) == ({"ADT^A08"}, "m2")


def test_its_fields_are_not_told_as_well() -> None:
    assert set(told(tallied(granting("PID: all"), [hl7("ADT^A01", PID, "ZPV|1|a|b")]))) == {"ZPV"}


def test_fields_of_a_granted_segment_are_told_one_by_one() -> None:
    rows = told(tallied(granting("PID: [3, 5]"), [hl7("ADT^A01", PID)] * 3))
    assert set(rows) == {"PID-1", "PID-19"}
    assert rows["PID-19"].seen.messages == 3


def test_a_field_of_which_anything_is_sent_to_anybody_is_not_told() -> None:
    two = policy(
        [rule("r", "coverage: any", "PID: [3]"), rule("masks", "coverage: any", "PID: [5.1]")],
        [channel("acme"), channel("beta")],
        to="[acme, beta]",
    )
    assert set(told(tallied(two, [hl7("ADT^A01", PID)]))) == {"PID-1", "PID-19"}
    masked = granting("PID: {fields: [3, 7], mask: {7: year}}")
    born = hl7("ADT^A01", "PID|||A^^^H^MR||||19800101")
    assert not told(tallied(masked, [born]))


def test_separators_alone_are_nothing_that_arrived() -> None:
    rows = told(tallied(granting("PID: [3]"), [hl7("ADT^A01", "PID|||A^^^H^MR||^^|~|&|F")]))
    assert set(rows) == {"PID-8"}


def test_what_was_sent_once_is_out_of_the_report_whenever_that_was() -> None:
    compiled = granting("PID: [3, 19]", more="coverage: any, PV1-2: I")
    out, stays = hl7("ADT^A01", PID, "PV1|1|O"), hl7("ADT^A01", PID, "PV1|1|I")
    assert "PID" in told(tallied(compiled, [out, out]))
    for order in ([out, stays], [stays, out]):
        assert "PID-19" not in told(tallied(compiled, order))


def test_granted_but_never_sent_says_why() -> None:
    never = hl7("ADT^A01", PID, DIAGNOSIS)
    compiled = granting("PID: [3, 19]", "DG1: {fields: all, where: {DG1-3.1: I10}}")
    rows = told(tallied(compiled, [never]))
    assert rows["DG1"].standing is Standing.GRANTED
    assert whys(tallied(compiled, [never]))["DG1"] == {"not-granted"}
    withheld = policy([rule("r", "coverage: any", "PID: [3, 19]", "    withhold: [PID-19]\n")])
    row = told(tallied(withheld, [never]))["PID-19"]
    assert [(one.code, one.rule) for one in row.seen.because] == [("withheld-by-rule", "r")]
    uncovered = policy([rule("r", "PV1-2: I", "PID: [3]")])
    inpatient = hl7("ADT^A01", PID, "PV1|1|I")
    assert whys(tallied(uncovered, [inpatient]))["PID"] == {"unknown-payer"}


def test_fields_of_a_segment_that_is_never_sent_are_told_only_if_no_rule_names_them() -> None:
    rows = told(tallied(granting("PID: [3]", "DG1: {fields: [1], where: {DG1-3.1: I10}}"),
                        [hl7("ADT^A01", PID, DIAGNOSIS)]))  # fmt: skip
    assert set(rows) == {"DG1", "DG1-3", "PID-1", "PID-5", "PID-19"}
    assert rows["DG1-3"].standing is Standing.UNLISTED


def test_what_is_granted_of_other_types_only_is_granted_and_never_sent() -> None:
    compiled = granting("PID: [3], DG1: all", more="coverage: any, message: [ADT^A04]")
    tally = tallied(compiled, [hl7("ADT^A01", PID, DIAGNOSIS)])
    assert told(tally)["DG1"].standing is Standing.GRANTED
    assert not told(tally)["DG1"].seen.because


def test_what_a_rule_withholds_and_none_grants_is_left_out_on_purpose() -> None:
    compiled = policy([rule("r", "coverage: any", "PID: [3]", "    withhold: [ZPV, PID-19]\n")])
    rows = told(tallied(compiled, [hl7("ADT^A01", PID, "ZPV|1", "ZPX|1")]))
    assert rows["ZPV"].standing is rows["PID-19"].standing is Standing.WITHHELD
    assert rows["ZPX"].standing is Standing.UNLISTED


def test_what_is_withheld_of_some_occurrences_only_is_not_left_out_on_purpose() -> None:
    more = "    withhold: {ZPV: {where: {ZPV-1: Y}}}\n"
    compiled = policy([rule("r", "coverage: any", "PID: [3]", more)])
    rows = told(tallied(compiled, [hl7("ADT^A01", PID, "ZPV|Y")]))
    assert rows["ZPV"].standing is Standing.UNLISTED


def test_what_is_withheld_of_some_messages_only_is_not_left_out_on_purpose() -> None:
    rules = [rule("r", "coverage: any", "PID: [3]")]
    rules.append(rule("psy", "PV1-10: PSY", "", "    withhold: [ZPV]\n"))
    rows = told(tallied(policy(rules), [hl7("ADT^A01", PID, "ZPV|1")]))
    assert rows["ZPV"].standing is Standing.UNLISTED
    rules[1] = rule("all", "message: [ADT]", "", "    withhold: [ZPV]\n")
    rows = told(tallied(policy(rules), [hl7("ADT^A01", PID, "ZPV|1")]))
    assert rows["ZPV"].standing is Standing.WITHHELD


def test_what_is_put_in_the_place_of_a_value_does_not_send_it() -> None:
    compiled = granting("PID: all")
    asked = "confidential: [{patient: {id: A, authority: H}, address: {city: Reno, state: NV}}]"
    message = hl7("ADT^A01", "PID|||A^^^H^MR||DOE^JO||||||12 Oak St^^Town^CA")
    tally = tallied(compiled, [message], facts(compiled, asked))
    (copy,) = outcome(compiled, message, facts(compiled, asked)).payloads
    assert b"Reno" in copy.data
    assert whys(tally) == {"PID-11": {"confidential-communication"}}
    assert not told(tallied(compiled, [message]))


def test_how_many_reasons_are_held_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST_REASONS", 2)
    withheld = [f"    withhold: {{DG1: {{where: {{DG1-1: {n}}}}}}}\n" for n in range(5)]
    compiled = policy(
        [rule(f"r{n}", "coverage: any", "PID: [3], DG1: all", w) for n, w in enumerate(withheld)]
    )
    messages = [hl7("ADT^A01", PID, f"DG1|{n}||E11.9") for n in range(5)]
    assert len(told(tallied(compiled, messages))["DG1"].seen.because) == 2


def test_a_channel_that_is_not_live_sends_nothing_and_its_rules_name() -> None:
    shadow = channel("acme") + "state: shadow\n"
    compiled = policy([rule("r", "coverage: any", "PID: [3]")], [shadow])
    rows = told(tallied(compiled, [hl7("ADT^A01", PID, "ZPV|1")]))
    assert rows["PID"].standing is Standing.GRANTED
    assert rows["ZPV"].standing is Standing.UNLISTED


def test_a_line_that_is_no_segment_is_told_without_what_stands_in_it() -> None:
    rows = tallied(granting("PID: all"), [hl7("ADT^A01", PID, "Anna Miller", "\x1b[2J|x")]).unsent()
    assert [one.content.path for one in rows] == ["(no segment)"]


def test_types_that_are_none_are_not_told() -> None:
    tally = tallied(granting("PID: all"), [hl7("MILLER^ANNA", PID, "ZPV|1")])
    assert told(tally)["ZPV"].seen.types == {"other"}


def test_of_the_header_only_what_rules_decide_of_is_told() -> None:
    message = hl7("ADT^A01", PID, msh="P|2.5.1|||AL|AL|US|ASCII|ENG")
    message = message.replace(b"120000||", b"120000|SECRET|")
    for granted, found in (
        ("PID: all", {"MSH-8", "MSH-19"}),
        ("PID: all, MSH: all", {"MSH-8"}),
        ("PID: all, MSH: [8]", {"MSH-19"}),
    ):
        rows = told(tallied(granting(granted), [message]))
        assert set(rows) == found
        assert all(row.standing is Standing.UNLISTED for row in rows.values())


@pytest.mark.parametrize("kind", ["payer", "vendor"])
def test_a_cancel_sends_what_no_written_rule_grants(kind: str) -> None:
    compiled = policy(
        [rule("r", "message: [ADT^A01]", "PID: all")],
        [channel("acme", kind=kind)],
    )
    cancel = hl7("ADT^A11", PID, f"PV1|1|I|3W{'|' * 16}V1")
    assert told(tallied(compiled, [cancel]))["PV1"].standing is Standing.UNLISTED
    rows = told(tallied(compiled, [cancel], disclosed("V1")))
    assert {"PV1-1", "PV1-3"} <= set(rows)
    assert not {"PV1", "PV1-2", "PV1-19"} & set(rows)


def codes(compiled: CompiledPolicy, *segments: str) -> dict[str, Unsent]:
    return told(tallied(compiled, [hl7("ORU^R01", PID, *segments)], codes=True))


def test_codes_that_were_sent_to_nobody_are_told_where_others_were_sent() -> None:
    compiled = granting(
        "PID: all, OBR: all, OBX: {fields: all, where: {OBX-3.1: 718-7}}", more="coverage: any"
    )
    results = ("OBX|1|NM|718-7^HGB^LN||1", "OBX|2|NM|2345-7^GLU^LN||2", "OBX|3|NM|ANNA MILLER||2")
    rows = codes(compiled, "OBR|1|||X^Panel^L", *results)
    assert set(rows) == {"OBX-3 2345-7"}
    row = rows["OBX-3 2345-7"]
    assert (row.content.system, row.standing) == ("LN", Standing.GRANTED)
    assert {one.code for one in row.seen.because} == {"not-granted"}
    without = tallied(compiled, [hl7("ORU^R01", PID, "OBR|1|||X", *results)])
    assert not told(without)


def test_no_code_is_told_of_a_field_that_is_never_sent() -> None:
    assert set(codes(granting("PID: all, OBR: all, DG1: [4]"), "OBR|1", f"{DIAGNOSIS}|x")) == {
        "DG1-1",
        "DG1-3",
    }


def test_how_much_is_held_is_bounded_and_a_new_segment_is_told_all_the_same(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(module, "MOST_FIELDS", 10)
    many = "PID|" + "|".join("x" * 50)
    tally = tallied(granting("PID: [3]"), [hl7("ADT^A01", many), hl7("ADT^A01", PID, "ZPV|1")])
    assert len(told(tally)) <= 11
    assert "ZPV" in told(tally)
    assert tally.not_held == 2
    assert tally.messages == 2


def test_fields_beyond_all_numbers_are_one() -> None:
    rows = told(tallied(granting("PID: [3]"), [hl7("ADT^A01", "PID" + "|x" * 5000)]))
    assert f"PID-{LAST_FIELD}" in rows
    assert len(rows) == LAST_FIELD - 1
