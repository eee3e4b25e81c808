"""What a site may not ask of an engine, at the start and at a reload."""

from __future__ import annotations

from dataclasses import replace

import pytest

from engine.cli.runnable import refuse_what_cannot_run
from engine.config.load import load_site
from engine.config.model import Site
from engine.errors import EngineError
from tests.support.reference_site import ROOT


@pytest.fixture(scope="module")
def site() -> Site:
    return load_site(ROOT)


def test_the_reference_site_can_be_run(site: Site) -> None:
    refuse_what_cannot_run(site)


def test_without_listeners_there_is_nothing_to_run(site: Site) -> None:
    with pytest.raises(EngineError) as caught:
        refuse_what_cannot_run(replace(site, listeners=()))
    assert caught.value.code == "no-listeners"


def test_who_would_have_tls_is_named(site: Site) -> None:
    acme = site.deliveries["acme"]
    with_tls = replace(acme, to=replace(acme.to, tls=True))
    listener = replace(site.listeners[0], listen=replace(site.listeners[0].listen, tls=True))
    changed = replace(
        site,
        listeners=(listener, *site.listeners[1:]),
        deliveries={**site.deliveries, "acme": with_tls},
    )
    with pytest.raises(EngineError) as caught:
        refuse_what_cannot_run(changed)
    assert caught.value.code == "tls-unavailable"
    assert f"listener {listener.name}, channel acme." in str(caught.value)
