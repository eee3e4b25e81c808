"""`payergate messages replay`: messages that are done with, decided again by today's policy.

Law: nobody gets more than today's policy and today's facts allow, as the running engine has them. A
channel gets what it has, or may have, a second time only if a person says so, and one that was not
live when the message came only where it is named. Who asked, and why, is in the ledger.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from typing import Any, cast

from engine.archive.database import Database
from engine.archive.opening import open_archive
from engine.archive.search import PAGE, Found, read_message, read_rows, search
from engine.archive.standing import MOVES, Standing, standings
from engine.cli.acting import need_reason, operator
from engine.cli.arguments import known_channel
from engine.cli.deciding import compiled_as_run
from engine.cli.finding import asked_query, names_a_message
from engine.cli.reach import working_store
from engine.cli.replaying import Contents
from engine.cli.unarchived import unarchived
from engine.cli.words import visible
from engine.clock import SystemClock
from engine.config.load import load_site
from engine.config.model import Site
from engine.errors import EngineError, Exit, UsageError
from engine.policy.meaning.revision import revision
from engine.policy.model import State
from engine.policy.outcome import Verdict
from engine.redecision.kept_message import recalling
from engine.redecision.redecide import Act, Redecision
from engine.redecision.reopening import Before, Reopening, Stands
from engine.store.port import Store, Survey, View
from engine.store.sealing import Sealer

#: What a message may have come to when all went well.
_GOOD = frozenset({"queued", "held", "withheld"})

#: A word of `Standing` for which a message may be taken up.
_STANDS = {one.value: one for one in Stands}


@dataclass(frozen=True, slots=True)
class Done:
    """What came of one message for one channel; `reasons` are codes."""

    receipt: str
    control_id: str
    channel: str
    was: str
    outcome: str
    reasons: tuple[str, ...] = ()


def replay(args: argparse.Namespace) -> int:
    """Decide messages again; 1 if any of them could not be."""
    need_reason(args.reason, "A message is decided again for a reason only.")
    if args.again and not args.channel:
        raise UsageError("usage", "--again needs the channel.", "Say --channel CHANNEL, too.")
    if not args.receipts and not names_a_message(args) and not args.withheld_for:
        raise UsageError(
            "items",
            "Which messages?",
            "Name receipts, or say --control, --patient, --account, --visit or --withheld-for.",
        )
    site = load_site(args.site)
    if args.channel:
        known_channel(site.policy.channels, args.channel)
    with ExitStack() as stack:
        archive = stack.enter_context(open_archive(site))
        store = stack.enter_context(working_store(site))
        asked = _TakingUp(site, archive, store, stack, args)
        done = [one for found in _chosen(archive, site, args) for one in asked.take(found)]
    _report(done, args, asked.revision)
    return Exit.OK if all(one.outcome in _GOOD for one in done) else Exit.FAILED


def _chosen(archive: Database, site: Site, args: argparse.Namespace) -> Sequence[Found]:
    """The messages that are asked for, in the order in which they came."""
    with archive.reading() as connection:
        if not args.receipts:
            query = replace(asked_query(args, site, site.policy.timezone), limit=PAGE)
            found: list[Found] = []
            while True:
                last = found[-1].receipt if found else ""
                page = search(connection, replace(query, before=last))
                found += page
                if len(page) < PAGE:
                    break
            return [one for one in reversed(found) if _is_meant(one, args)]
        named = {receipt: read_message(connection, receipt) for receipt in args.receipts}
    missing = [receipt for receipt, one in named.items() if one is None]
    if missing:
        raise UsageError(
            "unknown-message",
            f"The archive has no such message: {', '.join(missing)}.",
            "Give receipts as `messages search` shows; the latest may not be archived yet.",
        )
    return sorted((one for one in named.values() if one is not None), key=lambda one: one.receipt)


def _is_meant(found: Found, args: argparse.Namespace) -> bool:
    """Of a search, only what something may come of: history is read for no other."""
    if args.channel and not args.withheld_for:
        return True
    outcomes = {args.channel: found.outcomes.get(args.channel, "")} if args.channel else None
    return any(one.startswith("withheld") for one in (outcomes or found.outcomes).values())


class _TakingUp:
    """Decides messages again, one after the other."""

    def __init__(
        self,
        site: Site,
        archive: Database,
        store: Store,
        stack: ExitStack,
        args: argparse.Namespace,
    ) -> None:
        self.revision = revision(site.policy)
        _need_same(store, self.revision)
        self._site, self._archive, self._store, self._args = site, archive, store, args
        self._contents = Contents(store, site, stack)
        sealer = Sealer.of(site.keys)
        compiled = compiled_as_run(site, sealer)
        self._redecision = Redecision(compiled, sealer)
        self._reopening = Reopening(compiled, sealer)
        self._unarchived = _unarchived_moves(store)

    def take(self, found: Found) -> Iterator[Done]:
        """What comes of a message for each channel that is meant."""
        stands = self._standings(found.receipt)
        for channel in self._channels(stands):
            one = stands.get(channel, Standing("never"))
            outcome, reasons = self._decided(found.receipt, channel, one)
            yield Done(found.receipt, found.control_id, channel, one.outcome, outcome, reasons)

    def _standings(self, receipt: str) -> Mapping[str, Standing]:
        """From the archive, and from what it has not taken yet."""
        with self._archive.reading() as connection:
            rows = read_rows(connection, receipt)
        decided: dict[str, Any] = {}
        for row in rows:
            decided |= row["channels"] if row["kind"] == "decision" else {}
        known = {str(row.get("position")) for row in rows}
        fresh = [
            record
            for position, record in self._unarchived.get(receipt, ())
            if position not in known
        ]
        return standings(decided, [*(row for row in rows if row["kind"] in MOVES), *fresh])

    def _channels(self, stands: Mapping[str, Standing]) -> Iterator[str]:
        """The one that is named, else those from which it was withheld, as far as they are live."""
        code = self._args.withheld_for
        channels = self._site.policy.channels
        for channel in (self._args.channel,) if self._args.channel else stands:
            one = stands.get(channel, Standing("never"))
            if code and (one.word != "withheld" or code not in one.reasons):
                continue
            is_live = channel in channels and channels[channel].state is State.LIVE
            if self._args.channel or (one.word == "withheld" and is_live):
                yield channel

    def _decided(self, receipt: str, channel: str, one: Standing) -> tuple[str, tuple[str, ...]]:
        """What came of it, in a word, or the code of the error that kept it as it was."""
        stands = _STANDS.get(one.word)
        if stands is None:
            return "not-done-with", ()
        if one.may_have and not self._args.again:
            return "already-there", ()
        reason = one.reasons[0] if one.reasons else ""
        before = Before(stands, reason, one.delivered, one.may_have, one.time)
        try:
            return self._reopened(receipt, channel, before)
        except EngineError as error:
            print(visible(f"{receipt} {channel}: {error}"), file=sys.stderr)
            return error.code, ()

    def _reopened(self, receipt: str, channel: str, before: Before) -> tuple[str, tuple[str, ...]]:
        sealed = self._contents.find(receipt)
        if sealed is None:
            raise EngineError(
                "content-erased",
                "The content of this message is not kept any more.",
                "Have the hospital send it again, with another control id.",
            )
        redecision = self._redecision
        case, recalled = redecision.gather(
            redecision.case(receipt, sealed),
            recalling(self._store),
        )
        now = SystemClock().now()
        outcomes = redecision.decide_kept(case, recalled, now)
        outcome = outcomes[channel]
        order = self._reopening.reopen(
            before,
            case,
            sealed,
            outcome,
            act=Act(operator(), now, self._args.reason),
            footing=redecision.footing(case, recalled, now),
        )
        if not self._args.dry_run and not self._store.execute([order])[0]:
            return "gone", ()
        if outcome.verdict is Verdict.DISCLOSE:
            return "queued", ()
        word = "held" if outcome.verdict is Verdict.HOLD else "withheld"
        return word, tuple(reason.code.value for reason in outcome.reasons)


def _need_same(store: Store, mine: str) -> None:
    """Raise `UsageError` where engines run, and none of them with the policy of these files."""
    view = cast("View", store.execute([Survey(())])[0])
    said = [json.loads(state) for _, state in view.engines]
    running = {str(one.get("revision")) for one in said if one.get("state") == "running"}
    if running and mine not in running:
        raise UsageError(
            "other-policy",
            f"The running engine has policy {', '.join(sorted(running))}, these files are {mine}.",
            "Have it reload them (SIGHUP), or restart it where they disclose more; then replay.",
        )


def _unarchived_moves(store: Store) -> dict[str, list[tuple[str, dict[str, Any]]]]:
    """What happened to messages and is not in the archive yet, by receipt, with its position."""
    found: dict[str, list[tuple[str, dict[str, Any]]]] = {}
    for position, record in unarchived(store):
        if record["kind"] in MOVES:
            found.setdefault(str(record.get("receipt")), []).append((position, record))
    return found


def _report(done: Sequence[Done], args: argparse.Namespace, policy: str) -> None:
    if args.json:
        said = [
            {
                "receipt": one.receipt,
                "control_id": one.control_id,
                "channel": one.channel,
                "was": one.was,
                "outcome": one.outcome,
                "reasons": list(one.reasons),
            }
            for one in done
        ]
        print(json.dumps({"messages": said, "revision": policy, "dry_run": args.dry_run}))
        return
    for one in done:
        why = f" ({', '.join(one.reasons)})" if one.reasons else ""
        line = f"{one.receipt} {one.control_id} {one.channel}: {one.outcome}{why}, was {one.was}"
        print(visible(line))
    if not done:
        print("nothing that was withheld is meant")
    elif args.dry_run:
        print("nothing was done: --dry-run")
