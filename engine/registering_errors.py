"""What is said when a change of the privacy registry was not made, or nobody knows of it.

Law: it is said of every line of what was to be entered whether it is there, as far as that can be
known; to give the same again is always safe, as an entry that is there is not entered twice.
"""

from __future__ import annotations

from engine.errors import EngineError
from engine.privacy.acts import RegistryError
from engine.store.port import StoreUnavailable


def busy() -> RegistryError:
    """Others were always quicker."""
    return RegistryError(
        "registry-busy",
        "The patient's entries are being changed by others all the time; nothing was changed.",
        "Try again.",
    )


def doubted() -> RegistryError:
    """It may have lost something."""
    return RegistryError(
        "registry-doubted",
        "The registry may have lost entries; until that is settled it is not changed.",
        "See `registry status`, and docs/how-to/restore-from-a-backup.md.",
    )


def damaged() -> RegistryError:
    """What is held does not open."""
    return RegistryError(
        "registry-damaged",
        "What the registry holds of this patient cannot be read.",
        "Messages of the patient hold until it can; restore the store from its backup.",
    )


def unknown_link() -> RegistryError:
    """There is no link of the id that was given."""
    return RegistryError(
        "unknown-link",
        "The patient has no link of that id.",
        "List the patient's links with `merge ls`.",
    )


def unclear(away: StoreUnavailable) -> StoreUnavailable:
    """No answer came to a change."""
    what = f"{away.what} It is not known whether the change was made."
    return StoreUnavailable(away.code, what, f"{away.mend} Then give it again: it is one change.")


def stopped(
    error: StoreUnavailable | RegistryError, total: int, before: int, page: int, left: int | None
) -> EngineError:
    """Many were to be entered, and it stopped: which are there.

    `before`: so many are there for certain; of the `page` that come next, `left` are
    not, or nobody knows; of those after them none is.
    """
    cause = error.__cause__ if isinstance(error.__cause__, StoreUnavailable) else error
    return type(cause)(cause.code, f"{cause.what} {_said(total, before, page, left)}", cause.mend)


def _said(total: int, before: int, page: int, left: int | None) -> str:
    again = "Give the same again once that is mended: nothing is entered twice."
    if left is None and total == 1:
        return f"It is not known whether it was entered. {again}"
    if left is None:
        return (
            f"Of {total} entries the first {before} are entered, of the next {page} it is not"
            f" known, and the other {total - before - page} are not. {again}"
        )
    there = before + page - left
    if not there:
        return f"Nothing was entered. {again}"
    return f"Of {total} entries {there} are there, and {total - there} are not. {again}"
