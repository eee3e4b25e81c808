"""`payergate registry`: whether the privacy registry is complete, and a person's word that it is.

Law: only a person may say that what is lost is lost, with a reason; it is a record of the ledger,
with what was known of it. Whatever an archive has is put back before.
"""

from __future__ import annotations

import argparse
import json
from dataclasses import asdict
from typing import Any, cast

from engine.archive.opening import open_archive, signing_key_of
from engine.archive.rebuild import Rebuilder, settled
from engine.archive.signing import public_file, read_verifier
from engine.cli.acting import add_reason, need_reason, operator
from engine.cli.arguments import add_site_and_json
from engine.cli.reach import running_store, working_store
from engine.clock import SystemClock
from engine.config.load import load_site
from engine.config.model import Site
from engine.errors import Exit
from engine.store.doubt import Doubt
from engine.store.port import Changed, News, Store, Trust


def register(subparsers: Any) -> None:
    """Add `registry` and its actions to the command line."""
    parser = subparsers.add_parser(
        "registry",
        help="whether the privacy registry is complete",
        description=(
            "Says whether the privacy registry holds all that it must, and takes a person's word"
            " for it where the engine cannot know: after a store was lost or put back."
        ),
    )
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    telling = actions.add_parser("status", help="its version, and what may be missing")
    telling.set_defaults(run=status)
    accepting = actions.add_parser("accept", help="go on with what there is of it")
    add_reason(accepting, is_required=True)
    accepting.add_argument(
        "--without-archive", action="store_true", help="also while the archive is not there"
    )
    accepting.set_defaults(run=accept)
    for action in (telling, accepting):
        add_site_and_json(action)


def status(args: argparse.Namespace) -> int:
    """How it stands."""
    site = load_site(args.site)
    with running_store(site) as store:
        changed = _ask(store)
    doubt = Doubt.read(changed.doubt) if changed.doubt else None
    text = "" if doubt is None else doubt.text(site.policy.timezone)
    said = {
        "version": changed.newest,
        "believed": doubt is None,
        "missing": text or None,
        "doubt": None if doubt is None else asdict(doubt),
    }
    print(json.dumps(said) if args.json else text or f"complete, version {changed.newest}")
    return Exit.OK


def accept(args: argparse.Namespace) -> int:
    """Put back what the archive has, and believe it."""
    need_reason(args.reason)
    site = load_site(args.site)
    with working_store(site) as store:
        said = _ask(store).doubt
        if said:
            doubt = _with_archived(site, store, Doubt.read(said), args.without_archive)
            now = SystemClock().now()
            store.execute([Trust(settled(doubt, now, operator(), args.reason))])
        version = _ask(store).newest
    text = "is believed from now on" if said else "was believed before"
    answer = {"accepted": bool(said), "version": version}
    print(json.dumps(answer) if args.json else f"the registry {text}, version {version}")
    return Exit.OK


def _with_archived(site: Site, store: Store, doubt: Doubt, without_archive: bool) -> Doubt:
    if without_archive or not site.archive.url:
        return doubt
    verifier = read_verifier(public_file(signing_key_of(site)))
    with open_archive(site) as archive:
        rebuilder = Rebuilder(archive, store, verifier, SystemClock())
        return rebuilder.rebuild(doubt, only_sound=False)


def _ask(store: Store) -> Changed:
    return cast("Changed", store.execute([News(0, 0)])[0])
