"""Coverage that a person entered against what messages taught, on a real engine."""

from __future__ import annotations

from pathlib import Path

from tests.integration.test_run import Client
from tests.support.estate import Estate

PID, PV1 = "PID|1||PC^^^EAST^MR||DOE^JANE||19800101|F", f"PV1|1|I|W^1{'|' * 16}VC^^^EAST"
RESULT = ("ORC|RE|P1|F1", "OBR|1|P1|F1|718-7^Hb^LN|||20260301", "OBX|1|NM|718-7^Hb^LN||13")
WHOSE = ("--patient", "PC", "--authority", "EAST")


def test_what_contradicts_holds_and_what_settles_counts_alone(tmp_path: Path) -> None:
    with Estate(tmp_path) as estate, Client(estate) as client:

        def take(number: int, type_: str, *segments: str) -> None:
            msh = f"MSH|^~\\&|HIS|EAST|X|Y|20260301120000||{type_}|C{number}|P|2.5.1"
            data = ("\r".join((msh, *segments)) + "\r").encode()
            assert f"MSA|AA|C{number}".encode() in client.ask(data)

        def whose(number: int) -> dict[str, str]:
            """What each insurer has of a result that names no insurance."""
            take(number, "ORU^R01^ORU_R01", PID, PV1, *RESULT)
            rows = {row["control_id"]: row["channels"] for row in estate.ledger("decision")}
            found = rows[f"C{number}"].items()
            return {name: one.get("reasons", [one["verdict"]])[0] for name, one in found}

        def enter(*options: str) -> str:
            return str(estate.command("coverage", "add", *WHOSE, *options)["entry"])

        def revoke(entry: str) -> None:
            estate.command("coverage", "revoke", entry, "--patient", "PC", "--why", "an error")

        take(1, "ADT^A01^ADT_A01", "EVN||20260301", PID, PV1, "IN1|1|PLAN|ALPHA")
        other = "no-coverage"
        learned = {"alpha": "disclose", "beta": other, "gamma": other}
        unclear = {"alpha": "ambiguous-coverage", "beta": "ambiguous-coverage", "gamma": other}
        assert whose(2) == learned
        contradicts = enter("--channel", "beta", "--visit", "VC")
        assert whose(3) == unclear
        revoke(contradicts)
        assert whose(4) == learned
        settles = enter("--channel", "beta", "--visit", "VC", "--settles")
        assert whose(5) == {"alpha": other, "beta": "disclose", "gamma": other}
        revoke(settles)
        enter("--channel", "beta")  # of the patient: what is known of the visit comes first
        assert whose(6) == learned
        assert [one for one in estate.log_events() if one.get("level") == "error"] == []
