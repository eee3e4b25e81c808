"""A message that is done with for a channel, taken up again: what it teaches."""

from __future__ import annotations

from pathlib import Path

import pytest

from engine.intake.disclosed import disclosure_mark
from engine.intake.sealed import about_message
from engine.policy.compile import compile_policy
from engine.redecision.kept_message import recalling
from engine.redecision.redecide import Act, Redecision
from engine.redecision.reopening import Before, Reopening, Stands
from engine.store.memory import MemoryStore
from engine.store.sealing import Sealer
from tests.support.delivery_rig import BenchClock
from tests.support.reference_site import NOW, reference_site, sample

RECEIPT = "01M86BDQ4NBDAPMMWAVN"
CREDIT = sample("dft-p03").replace(b"|CG|", b"|CR|", 1)
CANCEL = sample("adt-a01").replace(b"A01", b"A11")


@pytest.mark.parametrize(
    ("raw", "teaches"),
    [(sample("adt-a01"), True), (CREDIT, True), (CANCEL, False)],
    ids=["message", "with a credit", "cancel"],
)
def test_a_copy_that_is_sent_after_all_leaves_the_mark_that_cancels_follow(
    tmp_path: Path, raw: bytes, teaches: bool
) -> None:
    sealer = Sealer.from_file(tmp_path / "keys", create=True)
    compiled = compile_policy(reference_site().policy)
    redecision = Redecision(compiled, sealer)
    sealed = sealer.seal(raw, about_message(RECEIPT))
    case = redecision.case(RECEIPT, sealed)
    case, recalled = redecision.gather(case, recalling(MemoryStore(BenchClock())))
    outcome = redecision.decide(case, recalled, NOW)["acme"]
    order = Reopening(compiled, sealer).reopen(
        Before(Stands.WITHHELD), case, sealed, outcome, act=Act("pat", NOW, "mended")
    )
    mark = disclosure_mark(case.message, RECEIPT, "acme", sealer)
    assert order.learned == ((mark,) if teaches else ())
