"""What messages change of the privacy registry, and what they are decided with afterwards."""

from __future__ import annotations

import io
import itertools
import json
from datetime import timedelta
from typing import Any, cast

import pytest
from twisted.internet.defer import Deferred

from engine.commit import GroupCommit
from engine.intake.admission import Admission, Gate
from engine.intake.receipts import Receipts
from engine.intake.receive import Intake
from engine.intake.registered import MOST_NAMED, Registered
from engine.logs import Log
from engine.privacy.acts import Act, Verb
from engine.privacy.facts import (
    Cover,
    Item,
    ItemKind,
    Level,
    Restriction,
    RestrictionReason,
    Sensitivity,
)
from engine.privacy.held import Held
from engine.privacy.links import Tie
from engine.privacy.patients import Patient
from engine.privacy.sorts import Sort
from engine.redecision.redecide import Redecision
from engine.registering import StoredRegistry
from engine.store.memory import MemoryStore
from engine.store.port import Accept, Advance, Changed, Claim, Fetch, NextReleased, ReadLedger
from tests.support.cutting import channel, policy, rule
from tests.support.delivery_rig import BenchClock, Told, at_once
from tests.support.key_ring import any_sealer

SEALER = any_sealer()
CONFIG = "protections: [us-fl]\nsignals:\n  self_pay: {segment: ZSP, when: {ZSP-1: Y}}\n"
SITE = policy(
    [rule("r", "message: [ADT, ORU]", "PID: [3], PV1: [19], MRG: all, OBR: all, OBX: all")],
    [channel("acme"), channel("beta")],
    to="[acme, beta]",
    config=CONFIG,
)
VISIT = Item(ItemKind.VISIT, "V1")
S, P = Patient("S", "H"), Patient("P", "H")


class Connection:
    listener = "adt"


class Desk:
    """An intake over a store in memory, and the registry as commands have it."""

    def __init__(self) -> None:
        self.clock = BenchClock()
        self.store = MemoryStore(self.clock)
        self.registered = Registered(SEALER)
        self.log = io.StringIO()
        self.committed: list[Accept] = []
        self.registry = StoredRegistry(self.store, SEALER, ("acme", "beta"))
        self.numbers = itertools.count(1)
        self.source = Connection()
        ticks = itertools.count(1)
        commit = GroupCommit(self.store, at_once, self.clock, Told())
        self.intake = Intake(
            compiled=SITE, gates={"adt": Gate(Admission(), "production")},
            answer_while_down=frozenset(), commit=commit, sealing=SEALER,
            registered=self.registered, clock=self.clock, log=Log(self.log, self.clock),
            receipts=Receipts(lambda: 1_772_409_600_000 + next(ticks), lambda _: 1),
            committed=self.committed.append, released=lambda: None,
        )  # fmt: skip

    def receive(self, kind: str, *segments: str) -> bytes:
        """Take a message; its answer."""
        head = f"MSH|^~\\&|HIS|H|PG|PG|20260301||{kind}|M{next(self.numbers)}|P|2.5.1"
        answer: list[bytes | None] = []
        took: Deferred[bytes | None] = self.intake.receive(
            "\r".join((head, "EVN||20260301", *segments, "")).encode(), self.source
        )
        took.addCallback(answer.append)
        for _ in range(8):
            self.clock.advance(0)
        assert answer[0] is not None
        return answer[0]

    def outcome(self, kind: str, *segments: str, channel: str = "acme") -> str:
        """What becomes of a message for one channel."""
        assert b"MSA|AA" in self.receive(kind, *segments)
        said = json.loads(self.committed[-1].record)["channels"][channel]
        return cast("str", said["reasons"][0] if "reasons" in said else said["verdict"])

    def held(self, patient: str) -> Held:
        return self.registry.held(patient)

    def restrict(self, patient: Patient, item: Item = VISIT) -> str:
        return self.registry.add(Restriction(patient, frozenset({item})), self.act()).entry

    def act(self) -> Act:
        return Act("ann", self.clock.now(), "because")

    def again(self, accept: Accept | None = None) -> dict[str, str]:
        """What would become now of a message, the last one unless it is named."""
        receipt = (accept or self.committed[-1]).receipt
        redecision = Redecision(SITE, SEALER)
        sealed = cast("bytes", self.store.execute([Fetch(receipt)])[0])
        case, recalled = redecision.gather(
            redecision.case(receipt, sealed), lambda one: cast("Any", self.store.execute([one])[0])
        )
        found = redecision.decide(case, recalled, self.clock.now())
        return {
            name: one.verdict.value if one.payloads else one.reasons[0].code.value
            for name, one in found.items()
        }


@pytest.fixture
def desk() -> Desk:
    return Desk()


def pid(patient: str = "S", account: str = "") -> str:
    return f"PID|1||{patient}^^^H" + "|" * 15 + account


def pv1(visit: str = "V1") -> str:
    return "PV1|1|I" + "|" * 17 + visit


MRG = "MRG|P^^^H"
IN1 = "IN1|1|P1|ACME"
ORU = ("ORU^R01", pid(), pv1("V9"), "OBR|1", "OBX|1|NM|1||2")


# --- merges --------------------------------------------------------------------------------------


def test_a_merge_joins_what_is_held_and_says_by_which_message(desk: Desk) -> None:
    entry = desk.restrict(P)
    desk.receive("ADT^A40", pid(), MRG, IN1)
    (link,) = desk.held("S").links
    assert desk.held("P").links == (link,)
    assert (link.tie, link.state, link.survivors, link.priors) == (
        Tie.MERGED, Verb.JOINED, (S,), (P,),
    )  # fmt: skip
    act, accept = link.history[0][1], desk.committed[-1]
    assert (act.by, act.why) == (f"message:{accept.receipt}", "ADT^A40")
    assert act.document == accept.digest.hex()
    assert desk.held("S").entry(entry) == desk.held("P").entry(entry)
    assert '"event": "registry_changed"' in desk.log.getvalue()


def test_each_record_that_a_message_changes_is_in_the_ledger(desk: Desk) -> None:
    desk.receive("ADT^A40", pid(), MRG)
    rows = [json.loads(one[1]) for one in cast("Any", desk.store.execute([ReadLedger()])[0])]
    changes = [row for row in rows if row["kind"] == "registry"]
    assert [row["entries"][0][1] for row in changes] == ["joined", "joined"]
    assert all(row["sealed"] and row["by"].startswith("message:") for row in changes)
    assert rows[-1]["kind"] == "decision"


def test_the_survivor_is_decided_with_the_prior_s_restrictions(desk: Desk) -> None:
    desk.restrict(P)
    assert desk.outcome("ADT^A01", pid(), pv1(), IN1) == "disclose"
    desk.receive("ADT^A40", pid(), MRG)
    assert desk.outcome("ADT^A01", pid(), pv1(), IN1) == "restricted"
    assert desk.outcome("ADT^A01", pid(), pv1("V2"), IN1) == "disclose"


def test_what_waits_of_both_is_decided_again(desk: Desk) -> None:
    desk.restrict(P)
    assert desk.outcome("ADT^A01", pid(), pv1(), IN1) == "disclose"
    first = desk.committed[-1]
    desk.receive("ADT^A40", pid(), MRG)
    assert desk.again(first)["acme"] == "restricted"


def test_a_command_under_either_identifier_reaches_both(desk: Desk) -> None:
    desk.receive("ADT^A40", pid(), MRG)
    entry = desk.restrict(P)
    assert desk.outcome("ADT^A01", pid(), pv1(), IN1) == "restricted"
    assert desk.registry.end("S", entry, desk.act()).version
    assert desk.held("P").entries[0].is_over
    assert desk.outcome("ADT^A01", pid(), pv1(), IN1) == "disclose"


def test_what_was_on_its_way_is_told_by_number(desk: Desk) -> None:
    assert desk.outcome("ADT^A01", pid(), pv1(), IN1) == "disclose"
    fence = cast("Any", desk.store.execute([Claim("acme", "one", 1000)])[0]).fence
    desk.store.execute([Advance("acme", fence, 1, 1000)])
    desk.receive("ADT^A40", pid(), MRG)
    (said,) = [json.loads(x) for x in desk.log.getvalue().splitlines() if "too_late" in x]
    assert (said["event"], said["count"]) == ("registry_too_late", 1)
    assert said["receipt"] == desk.committed[-1].receipt


def test_the_same_merge_again_changes_nothing(desk: Desk) -> None:
    desk.receive("ADT^A40", pid(), MRG)
    before = desk.held("S")
    desk.receive("ADT^A40", pid(), MRG)
    assert desk.committed[-1].enters == ()
    assert desk.held("S") == before


def test_a_merge_of_who_was_merged_reaches_all_three(desk: Desk) -> None:
    desk.restrict(Patient("Q", "H"))
    desk.receive("ADT^A40", pid("P"), "MRG|Q^^^H")
    desk.receive("ADT^A40", pid(), MRG)
    assert desk.outcome("ADT^A01", pid(), pv1(), IN1) == "restricted"
    assert len(desk.held("Q").links) == 2


def test_what_comes_with_a_merge_in_one_batch_sees_it(desk: Desk) -> None:
    desk.restrict(P)
    desk.registered.learned(cast("Changed", desk.store.execute([desk.registered.news()])[0]))
    answers: list[bytes | None] = []
    for kind, segments in (
        ("ADT^A40", (pid(), MRG)),
        ("ADT^A01", (pid(), pv1(), IN1)),
    ):
        head = f"MSH|^~\\&|HIS|H|PG|PG|20260301||{kind}|B{next(desk.numbers)}|P|2.5.1"
        payload = "\r".join((head, "EVN||20260301", *segments, "")).encode()
        desk.intake.receive(payload, desk.source).addCallback(answers.append)
    for _ in range(8):
        desk.clock.advance(0)
    assert len(answers) == 2
    said = json.loads(desk.committed[-1].record)["channels"]["acme"]
    assert said["reasons"] == ["restricted"]


def test_an_unlink_of_a_merge_holds_both_until_a_person_has_decided(desk: Desk) -> None:
    desk.receive("ADT^A40", pid(), MRG)
    desk.receive("ADT^A37", pid(), pid("P"))
    assert "merge_questioned" in desk.log.getvalue()
    assert desk.outcome("ADT^A01", pid("P"), pv1(), IN1) == "ambiguous-restriction"
    (link,) = desk.held("P").links
    assert desk.registry.part("P", link.id, desk.act()).version
    assert desk.store.execute([NextReleased(9)])[0] == (desk.committed[-1].receipt,)
    assert desk.again()["acme"] == "disclose"


def test_a_merge_while_the_registry_cannot_be_read_is_not_taken(desk: Desk) -> None:
    desk.restrict(P)
    desk.store.registry.held.clear()  # as a damaged store has it
    assert b"MSA|AE" in desk.receive("ADT^A40", pid(), MRG)
    assert not desk.committed
    assert "registry-unavailable" in desk.log.getvalue()


def test_who_names_more_than_one_person_has_is_refused(desk: Desk) -> None:
    many = "~".join(f"{number}^^^H" for number in range(100))
    assert b"MSA|AE" in desk.receive("ADT^A40", pid(), f"MRG|{many}")
    assert "too-many-identifiers" in desk.log.getvalue()


def test_who_names_more_patients_than_any_message_has_is_refused(desk: Desk) -> None:
    def named(number: int) -> str:
        return "PID|1||" + "~".join(f"{one}^^^H" for one in range(number))

    assert b"MSA|AA" in desk.receive("ADT^A08", named(MOST_NAMED), pv1(), IN1)
    assert b"MSA|AE" in desk.receive("ADT^A08", named(MOST_NAMED + 1), pv1(), IN1)
    assert "too-many-identifiers" in desk.log.getvalue()


# --- coverage ------------------------------------------------------------------------------------


def test_what_was_learned_of_the_prior_counts_for_the_survivor(desk: Desk) -> None:
    desk.receive("ADT^A04", pid("P"), IN1)
    assert desk.outcome(*ORU) == "unknown-payer"
    held = desk.committed[-1]
    desk.receive("ADT^A40", pid(), MRG)
    assert desk.store.execute([NextReleased(9)])[0] == (held.receipt,)
    assert desk.again(held)["acme"] == "disclose"
    assert desk.outcome(*ORU) == "disclose"


def test_insurers_that_contradict_each_other_hold(desk: Desk) -> None:
    desk.receive("ADT^A04", pid("P"), IN1)
    desk.receive("ADT^A04", pid("S"), "IN1|1|P1|BETA")
    desk.receive("ADT^A40", pid(), MRG)
    assert desk.outcome(*ORU) == "ambiguous-coverage"


def test_coverage_follows_a_visit_to_its_new_number(desk: Desk) -> None:
    desk.receive("ADT^A01", pid(), pv1("V1"), IN1)
    assert desk.outcome(*ORU) == "unknown-payer"
    desk.receive("ADT^A50", pid(), "MRG|||||V1", pv1("V9"))
    assert desk.store.execute([NextReleased(9)])[0] != ()
    assert desk.outcome(*ORU) == "disclose"


def test_visits_that_are_merged_and_contradict_each_other_hold(desk: Desk) -> None:
    desk.receive("ADT^A01", pid(), pv1("V1"), IN1)
    desk.receive("ADT^A01", pid(), pv1("V9"), "IN1|1|P1|BETA")
    desk.receive("ADT^A42", pid(), "MRG|S^^^H||||V1", pv1("V9"))
    assert desk.outcome(*ORU) == "ambiguous-coverage"


def test_the_insurer_of_a_wrong_owner_is_not_moved_along(desk: Desk) -> None:
    desk.receive("ADT^A01", pid("P"), pv1("V9"), IN1)
    desk.receive("ADT^A45", pid("S"), "MRG|P^^^H||||V9", pv1("V9"))
    assert desk.outcome(*ORU) == "unknown-payer"


def test_coverage_that_a_person_enters_releases_what_waited_for_it(desk: Desk) -> None:
    assert desk.outcome(*ORU) == "unknown-payer"
    desk.registry.add(Cover(S, "acme", Level.VISIT, "V9"), desk.act())
    assert desk.store.execute([NextReleased(9)])[0] == (desk.committed[-1].receipt,)
    assert desk.again() == {"acme": "disclose", "beta": "no-coverage"}


def test_a_person_and_a_message_that_contradict_each_other_hold_until_it_is_settled(
    desk: Desk,
) -> None:
    desk.receive("ADT^A01", pid(), pv1("V9"), IN1)
    entry = desk.registry.add(Cover(S, "beta", Level.VISIT, "V9"), desk.act()).entry
    assert desk.outcome(*ORU) == "ambiguous-coverage"
    day = (desk.clock.now() - timedelta(days=400)).date()
    over = Cover(S, "beta", Level.VISIT, "V9", until=day, settles=True)
    desk.registry.add(over, desk.act())
    assert desk.again()["beta"] == "ambiguous-coverage"  # it settles other days
    desk.registry.add(Cover(S, "beta", Level.VISIT, "V9", settles=True), desk.act())
    assert desk.again() == {"acme": "no-coverage", "beta": "disclose"}
    desk.registry.end("S", entry, desk.act())
    assert desk.again()["beta"] == "disclose"


def test_a_narrower_level_goes_before_what_a_person_said_of_the_patient(desk: Desk) -> None:
    desk.receive("ADT^A01", pid(), pv1("V9"), IN1)
    desk.registry.add(Cover(S, "beta", settles=True), desk.act())
    assert desk.outcome(*ORU) == "disclose"


# --- signals -------------------------------------------------------------------------------------


def test_a_self_pay_request_is_kept_for_what_cannot_say_it(desk: Desk) -> None:
    assert desk.outcome("ADT^A01", pid(), pv1("V9"), IN1, "ZSP|Y") == "restricted"
    assert desk.outcome(*ORU) == "restricted"
    (entry,) = desk.held("S").entries
    assert entry.fact == Restriction(
        S, frozenset({Item(ItemKind.VISIT, "V9")}), None, RestrictionReason.SELF_PAY_IN_FULL
    )
    assert entry.history[0][1].by.startswith("message:")


def test_what_a_person_lifted_lets_go_what_came_before_and_restricts_when_it_is_said_anew(
    desk: Desk,
) -> None:
    marked = ("ADT^A01", pid(), "PD1" + "|" * 12 + "Y", pv1("V9"), IN1)
    assert desk.outcome(*marked) == "ambiguous-restriction"
    (entry,) = desk.held("S").entries
    desk.registry.end("S", entry.id, desk.act())
    first = desk.committed[-1]
    assert desk.again(first)["acme"] == "disclose"
    assert desk.outcome(*ORU) == "disclose"
    assert desk.outcome(*marked) == "ambiguous-restriction"
    assert [verb for verb, _ in desk.held("S").entries[0].history] == [
        Verb.ADDED, Verb.LIFTED, Verb.ADDED,
    ]  # fmt: skip
    assert desk.again(first)["acme"] == "ambiguous-restriction"
    desk.registry.end("S", entry.id, desk.act())
    assert (desk.again()["acme"], desk.again(first)["acme"]) == ("disclose", "disclose")


def test_a_marker_of_an_old_number_reaches_the_new_one(desk: Desk) -> None:
    """Two moves later, by message or by command, whoever owned it then."""
    desk.receive("ADT^A45", pid("P"), "MRG|Q^^^H||||V1", pv1("V2"))
    desk.receive("ADT^A45", pid("S"), "MRG|P^^^H||||V2", pv1("V9"))
    assert desk.outcome("ADT^A01", pid(), pv1("V9"), IN1) == "disclose"
    waiting = desk.committed[-1]
    desk.receive("ADT^A08", pid("Q"), pv1("V1"), "ZSP|Y", IN1)
    assert desk.outcome("ADT^A01", pid(), pv1("V9"), IN1) == "restricted"
    assert desk.again(waiting)["acme"] == "restricted"
    assert desk.outcome("ADT^A01", pid("P"), pv1("V2"), IN1) == "restricted"
    assert desk.outcome("ADT^A01", pid("P"), pv1("V9"), IN1) == "disclose"


def test_a_restriction_of_an_old_number_by_command_reaches_the_new_one(desk: Desk) -> None:
    desk.receive("ADT^A50", pid(), "MRG|||||V1", pv1("V9"))
    assert desk.outcome("ADT^A01", pid(), pv1("V9"), IN1) == "disclose"
    desk.restrict(S)
    assert desk.outcome("ADT^A01", pid(), pv1("V9"), IN1) == "restricted"


LABELLED = ("ADT^A01", pid(), pv1("V9"), "ARV|1|A|PSY", IN1)


def test_a_label_is_kept_for_what_cannot_say_it(desk: Desk) -> None:
    assert desk.outcome("ADT^A01", pid(), pv1("V9"), IN1) == "disclose"
    assert desk.outcome(*LABELLED) == "labelled-mental-health"
    assert desk.outcome(*ORU) == "labelled-mental-health"
    (entry,) = desk.held("S").entries
    assert (entry.fact, entry.sort) == (
        Sensitivity(S, Item(ItemKind.VISIT, "V9"), "mental-health"), Sort.LABEL,
    )  # fmt: skip
    act = entry.history[0][1]
    assert (act.by, act.why) == (f"message:{desk.committed[-2].receipt}", "ADT^A01")
    assert desk.outcome(*LABELLED) == "labelled-mental-health"
    assert desk.committed[-1].enters == ()
    assert desk.outcome("ADT^A01", pid(), pv1("V1"), IN1) == "disclose"


def test_what_waits_is_labelled_as_well(desk: Desk) -> None:
    assert desk.outcome("ADT^A01", pid(), pv1("V9"), IN1) == "disclose"
    first = desk.committed[-1]
    desk.receive(*LABELLED)
    assert desk.again(first)["acme"] == "labelled-mental-health"


def test_a_label_that_the_sender_takes_back_stays_until_a_person_ends_it(desk: Desk) -> None:
    desk.receive(*LABELLED)
    desk.receive("ADT^A08", pid(), pv1("V9"), "ARV|1|D|PSY", IN1)
    assert desk.outcome(*ORU) == "labelled-mental-health"
    (entry,) = desk.held("S").entries
    assert desk.registry.end("S", entry.id, desk.act()).version
    assert desk.outcome(*ORU) == "disclose"
    assert desk.held("S").entries[0].history[-1][0] is Verb.LIFTED


def test_a_label_of_one_record_is_one_of_both_and_follows_its_visit(desk: Desk) -> None:
    desk.receive("ADT^A01", pid("P"), pv1("V1"), "ARV|1|A|PSY", IN1)
    desk.receive("ADT^A45", pid("S"), "MRG|P^^^H||||V1", pv1("V9"))
    assert desk.outcome(*ORU) == "labelled-mental-health"
    desk.receive("ADT^A40", pid("S"), MRG)
    assert desk.outcome("ADT^A01", pid(), pv1("V1"), IN1) == "labelled-mental-health"


def test_a_marker_under_one_identifier_reaches_who_was_merged_before(desk: Desk) -> None:
    desk.receive("ADT^A40", pid(), MRG)
    desk.receive("ADT^A01", pid("P"), "PD1" + "|" * 12 + "Y", pv1("V9"), IN1)
    assert len(desk.committed[-1].enters) == 2
    assert desk.outcome(*ORU) == "ambiguous-restriction"


def test_several_patients_are_told_apart(desk: Desk) -> None:
    one = ("PID|1||S^^^H", "PD1" + "|" * 12 + "Y", "OBR|1", "OBX|1|NM|1||2")
    other = ("PID|2||P^^^H", "OBR|1", "OBX|1|NM|1||2")
    desk.receive("ORU^R01", *one, *other)
    assert len(desk.held("S").entries) == 1
    assert desk.held("P") == Held()


def test_nothing_of_a_patient_is_written_down_unsealed(desk: Desk) -> None:
    desk.receive("ADT^A40", pid("SECRET"), "MRG|HIDDEN^^^H||ACCT", "ZSP|Y")
    written = [
        *desk.store.registry.held.values(),
        *(record for _, record in desk.store.journal.ledger),
    ]
    for text in (b"SECRET", b"HIDDEN", b"ACCT"):
        assert not any(text in one for one in written)
    assert "SECRET" not in desk.log.getvalue()
