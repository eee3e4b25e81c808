"""Every link leads somewhere, and every page can be reached from the index."""

import pathlib
import re

import pytest

from tests.docs.pages import DOCS, INDEX, ROOT, anchors, links, name, pages

OUTSIDE = ("https://", "http://", "mailto:")


def target_of(page: pathlib.Path, link: str) -> tuple[pathlib.Path, str]:
    """The file that a relative link of `page` points at, and the fragment."""
    path, _, fragment = link.partition("#")
    return ((page.parent / path).resolve() if path else page), fragment


@pytest.mark.parametrize("page", pages(), ids=name)
def test_every_relative_link_resolves(page: pathlib.Path) -> None:
    for line, link in links(page):
        if link.startswith(OUTSIDE):
            continue
        target, fragment = target_of(page, link)
        assert target.is_relative_to(ROOT), f"{name(page)}:{line}: {link} leaves the project"
        assert target.exists(), f"{name(page)}:{line}: {link} does not exist"
        if fragment and target.suffix == ".md":
            assert fragment in anchors(target), f"{name(page)}:{line}: no heading for {link}"


@pytest.mark.parametrize("page", pages(), ids=name)
def test_every_file_that_is_named_exists(page: pathlib.Path) -> None:
    """What prose says of the tree in code marks, such as `engine/policy`, is there."""
    named = re.findall(r"`((?:engine|tests|benchmarks)/[\w./-]+)`", page.read_text("utf-8"))
    assert [path for path in named if not (ROOT / path).exists()] == []


def test_every_page_is_reachable_from_the_index() -> None:
    reached: set[pathlib.Path] = set()
    waiting = [INDEX]
    while waiting:
        page = waiting.pop()
        if page in reached:
            continue
        reached.add(page)
        for _, link in links(page):
            target, _ = target_of(page, link)
            if not link.startswith(OUTSIDE) and target.suffix == ".md" and target.exists():
                waiting.append(target)
    assert {name(page) for page in DOCS.rglob("*.md")} <= {name(page) for page in reached}


def test_the_readme_leads_to_the_index() -> None:
    assert INDEX in {
        target_of(ROOT / "README.md", link)[0] for _, link in links(ROOT / "README.md")
    }
