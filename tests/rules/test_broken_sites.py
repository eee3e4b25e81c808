"""What `payergate check` says of every broken site in `broken/`: the exact text, and all of it.

Each folder is named after its mistake and is laid over the site in `minimal/`, which has none;
`removed.txt` names files of that to leave out. `expected.txt` is what check prints, standard error
first. After a change that is meant, `PAYERGATE_WRITE_EXPECTED=1` writes them anew, to be read.
"""

from __future__ import annotations

import argparse
import os
import pathlib
import re
import shutil

import pytest

from engine.cli import check
from engine.errors import Exit

HERE = pathlib.Path(__file__).parent
MISTAKES = sorted(path for path in (HERE / "broken").iterdir() if path.is_dir())
LISTS = {"expected.txt", "removed.txt"}


def run_check(root: pathlib.Path, *options: str) -> int:
    parser = argparse.ArgumentParser()
    check.register(parser.add_subparsers())
    args = parser.parse_args(["check", "--site", str(root), *options])
    code = args.run(args)
    assert isinstance(code, int)
    return code


def laid_over(mistake: pathlib.Path, root: pathlib.Path) -> pathlib.Path:
    shutil.copytree(HERE / "minimal", root, dirs_exist_ok=True)
    removed = mistake / "removed.txt"
    for name in removed.read_text().split() if removed.exists() else ():
        (root / name).unlink()
    shutil.copytree(mistake, root, dirs_exist_ok=True, ignore=shutil.ignore_patterns(*LISTS))
    return root


@pytest.mark.parametrize("mistake", MISTAKES, ids=lambda path: path.name)
def test_check_says_exactly_this_of_a_broken_site(
    mistake: pathlib.Path, tmp_path: pathlib.Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code = run_check(laid_over(mistake, tmp_path))
    printed = capsys.readouterr()
    text = printed.err + re.sub(r"revision [0-9a-f]{12}", "revision …", printed.out)
    text = text.replace(str(tmp_path), "SITE")
    expected = mistake / "expected.txt"
    if os.environ.get("PAYERGATE_WRITE_EXPECTED") == "1":
        expected.write_text(text)
    assert text == expected.read_text()
    loads = printed.out.startswith("The site loads: ")
    assert code == (Exit.OK if loads else Exit.SITE)
    assert "Traceback" not in text


def test_the_site_below_them_is_only_small(capsys: pytest.CaptureFixture[str]) -> None:
    """It grants one segment; that is said where nothing worse is."""
    assert run_check(HERE / "minimal") == Exit.OK
    assert capsys.readouterr().err.count("incomplete-structure") == 1
