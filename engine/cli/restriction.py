"""`payergate restriction`: what patients have restricted, in the registry of the engine.

Law: a restriction stands whatever the rules say (45 CFR 164.522(a)). It goes from its request to
its end by steps that people take, each with a reason; one of what was paid for in full is neither
declined nor ended by the hospital.
"""

from __future__ import annotations

import argparse
from functools import partial
from typing import Any

from engine.cli import registering
from engine.cli.arguments import add_site_and_json, named_patient
from engine.cli.entry_actions import known_sort
from engine.cli.registry_change import act_of, open_registry, tell
from engine.config.load import load_site
from engine.privacy.acts import Verb
from engine.privacy.sorts import Sort

#: What each action does, and the step that it takes.
_STEPS = {
    "confirm": (Verb.CONFIRMED, "it is in force: the hospital agrees, or it was paid in full"),
    "decline": (Verb.DECLINED, "the hospital does not agree to what was requested"),
    "void": (Verb.VOIDED, "the payment failed: it restricts no more"),
    "terminate": (Verb.TERMINATED, "the hospital ends it, for care from now on"),
}


def register(subparsers: Any) -> None:
    """Add `restriction` and its actions to the command line."""
    actions = registering.register(subparsers, Sort.RESTRICTION)
    for name, (verb, does) in _STEPS.items():
        parser = actions.add_parser(name, help=does)
        registering.add_entry(parser)
        parser.set_defaults(run=partial(step, verb=verb))
        add_site_and_json(parser)


def step(args: argparse.Namespace, verb: Verb) -> int:
    """Take a restriction one step on."""
    site, act = load_site(args.site), act_of(args)
    patient = named_patient(args.patient)
    with open_registry(site) as registry:
        known_sort(registry, patient, args.entry, Sort.RESTRICTION)
        change = registry.step(patient, args.entry, verb, act)
    return tell(change, verb.value.replace("_", " "), as_json=args.json)
