"""`deliver.control_id: new`: ids of our own, the same whenever the same copy is sent."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import cast

from engine.commit import GroupCommit
from engine.delivery.look import Send, Sight
from engine.intake.receipts import ALPHABET, control_id_of_copy
from engine.intake.sealed import about_copy
from engine.policy.compile import compile_policy
from engine.policy.model import ControlId, Policy
from engine.redecision.last_look import LastLook
from engine.redecision.redecide import Redecision
from engine.store.port import Opened
from tests.support.delivery_rig import Told, at_once, control_id_in
from tests.support.looking import looked
from tests.support.reference_site import NOW, Reception, reference_site, sample
from tests.unit.redecision.test_redecide import Desk, two_patients

SITE = reference_site()


def with_ids(control_id: ControlId, policy: Policy = SITE.policy) -> Policy:
    acme = dataclasses.replace(policy.channels["acme"], control_id=control_id)
    return dataclasses.replace(policy, channels={**policy.channels, "acme": acme})


class NewIds(Desk):
    """A desk at which acme gets ids of ours."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        site = dataclasses.replace(SITE, policy=with_ids(ControlId.NEW))
        self.reception = Reception(site, self.sealer)
        self.redecision = Redecision(self.reception.compiled, self.sealer)

    def look(self, policy: Policy, opened: Opened, cut: bytes) -> Sight:
        commit = GroupCommit(self.store, at_once, self.clock, Told())
        redecision = Redecision(compile_policy(policy, "revision-2"), self.sealer)
        look = LastLook("acme", redecision, commit, lambda _: cut, lambda: NOW)
        return looked(look, opened, self.clock.turns)


def test_an_id_is_made_of_receipt_channel_and_part() -> None:
    receipt = "01ABCDEFGH0123456789"
    ids = {
        control_id_of_copy(one, channel, part)
        for one in (receipt, "01ABCDEFGH012345678A")
        for channel in ("acme", "beta")
        for part in (0, 1)
    }
    assert len(ids) == 8
    assert control_id_of_copy(receipt, "acme", 0) in ids
    for one in ids:
        assert len(one) == 20
        assert one.startswith(b"01ABCDEFGH")
        assert set(one.decode()) <= set(ALPHABET)


def test_a_copy_has_its_own_id_and_nothing_else_is_changed(tmp_path: Path) -> None:
    plain, desk = Desk(tmp_path / "plain"), NewIds(tmp_path / "new")
    plain.take(sample("adt-a01"))
    receipt = desk.take(sample("adt-a01"))
    _, kept = plain.head("acme")
    opened, renamed = desk.head("acme")
    control_id = control_id_of_copy(receipt, "acme", 0)
    assert renamed == kept.replace(b"SAMPLE-A01-1", control_id)
    assert json.loads(opened.note)["control_id"] == control_id.decode()
    assert "control_id" not in json.loads(plain.head("acme")[0].note)


def test_a_replay_has_the_same_id(tmp_path: Path) -> None:
    desk = NewIds(tmp_path)
    desk.take(sample("adt-a01"))
    _, first = desk.head("acme")
    desk.park("acme")
    desk.do(desk.resolve(desk.items("acme")[0]))
    assert desk.head("acme")[1] == first


def test_each_patient_of_a_message_has_an_id(tmp_path: Path) -> None:
    desk = NewIds(tmp_path)
    desk.take(sample("adt-a01"))
    second = sample("adt-a01").replace(b"MR100001", b"MR100002").replace(b"V100001", b"V100002")
    desk.take(second.replace(b"AC100001", b"AC100002").replace(b"SAMPLE-A01-1", b"SAMPLE-A01-2"))
    receipt = desk.take(two_patients())
    copies = desk.resolve(desk.items("acme")[0]).copies
    ids = [
        control_id_in(desk.sealer.open(copy.sealed, about_copy(receipt, "acme", copy.part)))
        for copy in copies
    ]
    assert ids == [control_id_of_copy(receipt, "acme", part) for part in (0, 1)]


def test_what_is_queued_keeps_its_id_whatever_the_setting_says_now(tmp_path: Path) -> None:
    """A resend that had another id would be another message to the payer."""
    for number, (then, now) in enumerate(
        [(ControlId.NEW, ControlId.KEEP), (ControlId.KEEP, ControlId.NEW)]
    ):
        desk = NewIds(tmp_path / str(number))
        site = dataclasses.replace(SITE, policy=with_ids(then))
        desk.reception = Reception(site, desk.sealer)
        desk.take(sample("adt-a01"))
        opened, cut = desk.head("acme")
        sight = cast("Send", desk.look(with_ids(now), opened, cut))
        assert (sight.payload, sight.control_id) == (cut, control_id_in(cut))
        acme = SITE.policy.channels["acme"]
        ceiling = {name: mask for name, mask in acme.ceiling.items() if name != "DG1"}
        channels = {**SITE.policy.channels, "acme": dataclasses.replace(acme, ceiling=ceiling)}
        narrower = with_ids(now, dataclasses.replace(SITE.policy, channels=channels))
        sight = cast("Send", desk.look(narrower, opened, cut))
        assert b"\rDG1|" not in sight.payload
        assert control_id_in(sight.payload) == sight.control_id == control_id_in(cut)
