"""A store that is lost with its privacy registry: nothing leaves before it is made again."""

from __future__ import annotations

import shutil
import time
from pathlib import Path

import pytest

from engine.privacy.acts import RegistryError
from engine.store.mark import MARK_FILE, read_noted
from engine.store.port import Changed, Control, News, Order
from tests.faults.test_unfit_store import told, wait_until
from tests.invariants.test_i6_registry import admission, of, send
from tests.support.estate import Estate
from tests.support.restricting import restrict_at_once as restrict
from tests.support.restricting import store_of


def settled(estate: Estate, version: int) -> bool:
    """Whether the registry is believed, and has come so far."""
    with store_of(estate) as store:
        return store.execute([News(version)])[0] == Changed((), version)


def noted(estate: Estate, version: int) -> None:
    """Wait until the version is noted beside the store, and the archive has everything."""
    wait_until(lambda: read_noted(estate.site / "var" / MARK_FILE) == version)
    wait_until(lambda: not estate.unarchived())


def lose_store(estate: Estate) -> None:
    shutil.rmtree(estate.site / "var" / "store")


def resume(estate: Estate) -> None:
    """Have alpha send."""
    with store_of(estate) as store:
        store.execute([Control("alpha", Order.RESUME, "", b'{"kind":"order"}')])


def test_what_the_archive_had_not_carried_holds_everything_until_a_person_goes_on(
    tmp_path: Path,
) -> None:
    with Estate(tmp_path) as estate:
        restrict(estate, "P1")
        noted(estate, 1)
        archive = estate.site / "var" / "archive.db"
        estate.stop_engine()
        shutil.copy(archive, tmp_path / "archive.db")  # an archiver that came no further
        estate.start_engine()
        restrict(estate, "P2")
        noted(estate, 2)
        estate.stop_engine()
        lose_store(estate)
        for file in archive.parent.glob("archive.db*"):
            file.unlink()
        shutil.copy(tmp_path / "archive.db", archive)

        estate.start_engine()
        resume(estate)
        wait_until(lambda: told(estate, "registry_unsettled"))
        send(estate.listener_port, admission("P1", "b1"), admission("Q1", "b2"))
        with pytest.raises(RegistryError, match="registry-doubted"):
            restrict(estate, "P2")
        estate.kill("worker")
        wait_until(lambda: told(estate, "worker_ended"))
        send(estate.listener_port, admission("Q1", "b3"))
        time.sleep(1)
        assert estate.received("alpha") == []
        status = estate.status()
        assert (status["channels"]["alpha"]["held"], status["channels"]["alpha"]["depth"]) == (3, 0)
        (trouble,) = status["troubles"]
        assert "1 changes since 20" in trouble

        said = estate.command("registry", "accept", "--reason", "P2 is entered by hand")
        assert said == {"accepted": True, "version": 1}
        restrict(estate, "P2")
        wait_until(lambda: len(of("Q1", estate.received("alpha"))) == 2)
        send(estate.listener_port, admission("P2", "b4"), admission("Q2", "b5"))
        wait_until(lambda: of("Q2", estate.received("alpha")))
        received = estate.received("alpha")
        assert of("P1", received) == of("P2", received) == []
        (row,) = estate.ledger("registry-rebuilt")
        assert (row["why"], row["noted"]) == ("P2 is entered by hand", 2)


def test_a_store_that_is_emptied_under_a_running_engine_holds_until_it_is_made_again(
    tmp_path: Path,
) -> None:
    with Estate(tmp_path) as estate:
        send(estate.listener_port, admission("Q0", "c0"))
        wait_until(lambda: of("Q0", estate.received("alpha")))
        restrict(estate, "P1")
        restrict(estate, "P2")
        noted(estate, 2)
        lose_store(estate)
        estate.kill("store")
        wait_until(lambda: told(estate, "store_restored"))
        resume(estate)
        send(estate.listener_port, admission("P1", "c1"), admission("Q1", "c2"))
        wait_until(lambda: settled(estate, 2))
        wait_until(lambda: of("Q1", estate.received("alpha")))
        send(estate.listener_port, admission("P2", "c3"), admission("Q2", "c4"))
        wait_until(lambda: of("Q2", estate.received("alpha")))
        received = estate.received("alpha")
        assert of("P1", received) == of("P2", received) == []
        assert told(estate, "registry_rebuilt")
        (row,) = estate.ledger("registry-rebuilt")
        assert (row["by"], row["noted"], row["found"]["newest"]) == ("payergate", 2, 2)
        restrict(estate, "P3")
        assert settled(estate, 3)
