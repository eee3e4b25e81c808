"""What the ledger says of a change of the privacy registry. Pure but for one random number."""

from __future__ import annotations

import base64
import json
import secrets
from collections.abc import Sequence

from engine.privacy.acts import Act, Verb


def change_record(name: bytes, deeds: Sequence[tuple[str, Verb]], act: Act, sealed: bytes) -> bytes:
    """What the ledger says: hashes, codes, who, when and why; and, sealed, all that is held now.

    From the last record of each patient a lost registry can be made again. `change` tells two
    changes apart that say the same.
    """
    return json.dumps(
        {
            "kind": "registry",
            "entries": [[entry, verb.value] for entry, verb in deeds],
            "at": act.at.isoformat(timespec="milliseconds"),
            "by": act.by,
            "why": act.why,
            "document": act.document,
            "patient": name.hex(),
            "change": secrets.token_hex(8),
            "sealed": base64.b64encode(sealed).decode("ascii"),
        },
        separators=(",", ":"),
    ).encode()
