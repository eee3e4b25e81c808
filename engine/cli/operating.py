"""The site of a command that watches an engine or gives it orders.

Law: such a command works while somebody edits the site's files, and says that they do not load.
"""

from __future__ import annotations

import pathlib
import sys

from engine.cli.words import counted
from engine.config.model import OperatingSite
from engine.config.operating import load_operating_site


def operating_site(folder: pathlib.Path) -> OperatingSite:
    """The site in `folder`. Raises `SiteError` where its config.yaml does not load."""
    site = load_operating_site(folder)
    if site.errors:
        print(
            f"the files on disk do not load ({counted(site.errors, 'error')}; see `payergate"
            " check`): a running engine keeps the site that it has",
            file=sys.stderr,
        )
    return site
