"""The disk has not a byte left, and a patient's restriction is to be entered."""

from __future__ import annotations

import subprocess
from contextlib import suppress
from pathlib import Path

from tests.faults.test_unfit_store import told, wait_until
from tests.support.estate import PAYERGATE, REPOSITORY, Estate
from tests.support.hospital import ask, make_messages
from tests.support.small_disk import fill, small_disk

MIB = 1024 * 1024
LINES = 3000


def fill_to_the_last_byte(folder: Path) -> Path:
    """Also the room of a reserve that was given up for deliveries and entries."""
    rest = folder / "rest"
    with rest.open("ab", buffering=0) as file, suppress(OSError):
        while True:
            file.write(b"x" * 1024)
    return rest


def command(estate: Estate, *words: str) -> tuple[int, str]:
    """Its exit code, and what it told on standard error."""
    done = subprocess.run(
        [*PAYERGATE, *words, "--site", str(estate.site)],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert "Traceback" not in done.stderr
    return done.returncode, done.stderr


def test_what_is_not_entered_is_said_and_all_goes_on_when_there_is_room(tmp_path: Path) -> None:
    file = tmp_path / "restrictions.csv"
    rows = "".join(f"Q{n},true,patient-request,all\n" for n in range(LINES))
    file.write_text(f"patient,everything,reason,channels\n{rows}")
    (sent,) = make_messages(0, 1, seed=1)
    with small_disk(tmp_path / "disk", 64 * MIB) as disk, Estate(disk) as estate:
        wait_until(lambda: told(estate, "disk_reserved"))
        filler = fill(disk, leave=65_536)
        rest = fill_to_the_last_byte(disk)
        wait_until(lambda: told(estate, "disk_full"))
        fill_to_the_last_byte(disk)
        code, said = command(estate, "restriction", "import", str(file))
        assert code == 5, said
        assert "store-unavailable" in said
        assert "Nothing was entered" in said or "are not." in said
        assert not ask(estate.listener_port, sent, seconds=2.0)

        filler.unlink()
        rest.unlink()
        wait_until(lambda: ask(estate.listener_port, sent, seconds=2.0), 60)
        again = estate.command("restriction", "import", str(file))
        assert again["lines"] == LINES
        if "Nothing was entered" in said:
            assert again["new"] == LINES
        assert estate.command("restriction", "ls")["entries"] == {"in force": LINES}
