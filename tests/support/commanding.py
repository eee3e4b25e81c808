"""A command, run in this process, and what it says."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from engine.cli.main import main


def payergate(capsys: pytest.CaptureFixture[str], site: Path, *words: str, code: int = 0) -> Any:
    """What the command prints as JSON; what it tells as an error where it prints nothing."""
    assert main([*words, "--site", str(site), "--json"]) == code
    said = capsys.readouterr()
    return json.loads(said.out) if said.out or not code else said.err
