"""What several tests of real processes need."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from engine.store.embedded import EmbeddedServer


@pytest.fixture
def var(tmp_path: Path) -> Iterator[Path]:
    """A var/ folder; whatever server a test leaves on it is stopped."""
    var = tmp_path / "var"
    yield var
    leftover = EmbeddedServer(var)
    leftover.start()
    leftover.stop()
