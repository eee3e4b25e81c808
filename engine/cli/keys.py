"""`payergate keys`: see the keys, rotate the master key, destroy the content key of a day.

Law: no key is ever printed. Rotation and destruction are rows of the ledger, with who and why; what
is still needed is never lost by either.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable
from datetime import datetime
from functools import partial
from typing import Any

from engine.archive.database import Database
from engine.archive.key_erasing import KeyEraser, KeysNeededError
from engine.archive.opening import open_archive, signing_key_of
from engine.archive.signing import read_signer
from engine.cli.acting import add_reason, operator
from engine.cli.arguments import add_site_and_json
from engine.cli.moments import day, shown, utc
from engine.cli.noting import note
from engine.cli.reach import fitting_sealer, working_store
from engine.cli.table import table
from engine.clock import SystemClock
from engine.config.load import load_site
from engine.config.model import Site
from engine.errors import Exit, UsageError
from engine.store.keyfolder import KeyFolder
from engine.store.keykeeping import KeyKeeper, Rotation
from engine.store.keynames import ID_BYTES, KeyClass, KeyName, day_number, day_text
from engine.store.port import Store


def register(subparsers: Any) -> None:
    """Add `keys` and its actions to the command line."""
    parser = subparsers.add_parser(
        "keys",
        help="the keys: ls, rotate, shred",
        description=(
            "Lists master and content keys by their ids, rotates the master key while the engine"
            " runs, and destroys the content key of a day. No key is ever printed."
        ),
    )
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    listing = actions.add_parser("ls", help="every key: its day, and what became of it")
    add_site_and_json(listing)
    listing.set_defaults(run=ls)
    rotating = actions.add_parser("rotate", help="a new master key; all content keys under it")
    add_reason(rotating)
    add_site_and_json(rotating)
    rotating.set_defaults(run=rotate)
    shredding = actions.add_parser("shred", help="destroy the key of a class and day")
    shredding.add_argument("--class", dest="class_", choices=("content", "parked"), required=True)
    shredding.add_argument("--day", required=True, metavar="DAY", help="2026-03-01, in UTC")
    add_reason(shredding, is_required=True)
    shredding.add_argument(
        "--lost",
        metavar="ID",
        help="the key with this id cannot be had any more: give up all that is under it",
    )
    add_site_and_json(shredding)
    shredding.set_defaults(run=shred)


def ls(args: argparse.Namespace) -> int:
    """A line for each key."""
    site = load_site(args.site)
    if site.keys.is_unmade:
        none = json.dumps({"source": str(site.keys), "masters": [], "keys": []})
        print(none if args.json else "there are no keys yet: the first start makes them")
        return Exit.OK
    masters = site.keys.read()
    folder = KeyFolder(site.keys.folder)
    folder.stamp()
    zone = site.policy.timezone
    said = _content_keys(folder, utc if args.json else partial(shown, timezone=zone))
    if args.json:
        found = [
            {
                "id": id_.hex(),
                "current": id_ == masters.current,
                "opens_content": id_ not in masters.only_wrap,
            }
            for id_ in masters.masters
        ]
        print(json.dumps({"source": str(site.keys), "masters": found, "keys": said}))
        return Exit.OK
    for id_ in masters.masters:
        use = "wraps" if id_ == masters.current else "former"
        print(f"master {id_.hex()} {use}, from {site.keys}")
    cells = [["-" if cell is None else cell for cell in one.values()] for one in said]
    if said:
        print(table([name.upper() for name in said[0]], cells))
    return Exit.OK


def _content_keys(folder: KeyFolder, at: Callable[[datetime], str]) -> list[dict[str, Any]]:
    listing = folder.names()
    said = []
    for name in sorted(listing.keys | listing.gone, key=lambda one: (one.day, str(one))):
        gone = folder.read_gone(name) if name in listing.gone else None
        said.append(
            {
                "class": name.class_.value,
                "day": day_text(name.day),
                "id": name.id.hex(),
                "master": None if gone else folder.master_of(name).hex(),
                "kept": len(folder.read_kept(name).wrapped) if name in listing.kept else 0,
                "destroyed": at(datetime.fromisoformat(gone.at)) if gone else None,
                "by": gone.by if gone else None,
                "reason": gone.why if gone else None,
            }
        )
    return said


def rotate(args: argparse.Namespace) -> int:
    """Rotate, and record it where there is an archive."""
    site = load_site(args.site)
    keeper = KeyKeeper(site.keys, SystemClock().now)
    with working_store(site):
        fitting_sealer(site)
        if site.archive.url:
            with open_archive(site) as archive:
                done = keeper.rotate()
                note(site, archive, "keys-rotated", args.reason, **_as_json(done))
        else:
            done = keeper.rotate()
    return _tell_rotation(site, done, as_json=args.json)


def _tell_rotation(site: Site, done: Rotation, *, as_json: bool) -> int:
    said = _as_json(done)
    if as_json:
        print(json.dumps({**said, "recorded": bool(site.archive.url)}))
        return Exit.OK
    print(f"master key {said['master']} wraps now; {done.rewrapped} content keys rewrapped")
    if said["dropped"]:
        print(f"no longer needed, and out of the file: {', '.join(said['dropped'])}")
    return Exit.OK


def _as_json(done: Rotation) -> dict[str, Any]:
    return {
        "master": done.master.hex(),
        "rewrapped": done.rewrapped,
        "dropped": [one.hex() for one in done.dropped],
    }


def shred(args: argparse.Namespace) -> int:
    """Destroy what is not needed of a class and day."""
    site = load_site(args.site)
    keeper = KeyKeeper(site.keys, SystemClock().now)
    number = day_number(day(args.day))
    with open_archive(site) as archive, working_store(site) as store:
        eraser = _eraser(site, archive, store, keeper, args.reason)
        if args.class_ == "parked":
            said = _shred_parked(keeper.folder, eraser, number, args.lost)
        else:
            said = _shred_content(keeper.folder, eraser, number, args.lost)
    if args.json:
        print(json.dumps(said))
        return Exit.OK
    print(f"destroyed: {', '.join(said['destroyed']) or 'nothing that was there'}")
    if said["kept"]:
        print(f"kept, as they are still needed: the keys of {said['kept']} messages")
    return Exit.OK


def _eraser(site: Site, archive: Database, store: Store, keeper: KeyKeeper, why: str) -> KeyEraser:
    return KeyEraser(
        archive,
        read_signer(signing_key_of(site)),
        store,
        keeper,
        site.retention,
        clock=SystemClock(),
        by=operator(),
        reason=why,
    )


def _shred_content(
    folder: KeyFolder, eraser: KeyEraser, number: int, lost: str | None
) -> dict[str, Any]:
    listing = folder.names()
    if lost is not None:
        names = {_lost(lost, number)} & (listing.keys | eraser.named(number)) - listing.gone
    else:
        names = {n for n in listing.keys if (n.class_, n.day) == (KeyClass.CONTENT, number)}
    if not names:
        raise _unknown(KeyClass.CONTENT, number)
    gone = {
        str(name): eraser.destroy(name, is_lost=lost is not None) for name in sorted(names, key=str)
    }
    return {"destroyed": list(gone), "kept": sum(one.kept for one in gone.values())}


def _shred_parked(
    folder: KeyFolder, eraser: KeyEraser, number: int, lost: str | None
) -> dict[str, Any]:
    """Nothing that is needed goes: what a person or a hold still needs must be ended first."""
    names = sorted((n for n in folder.names().kept if n.day == number), key=str)
    if lost is not None:
        names = [name for name in names if name == _lost(lost, number)]
    if not names:
        raise _unknown(KeyClass.PARKED, number)
    if lost is not None:
        return {"destroyed": [str(by) for by in eraser.give_up(names[0])], "kept": 0}
    before = {name: folder.read_kept(name).by for name in names}
    for name in names:
        eraser.prune(name)
    listing = folder.names()
    left = sum(len(folder.read_kept(name).wrapped) for name in names if name in listing.kept)
    if left:
        raise KeysNeededError(
            "keys-needed",
            f"{left} messages of {day_text(number)} are still needed; all others are gone.",
            "They wait, are held or parked (`payergate parked ls`), or a legal hold covers them"
            " (`payergate archive holds`): end that first.",
        )
    return {"destroyed": [str(by) for by in before.values()], "kept": 0}


def _lost(text: str, number: int) -> KeyName:
    try:
        id_ = bytes.fromhex(text)
    except ValueError:
        id_ = b""
    if len(id_) != ID_BYTES:
        raise UsageError(
            "unknown-key", "`--lost` is no id of a key.", "Write the 8 digits that the error names."
        )
    return KeyName(KeyClass.CONTENT, number, id_)


def _unknown(class_: KeyClass, number: int) -> UsageError:
    return UsageError(
        "unknown-key",
        f"There is no {class_.value} key of {day_text(number)}.",
        "See `payergate keys ls`.",
    )
