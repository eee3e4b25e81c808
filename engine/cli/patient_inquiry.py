"""One inquiry about one patient: what the ledger, the registry, the archive and the store know.

Law: the request is in the ledger before anything is read of a message, each look at one in its own
row. The decision that is told is today's, on today's facts; a registry that does not answer ends
the inquiry, for its silence is no empty registry.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any

from engine.archive.accounting import YEARS, Line, account_of
from engine.archive.acts import record_all
from engine.archive.contents import kept_facts
from engine.archive.database import Database
from engine.archive.entries import act
from engine.archive.opening import signing_key_of
from engine.archive.search import Found, Query, disclosures_of, read_content, search
from engine.archive.signing import read_signer
from engine.archive.terms import patient_term
from engine.cli.acting import operator
from engine.cli.deciding import compiled_as_run
from engine.cli.idle_refusals import idle_of
from engine.cli.moments import ms, whole_days
from engine.cli.patient_report import Recipient, Removed, Report
from engine.cli.patient_words import channels_of, entry_in_words
from engine.clock import SystemClock
from engine.config.model import Site
from engine.policy.compile import CompiledPolicy
from engine.policy.model import State
from engine.policy.telling.patient import Known, changes, shares
from engine.privacy.entries import Entry
from engine.privacy.patients import Patient
from engine.privacy.supposing import Supposed, supposing
from engine.redecision.redecide import Redecision
from engine.store.port import Store
from engine.store.sealing import Sealer, SealError

#: How a message stands with whoever does not insure its patient.
_ELSEWHERE = "withheld (no-coverage"


@dataclass(frozen=True, slots=True)
class Inquiry:
    """One request about one patient."""

    site: Site
    sealer: Sealer
    store: Store
    archive: Database
    patient: Patient
    reason: str

    def report(self, entries: tuple[Entry, ...], supposed: Supposed, limit: int) -> Report:
        """Record the request, then look."""
        now = SystemClock().now()
        term = patient_term(self.sealer, self.patient.id, self.patient.authority)
        with self.archive.reading() as connection:
            found = search(connection, Query(terms=(term,), limit=limit))
        self._record(now, term, found)
        policy = self.site.policy
        compiled = compiled_as_run(self.site, self.sealer)
        known, erased = self._open(compiled, found, now) if self.reason else ((), 0)
        got = shares(known, compiled) if known else {}
        suppose = partial(supposing, supposed=supposed)
        changed = changes(known, compiled, suppose) if known and supposed else {}
        named = {name for entry in entries for name in channels_of(entry.fact)}
        lines = self._lines(term, now)
        recipients = []
        for id_, channel in sorted(policy.channels.items()):
            states = Counter(one.outcomes[id_] for one in found if id_ in one.outcomes)
            is_draft = channel.state is State.DRAFT  # receives nothing, and may have before
            if is_draft and not states and id_ not in lines:
                continue
            insures = any(not state.startswith(_ELSEWHERE) for state in states)
            is_concerned = insures or id_ in lines or id_ in named
            share, change = (None, None) if is_draft else (got.get(id_), changed.get(id_))
            recipients.append(
                Recipient(channel, is_concerned, lines.get(id_, ()), states, share, change)
            )
        return Report(
            patient=self.patient,
            made=now,
            timezone=policy.timezone,
            revision=compiled.revision,
            reason=self.reason,
            found=len(found),
            opened=len(known),
            erased=erased,
            entries=entries,
            protections=policy.protections,
            recipients=tuple(recipients),
            supposed=self._in_words(supposed),
            idle={entry.id: idle for entry in entries if (idle := idle_of(policy, entry, now))},
            removed=self._removed(found, lines),
        )

    def _removed(
        self, found: list[Found], lines: dict[str, tuple[Line, ...]]
    ) -> tuple[Removed, ...]:
        """What the archive has of channels that are gone, unless they do not insure the patient."""
        states: dict[str, Counter[str]] = {}
        for one in found:
            for id_, state in one.outcomes.items():
                if not state.startswith(_ELSEWHERE):
                    states.setdefault(id_, Counter())[state] += 1
        gone = (states.keys() | lines.keys()) - self.site.policy.channels.keys()
        return tuple(
            Removed(id_, lines.get(id_, ()), states.get(id_, Counter())) for id_ in sorted(gone)
        )

    def _record(self, now: datetime, term: bytes, found: list[Found]) -> None:
        """The request, and each message that will be opened."""
        whose = (term.hex(),)
        what = "patient report" if self.reason else "patient report, without messages"
        rows = [act("look", now, operator(), self.reason, patients=whose, what=what)]
        rows += [
            act("look", now, operator(), self.reason, receipt=one.receipt, patients=whose,
                what="received message, for a patient report")
            for one in (found if self.reason else ())
        ]  # fmt: skip
        record_all(self.archive, read_signer(signing_key_of(self.site)), rows)

    def _open(
        self, compiled: CompiledPolicy, found: list[Found], now: datetime
    ) -> tuple[tuple[Known, ...], int]:
        """The messages with what is known of them today, and how many are not kept any more."""
        redecision = Redecision(compiled, self.sealer)
        with self.archive.reading() as connection:
            sealed = [(one.receipt, read_content(connection, one.receipt)) for one in found]
        known = []
        for receipt, content in sealed:
            if content is None:
                continue
            try:
                case = redecision.case(receipt, content)
            except SealError as error:
                if error.code != "sealed-erased":
                    raise
                continue
            known.append(Known(case.message, kept_facts(redecision, self.store, case, now)))
        return tuple(known), len(found) - len(known)

    def _lines(self, term: bytes, now: datetime) -> dict[str, tuple[Line, ...]]:
        """What each channel received, as an accounting of everything tells it."""
        zone = self.site.policy.timezone
        since, until = whole_days(None, None, zone, now, YEARS)
        with self.archive.reading() as connection:
            rows = disclosures_of(connection, (term,), ms(since), ms(until))
        by_channel: dict[str, list[dict[str, Any]]] = {}
        for row in rows:
            by_channel.setdefault(str(row.get("channel")), []).append(row)
        return {
            channel: account_of(
                found,
                patient=self.patient.id,
                made=now,
                since=since,
                until=until,
                timezone=zone,
                everything=True,
            ).lines
            for channel, found in by_channel.items()
        }

    def _in_words(self, supposed: Supposed) -> tuple[str, ...]:
        names = {id_: channel.name for id_, channel in self.site.policy.channels.items()}
        zone = self.site.policy.timezone
        return (
            *(f"If added: {entry_in_words(fact, names, zone)}" for fact in supposed.added),
            *(f"If revoked: {entry_in_words(fact, names, zone)}" for fact in supposed.ended),
        )
