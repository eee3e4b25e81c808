"""Names that count within what gave them: codes of coding systems, numbers of namespaces.

Law: where either side does not say what gave a name, the name alone decides.
"""

from __future__ import annotations

#: A name → the systems or namespaces that it is given with, `""` where none is said.
Qualified = dict[str, set[str]]


def share(one: Qualified, other: Qualified) -> bool:
    """Whether a name is in both, of the same system or namespace where both say theirs."""
    return any(
        "" in given | other[name] or given & other[name]
        for name, given in one.items()
        if name in other
    )
