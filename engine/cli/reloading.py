"""A site that is loaded anew while its engine runs.

Law: its files are taken as a whole or not at all: if they load, if nothing else than rules and
contracts has changed, and if it is proven that no more is disclosed. What would disclose more, or
may, is refused until the engine is started again.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import replace

from engine.cli.destinations import destinations
from engine.cli.refused_reload import forget_refusal, note_refusal
from engine.cli.runnable import refuse_what_cannot_run
from engine.clock import Clock, SystemClock
from engine.config.load import load_site
from engine.config.model import Site
from engine.config.standing import look_of
from engine.errors import EngineError, Place, SiteError
from engine.policy.compare.changes import Change
from engine.policy.compare.diff import difference
from engine.policy.meaning.revision import revision

#: How long the files must have stood still before they are read, in seconds.
SETTLE_S = 0.2


class RunningSite:
    """The site that is in force. `sleep`: waits so many seconds."""

    def __init__(
        self,
        site: Site,
        clock: Clock | None = None,
        sleep: Callable[[float], object] = time.sleep,
    ) -> None:
        self.site = site
        self._sleep = sleep
        #: Where in the files the last refusal was, `file:line:column`; empty: in no one place.
        self.place = ""
        self._clock = clock or SystemClock()

    def begin(self) -> None:
        """An engine begins with this site: nothing of an earlier one is refused any more."""
        forget_refusal(self.site.var)

    @property
    def revision(self) -> str:
        """Of its policy."""
        return revision(self.site.policy)

    def load_anew(self) -> bool:
        """Take the files as they are now; whether they say anything else than before.

        Raises `EngineError`; then the former site stays in force, and `status` says so.
        """
        self.place = ""
        try:
            is_other = self._load_anew()
        except Exception as error:
            code = error.code if isinstance(error, EngineError) else "site-unreadable"
            problems = error.problems if isinstance(error, SiteError) else ()
            if problems:
                self.place = str(problems[0].place)
            now = self._clock.now()
            note_refusal(self.site.var, now, code, self.place, len(problems))
            raise
        forget_refusal(self.site.var)
        return is_other

    def _load_anew(self) -> bool:
        new = self._load_standing()
        refuse_what_cannot_run(new)
        if _without_contracts(new) != _without_contracts(self.site):
            raise EngineError(
                "reload-restart",
                "More has changed than rules and contracts.",
                "Restart the engine.",
            )
        changes = (*destinations(self.site, new), *difference(self.site.policy, new.policy).changes)
        wider = [change for change in changes if change.effect.widens]
        if wider:
            self.place = str(_place(wider) or "")
            raise EngineError(
                "reload-wider",
                "The changed site discloses more, or may; the former one stays in force.",
                "Have a second person look at `payergate diff`, then restart the engine.",
            )
        is_other = new != self.site
        self.site = new
        return is_other

    def _load_standing(self) -> Site:
        """The files, if they were the same from before they were read until after."""
        before = look_of(self.site.root)
        self._sleep(SETTLE_S)
        try:
            return load_site(self.site.root)
        finally:
            if look_of(self.site.root) != before:
                raise EngineError(
                    "reload-moving",
                    "The site's files were being written while they were read.",
                    "Send SIGHUP again once they are all in place.",
                )


def _place(changes: Sequence[Change]) -> Place | None:
    """Where the first of these stands in the new files; of what is only gone, in the former."""
    causes = [cause for change in changes for cause in change.causes]
    ours = [cause.place for cause in causes if cause.side == "new"]
    return min(ours or [cause.place for cause in causes], default=None)


def _without_contracts(site: Site) -> Site:
    return replace(site, policy=None, deliveries={}, warnings=())  # type: ignore[arg-type]
