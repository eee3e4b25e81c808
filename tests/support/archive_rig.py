"""An archive at work over a store in memory: taken in, delivered and archived, step by step."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, cast

import sqlalchemy as sa

from engine.archive import schema
from engine.archive.archiver import Archiver
from engine.archive.database import Database
from engine.archive.entries import Clerk
from engine.archive.signing import create_signing_key, public_file, read_signer, read_verifier
from engine.archive.story import Scribe
from engine.cli.parked import discarding
from engine.config.load import load_site
from engine.delivery.record import delivery_record
from engine.hl7.wire import Message
from engine.intake.acceptance import Acceptances
from engine.intake.receipts import Receipts
from engine.intake.sealed import hash_key
from engine.policy.compile import compile_policy
from engine.policy.decide import decide
from engine.policy.meaning.revision import revision
from engine.privacy.facts import Facts
from engine.store.memory import MemoryStore
from engine.store.port import (
    Accept,
    Advance,
    Backlog,
    Claim,
    Fetch,
    Final,
    Item,
    Items,
    KeepForArchive,
    LaneView,
    Opened,
    Settle,
    Store,
    Survey,
    Unarchived,
    View,
)
from engine.store.sealing import Sealer
from tests.support.cutting import channel, rule

LEASE_MS = 60_000

RULES = rule(
    "registration",
    "message: [ADT]",
    "EVN: all, PID: [1, 3, 5, 7, 8, 11.4], PV1: [1, 2, 19], IN1: {fields: all, which: own}",
)


@dataclasses.dataclass
class Hands:
    """A clock that a test moves."""

    at: datetime = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)

    def now(self) -> datetime:
        return self.at

    def monotonic(self) -> float:
        return self.at.timestamp()

    def pass_s(self, seconds: float) -> None:
        self.at += timedelta(seconds=seconds)


def adt(
    control_id: str = "M1",
    patient: str = "P1",
    *payers: str,
    visit: str = "V1",
    account: str = "A1",
    state: str = "NY",
) -> bytes:
    """A synthetic admission; `payers` are the channels that insure the patient."""
    street = f"1 ZQSTREET^^ZQTOWN^{state}^12345"
    lines = [
        f"MSH|^~\\&|REG|EAST|PG|EAST|20260301120000||ADT^A01|{control_id}|P|2.5.1",
        "EVN|A01|20260301120000",
        f"PID|1||{patient}^^^EAST^MR||ZQSURNAME^PAT||19800101|F|||{street}|||||||{account}",
        f"PV1|1|I|||||||||||||||||{visit}",
        "DG1|1||E11.9^ZQDIAGNOSIS^I10",
    ]
    for number, payer in enumerate(payers or ("acme",), 1):
        lines.append(f"IN1|{number}|PLAN|{payer.upper()}")
    return "".join(line + "\r" for line in lines).encode()


def write_site(root: Path) -> None:
    """A small site with two payers."""
    (root / "channels").mkdir(parents=True)
    (root / "rules").mkdir()
    (root / "config.yaml").write_text("engine: {name: archive-test}\nconsent_elements: report\n")
    for name in ("acme", "beta"):
        text = channel(name) + f'address: "1 {name.title()} Plaza, Springfield NY 12345"\n'
        (root / "channels" / f"{name}.yaml").write_text(text)
    (root / "rules" / "payment.yaml").write_text(
        'channels: [acme, beta]\npurpose: payment\nbasis: "45 CFR 164.506(c)(3)"\nrules:\n' + RULES
    )


class Rig:
    """Everything that an archiver needs, and a way to feed it."""

    def __init__(self, root: Path, url: str = "sqlite:var/archive.db", **options: Any) -> None:
        self.root = root
        if not (root / "config.yaml").exists():
            write_site(root)
        self.clock = Hands()
        self.site = load_site(root)
        self.sealer = Sealer.from_file(root / "var" / "keys", create=True)
        policy = self.site.policy
        self.compiled = compile_policy(policy, revision(policy), hash_key(self.sealer))
        self.store: Store = options.pop("store", None) or MemoryStore(self.clock)
        self.store.execute([KeepForArchive(on=True)])
        self.key_file = root / "var" / "ledger-key"
        create_signing_key(self.key_file)
        self.signer = read_signer(self.key_file)
        self.verifier = read_verifier(public_file(self.key_file))
        self.database = Database(url, root)
        self.database.migrate()
        self.scribe = Scribe(self.compiled, self.sealer)
        self.acceptances = Acceptances(self.compiled, self.sealer)
        self.receipts = Receipts(
            lambda: int(self.clock.now().timestamp() * 1000), lambda bits: (1 << bits) // 3
        )
        self.archiver = self.new_archiver(**options)
        self._turns: dict[str, tuple[int, int]] = {}

    def new_archiver(self, **options: Any) -> Archiver:
        """Another archiver of the same archive."""
        return Archiver(
            self.database,
            self.store,
            self.scribe,
            Clerk(self.site.policy, self.compiled.rules),
            self.signer,
            clock=self.clock,
            **options,
        )

    def accept(self, raw: bytes, **known: Any) -> Accept:
        """What is stored of a message; `known` besides it, as in `Acceptances.accept`."""
        message = Message.parse(raw)
        said = {"asked": (), "taught": {}, **known}
        return self.acceptances.accept(
            receipt=self.receipts.next(),
            listener="adt",
            message=message,
            outcomes=decide(message, self.compiled, Facts(self.clock.now())),
            **said,
        )

    def take(self, raw: bytes, **known: Any) -> str:
        """Take a message in, as `accept` has it; its receipt."""
        accept = self.accept(raw, **known)
        self.store.execute([accept])
        return accept.receipt

    def end(
        self, channel: str, final: Final = Final.DELIVERED, ack: str = "AA", reason: str = ""
    ) -> Opened:
        """Bring the head of a channel's lane to its end."""
        fence, turn = self._turns.get(channel) or (self._claim(channel), 0)
        opened = self.store.execute([Advance(channel, fence, turn + 1, LEASE_MS)])[0]
        assert isinstance(opened, Opened), opened
        record = delivery_record(
            channel,
            opened,
            final,
            self.clock.now(),
            attempts=opened.attempt,
            ack=ack,
            reason=reason,
        )
        close = Settle(opened.entry, final, record, reason, ack)
        self.store.execute([Advance(channel, fence, turn + 2, LEASE_MS, close, open_next=False)])
        self._turns[channel] = (fence, turn + 2)
        return opened

    def discard(self, channel: str) -> None:
        """Give up everything that is parked for a channel."""
        for item in cast("tuple[Item, ...]", self.store.execute([Items(channel)])[0]):
            self.store.execute([discarding(item, "test")])

    def _claim(self, channel: str) -> int:
        claimed = cast("Any", self.store.execute([Claim(channel, "rig", LEASE_MS)])[0])
        return int(claimed.fence)

    def archive(self) -> int:
        """Archive all there is; how many records it was."""
        total = 0
        while number := self.archiver.step():
            total += number
        return total

    def fetch(self, receipt: str) -> bytes | None:
        """The sealed message, if the store has it."""
        return cast("bytes | None", self.store.execute([Fetch(receipt)])[0])

    def view(self, channel: str) -> LaneView:
        """How a lane stands."""
        return cast("View", self.store.execute([Survey((channel,))])[0]).lanes[0]

    def backlog(self) -> Unarchived:
        """What the archive has yet to take."""
        return cast("Unarchived", self.store.execute([Backlog()])[0])

    def bodies(self) -> list[dict[str, Any]]:
        """The ledger's rows."""
        with self.database.reading() as connection:
            asked = sa.select(schema.ledger.c.body).order_by(schema.ledger.c.seq)
            return [json.loads(body) for body in connection.execute(asked).scalars()]

    def rows(self, table: sa.Table) -> list[Any]:
        """All rows of a table."""
        with self.database.reading() as connection:
            return list(connection.execute(table.select()))

    def close(self) -> None:
        self.database.close()
        self.store.close()


def rigs(root: Path, url: str = "sqlite:var/archive.db") -> Iterator[Rig]:
    """A rig that is closed afterwards."""
    rig = Rig(root, url)
    yield rig
    rig.close()
