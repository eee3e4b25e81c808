"""Standard error on a full disk: what a command found does not change."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from engine.errors import Exit
from tests.support.estate import PAYERGATE, REPOSITORY

FULL = Path("/dev/full")


@pytest.mark.skipif(not FULL.exists(), reason="this system has no disk that is always full")
@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (("check", "--site", "tests/rules/broken"), Exit.SITE),
        (("status", "--site", "no-such-site"), Exit.SITE),
        (("check", "--site", "."), Exit.OK),
        (("check", "--no-such-option"), Exit.USAGE),
    ],
)
def test_the_exit_code_is_the_verdict(arguments: tuple[str, ...], code: int) -> None:
    with FULL.open("wb") as full:
        done = subprocess.run(
            [*PAYERGATE, *arguments],
            cwd=REPOSITORY,
            stdout=subprocess.PIPE,
            stderr=full,
            check=False,
        )
    assert done.returncode == code
