"""I6, of cancels: one goes where what it cancels went, after it, and nowhere else (rules.md §10.9).

Intake, last look and replay over one store in memory, under the reference site's policy.
"""

from __future__ import annotations

import dataclasses
import json
from datetime import UTC, datetime
from typing import Any, cast

from engine.delivery.look import ParkIt, Send, Sight, Withhold
from engine.hl7.wire import Message
from engine.intake.sealed import about_copy
from engine.policy.compile import CompiledPolicy, compile_policy
from engine.redecision.last_look import LastLook
from engine.redecision.redecide import Act, Redecision
from engine.store.memory import MemoryStore
from engine.store.port import (
    Advance,
    Claim,
    Fetch,
    Final,
    Item,
    Items,
    Opened,
    Settle,
    Waiting,
)
from tests.support.looking import looked
from tests.support.reference_site import reference_site
from tests.unit.intake.test_receive import ADT, LAB, Rig, sample

NOW = datetime(2026, 3, 2, 12, tzinfo=UTC)
SITE = reference_site()


def event(trigger: str, control_id: str, *, insured: bool = True) -> bytes:
    """Another event of the sample's visit; `insured`: it names the insurance."""
    payload = sample("adt-a01", f10=control_id)
    old = Message.parse(payload).msh.field(9)
    payload = payload.replace(old, f"ADT^{trigger}^ADT_A09".encode(), 1)
    payload = payload.replace(b"EVN|A01", f"EVN|{trigger}".encode())
    lines = [line for line in payload.split(b"\r") if insured or not line.startswith(b"IN")]
    return b"\r".join(lines)


class Desk(Rig):
    """An intake, with somebody who delivers from the lane of acme."""

    def now(self) -> datetime:
        return NOW

    def do(self, operation: Any) -> Any:
        return self.store.execute([operation])[0]

    def look(self, policy: CompiledPolicy | None = None) -> tuple[Sight, Opened, int]:
        """The last look at the head of acme's lane."""
        fence = self.do(Claim("acme", "one", 60_000, takeover=True)).fence
        opened = cast("Opened", self.do(Advance("acme", fence, 1, 60_000)))
        assert isinstance(opened, Opened), opened
        redecision = Redecision(policy or compile_policy(SITE.policy, "rev"), self.sealer)

        def unseal(one: Opened) -> bytes:
            return self.sealer.open(one.sealed, about_copy(one.receipt, "acme", one.part))

        look = LastLook(
            "acme",
            redecision,
            self.commit,
            unseal,
            self.now,
            taken_back=self.intake.marks.taken_back,
        )
        return looked(look, opened, self.turn), opened, fence

    def settle(self, opened: Opened, fence: int, final: Final, reason: str = "") -> None:
        close = Settle(opened.entry, final, b"{}", reason)
        self.do(Advance("acme", fence, 2, 0, close, open_next=False))

    def deliver(self) -> bytes:
        """Send the head to acme; what left."""
        sight, opened, fence = self.look()
        assert isinstance(sight, Send), sight
        self.settle(opened, fence, Final.DELIVERED)
        return sight.payload

    def replay(self) -> str:
        """Decide acme's oldest item again."""
        redecision = Redecision(compile_policy(SITE.policy, "rev"), self.sealer)
        item = self.items()[0]
        case = redecision.case(item.receipt, self.do(Fetch(item.receipt)))
        outcomes = redecision.decide_kept(case, self.do(case.recall), NOW)
        resolve = redecision.resolve(item, case, outcomes, Act("pat", NOW))
        assert self.do(resolve)
        code: str = outcomes["acme"].reasons[0].code.value
        return code

    def items(self) -> tuple[Item, ...]:
        return cast("tuple[Item, ...]", self.do(Items("acme")))

    def verdicts(self) -> dict[str, Any]:
        """The last decision."""
        decisions = [record for record in self.ledger() if record.get("kind") == "decision"]
        return cast("dict[str, Any]", decisions[-1]["channels"])


def stricter() -> CompiledPolicy:
    """The site without any rule: nothing is disclosed any more but what follows."""
    return compile_policy(dataclasses.replace(SITE.policy, rules=()), "rev-2")


def test_a_cancel_goes_where_what_it_cancels_went_and_after_it() -> None:
    desk = Desk()
    desk.answer(sample("adt-a01", f10="M1"))
    desk.answer(event("A11", "M2", insured=False))
    verdicts = desk.verdicts()
    assert verdicts["acme"] == {"verdict": "disclose", "rules": ["cancel-follows"], "parts": 1}
    assert verdicts["state-medicaid"]["reasons"] == ["not-disclosed-before"]
    assert b"|ADT^A01^" in desk.deliver()
    cancel = desk.deliver()
    assert b"|ADT^A11^" in cancel
    assert [line[:3] for line in cancel.split(b"\r")[:-1]] == [b"MSH", b"EVN", b"PID", b"PV1"]
    assert b"TESTPATIENT" not in cancel


def corrected(payload: bytes, segment: bytes, field: int, code: bytes) -> bytes:
    """The same message, whose first such segment says there that it takes something back."""
    lines = payload.split(b"\r")
    at = next(n for n, line in enumerate(lines) if line.startswith(segment + b"|"))
    fields = lines[at].split(b"|")
    fields[field] = code
    lines[at] = b"|".join(fields)
    return b"\r".join(lines)


def of_another(payload: bytes) -> bytes:
    """The same of another patient, in another visit."""
    return payload.replace(b"V100001", b"V100002").replace(b"MR100001", b"MR100002")


def test_a_corrected_result_goes_where_something_of_its_visit_went() -> None:
    other = Desk()
    other.answer(corrected(sample("oru-r01", f10="M1"), b"OBX", 11, b"C"), LAB)
    assert b"2345-7" not in b"".join(copy.sealed for copy in other.committed[0].copies)
    desk = Desk()
    desk.answer(sample("adt-a01", f10="M1"))
    desk.deliver()
    desk.answer(corrected(sample("oru-r01", f10="M2"), b"OBX", 11, b"C"), LAB)
    assert desk.verdicts()["acme"]["rules"] == ["results-for-claims"]
    assert b"OBX|1|NM|2345-7^" in desk.deliver()


def test_a_credited_charge_goes_where_something_of_its_visit_went() -> None:
    credit = corrected(sample("dft-p03", f10="M2"), b"FT1", 6, b"CD")
    line = next(line for line in credit.split(b"\r") if line.startswith(b"FT1"))
    desk = Desk()
    desk.answer(credit)
    before = desk.deliver() if desk.items() else b""
    assert line[:20] not in before
    desk = Desk()
    desk.answer(sample("adt-a01", f10="M1"))
    desk.deliver()
    desk.answer(credit)
    assert line[:20] in desk.deliver()


def test_new_results_beside_a_correction_mark_their_visit() -> None:
    """The correction goes to nobody; the new results do, and so does the cancel of the visit."""
    desk = Desk()
    desk.answer(sample("adt-a01", f10="M1"), ADT)
    mixed = corrected(sample("oru-r01", f10="M2"), b"OBX", 11, b"C")
    desk.answer(mixed.replace(b"V100001", b"V100002"), LAB)
    assert desk.verdicts()["acme"]["verdict"] == "disclose"
    desk.answer(event("A11", "M3").replace(b"V100001", b"V100002"))
    assert desk.verdicts()["acme"]["rules"] == ["cancel-follows"]


def test_a_cancel_follows_to_a_vendor_too() -> None:
    desk = Desk()
    desk.answer(event("A11", "M1"))
    assert desk.verdicts()["review-partners"]["verdict"] == "withhold"
    desk.answer(sample("adt-a01", f10="M2"))
    assert desk.verdicts()["review-partners"]["rules"] == ["review-of-stays"]
    desk.answer(event("A11", "M3"))
    assert "cancel-follows" in desk.verdicts()["review-partners"]["rules"]


def test_another_process_knows_of_the_disclosure_from_the_store() -> None:
    store = MemoryStore()
    Desk(store).answer(sample("adt-a01", f10="M1"))
    other = Desk(store)
    other.answer(event("A11", "M2"))
    assert other.verdicts()["acme"]["verdict"] == "disclose"


def test_a_visit_of_another_hospital_with_the_same_number_is_another_visit() -> None:
    desk = Desk()
    desk.answer(sample("adt-a01", f10="M1"))
    for number, authority in enumerate((b"EAST", b"WEST")):
        cancel = event("A11", f"N{number}").replace(b"V100001", b"V100001^^^" + authority)
        desk.answer(cancel)
        assert desk.verdicts()["acme"]["reasons"] == ["not-disclosed-before"]
    desk.answer(event("A11", "M2").replace(b"V100001", b"V100001^^^GOOD HEALTH"))
    assert desk.verdicts()["acme"]["verdict"] == "disclose"  # the sender's own, said twice


def test_a_cancel_of_nothing_and_of_no_visit_goes_nowhere() -> None:
    desk = Desk()
    desk.answer(event("A11", "M1"))
    assert desk.verdicts()["acme"]["reasons"] == ["not-disclosed-before"]
    desk.answer(sample("adt-a01", f10="M2"))
    desk.answer(event("A11", "M3").replace(b"V100001", b""))
    assert desk.verdicts()["acme"]["reasons"] == ["not-disclosed-before"]


def test_a_mark_is_written_once_and_again_only_for_another_channel() -> None:
    desk = Desk()
    for number, name in enumerate(("adt-a01", "adt-a08", "dft-p03", "adt-a08")):
        desk.answer(sample(name, f10=f"M{number}"))
    receipts = {accept.receipt.encode() for accept in desk.committed}
    marks = [
        [learned for learned in accept.learned if learned.sealed in receipts]
        for accept in desk.committed
    ]
    channels = [{copy.channel for copy in accept.copies} for accept in desk.committed]
    seen: set[str] = set()
    for written, whom in zip(marks, channels, strict=True):
        assert len(written) == len(whom - seen)
        seen |= whom


def test_a_message_that_was_not_stored_marks_nothing() -> None:
    """Its repetition does."""
    desk = Desk()
    desk.answer(sample("adt-a01", f10="M1"))
    again = Desk(desk.store)
    again.answer(sample("adt-a01", f10="M1"))  # a duplicate: nothing of it was stored
    again.answer(sample("adt-a08", f10="M2"))
    sealed = [learned.sealed for learned in again.committed[0].learned]
    assert again.committed[0].receipt.encode() in sealed


def test_what_the_last_look_withholds_was_not_disclosed_so_its_cancel_stays() -> None:
    desk = Desk()
    desk.answer(sample("adt-a01", f10="M1"))
    desk.answer(event("A11", "M2"))
    sight, opened, fence = desk.look(stricter())
    assert sight == Withhold("no-rule")
    desk.settle(opened, fence, Final.WITHHELD, "no-rule")
    assert desk.look(stricter())[0] == Withhold("not-disclosed-before")
    assert desk.look()[0] == Withhold("not-disclosed-before")


def test_what_comes_after_a_copy_that_was_withheld_marks_the_visit_anew() -> None:
    """Its cancel and its corrections follow it, though the first copy of the visit never left."""
    desk = Desk()
    desk.answer(sample("adt-a01", f10="M1"))
    _, opened, fence = desk.look(stricter())
    desk.settle(opened, fence, Final.WITHHELD, "no-rule")
    desk.answer(event("A11", "M2"))
    assert desk.verdicts()["acme"]["reasons"] == ["not-disclosed-before"]
    desk.answer(sample("adt-a08", f10="M3"))
    assert b"|ADT^A08^" in desk.deliver()
    desk.answer(corrected(sample("oru-r01", f10="M4"), b"OBX", 11, b"C"), LAB)
    assert desk.verdicts()["acme"]["verdict"] == "disclose"
    desk.answer(event("A11", "M5"))
    assert desk.verdicts()["acme"]["rules"] == ["cancel-follows"]


def test_corrections_of_several_patients_each_follow_what_went_of_their_visit() -> None:
    """An ORU of two patients: the payer had the visit of one alone."""
    desk = Desk()
    desk.answer(sample("adt-a01", f10="M1"))
    desk.deliver()
    desk.answer(of_another(event("A05", "M2")))  # teaches the coverage, and goes to nobody
    one = corrected(sample("oru-r01", f10="M3"), b"OBX", 11, b"C")
    desk.answer(one + of_another(one.partition(b"\r")[2]), LAB)
    assert desk.verdicts()["acme"]["parts"] == 2  # what is new goes of both
    first, second = desk.deliver(), desk.deliver()
    assert b"MR100001" in first
    assert b"OBX|1|NM|2345-7^" in first
    assert b"MR100002" in second
    assert b"2345-7^" not in second


def test_what_was_attempted_before_it_was_withheld_keeps_its_cancel() -> None:
    """The payer may have it: bytes left, and no answer came."""
    desk = Desk()
    desk.answer(sample("adt-a01", f10="M1"))
    desk.answer(event("A11", "M2"))
    desk.look()  # opens an attempt, whose outcome is unknown once another claims the lane
    sight, opened, fence = desk.look(stricter())
    assert sight == Withhold("no-rule")
    desk.settle(opened, fence, Final.WITHHELD, "no-rule")
    assert isinstance(desk.look(stricter())[0], Send)


def test_the_cancel_of_a_refused_message_follows_and_a_replay_after_it_is_withheld() -> None:
    """Whoever refused it has seen it; but an admission must not come after its cancel."""
    desk = Desk()
    desk.answer(sample("adt-a01", f10="M1"))
    sight, opened, fence = desk.look()
    assert isinstance(sight, Send)
    desk.settle(opened, fence, Final.PARKED, "ack-AR")
    desk.answer(event("A11", "M2"))
    assert b"|ADT^A11^" in desk.deliver()
    assert desk.replay() == "cancelled"
    assert desk.items() == ()
    assert desk.do(Waiting("acme")) == ()


def test_an_event_that_was_held_when_its_cancel_came_is_never_sent() -> None:
    """Nor is the cancel: the payer never heard of it."""
    desk = Desk()
    desk.answer(sample("adt-a03", f10="M1"))
    assert desk.items()[0].reason == "unknown-payer"
    desk.answer(event("A13", "M2", insured=False))
    assert desk.verdicts()["acme"]["reasons"] == ["not-disclosed-before"]
    desk.answer(sample("adt-a01", f10="M3"))
    assert desk.replay() == "cancelled"
    assert desk.items() == ()


def test_a_discharge_after_the_cancel_of_an_earlier_one_is_sent() -> None:
    desk = Desk()
    desk.answer(event("A13", "M1", insured=False))
    desk.answer(sample("adt-a03", f10="M2"))
    assert desk.items()[0].reason == "unknown-payer"
    desk.answer(sample("adt-a01", f10="M3"))
    assert desk.replay() == "granted"


def test_a_hold_that_is_released_is_marked_so_that_its_cancel_follows() -> None:
    desk = Desk()
    desk.answer(sample("adt-a03", f10="M1"))
    assert desk.items()[0].reason == "unknown-payer"
    desk.answer(event("A05", "M2"))  # teaches the coverage, and is disclosed to nobody
    assert desk.verdicts()["acme"]["verdict"] == "withhold"
    assert desk.replay() == "granted"
    other = Desk(desk.store)
    other.answer(event("A13", "M3"))
    assert other.verdicts()["acme"]["verdict"] == "disclose"


def test_a_cancel_that_was_parked_is_replayed_if_it_still_follows() -> None:
    desk = Desk()
    desk.answer(sample("adt-a01", f10="M1"))
    desk.answer(event("A11", "M2"))
    desk.deliver()
    sight, opened, fence = desk.look()
    assert isinstance(sight, Send)
    desk.settle(opened, fence, Final.PARKED, "ack-AR")
    assert desk.replay() == "granted"
    assert b"|ADT^A11^" in desk.deliver()


def test_neither_mark_nor_record_says_whose_visit_it_was() -> None:
    desk = Desk()
    desk.answer(sample("adt-a01", f10="M1"))
    desk.answer(event("A11", "M2"))
    for accept in desk.committed:
        for learned in accept.learned:
            assert b"V100001" not in learned.key + learned.sealed
    assert "V100001" not in json.dumps(desk.ledger())
    assert not isinstance(desk.look()[0], ParkIt)
