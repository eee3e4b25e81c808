"""Every command, run where messages of tokens are, with what it said noted (canary.py).

Law: what a command prints is searched, standard error always. Standard output is left out only of a
command whose purpose is content; words that somebody typed may be told again.
"""

from __future__ import annotations

import contextlib
import io
import json
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from unittest.mock import patch

from engine.cli.main import main
from engine.store.keyfile import create_keys
from tests.support.canary import Traces
from tests.support.estate import PAYERGATE, REPOSITORY

#: Why something is parked or held by then.
KEPT_FOR = {"ack-AR", "leak", "structure", "unit-unknown", "unknown-payer"}


@dataclass
class Desk:
    """Where commands are typed."""

    site: Path
    traces: Traces
    files: Path
    reports: Path
    typed: set[str] = field(default_factory=set)

    def type(
        self,
        *words: str,
        stdin: Sequence[str] = (),
        code: int | None = 0,
        is_content: bool = False,
    ) -> bytes:
        """Run a command in this process; its standard output. `code` None: whichever."""
        self.typed.add(words[0])
        out, err = io.BytesIO(), io.BytesIO()
        read = io.TextIOWrapper(io.BytesIO("\n".join(stdin).encode()))
        written = [io.TextIOWrapper(stream, write_through=True) for stream in (out, err)]
        with (
            patch("sys.stdin", read),
            contextlib.redirect_stdout(written[0]),
            contextlib.redirect_stderr(written[1]),
        ):
            ended = main(words)
        said = out.getvalue()
        assert code in (None, ended), (words, ended, said, err.getvalue())
        name = " ".join(words)
        asked = [*stdin, *words]
        if not is_content:
            self.traces.note(f"what `{name}` said", said, asked=asked)
        self.traces.note(f"what `{name}` complained of", err.getvalue(), asked=asked)
        return said

    def spawn(self, *words: str, code: int | None = 0) -> None:
        """Run a command that needs a process of its own."""
        self.typed.add(words[0])
        done = subprocess.run(
            [*PAYERGATE, *words], cwd=REPOSITORY, capture_output=True, check=False, timeout=60
        )
        assert code in (None, done.returncode), (words, done)
        self.traces.note(f"what `{' '.join(words)}` said", done.stdout + done.stderr)

    def ask(self, *words: str, **more: Any) -> Any:
        """The same of the site, as JSON."""
        said = self.type(*words, "--json", "--site", str(self.site), **more)
        return json.loads(said) if said else None

    def tell(self, *words: str, **more: Any) -> bytes:
        """The same of the site, as text."""
        return self.type(*words, "--site", str(self.site), **more)

    def file(self, name: str) -> str:
        """One of the files that people give to commands."""
        return str(self.files / name)

    def report(self, name: str) -> str:
        """Where a command is to write."""
        return str(self.reports / name)


def without_a_store(desk: Desk) -> None:
    """What reads files only."""
    good, oru = desk.file("good.hl7"), desk.file("oru.hl7")
    desk.tell("disclose", good, oru, "--channel", "alpha", is_content=True)
    desk.tell("disclose", desk.file("nobodys.hl7"), "--channel", "alpha", code=10)
    desk.tell("disclose", good, oru, "--each", str(desk.files / "each"))
    for name in ("good", "oru", "nobodys", "broken", "two"):
        desk.tell("explain", desk.file(f"{name}.hl7"))
        desk.tell("explain", desk.file(f"{name}.hl7"), "--json")
    for name in ("utf16.hl7", "other.txt"):
        desk.tell("explain", desk.file(name), code=6)
        desk.tell("disclose", desk.file(name), "--channel", "alpha", code=6)
    for path in sorted(desk.files.glob("*.yaml")):
        code = 0 if path.name in {"good.yaml", "known.yaml"} else 2
        desk.tell("explain", good, "--facts", str(path), code=code)
    desk.type("diff", str(desk.site), str(desk.site), "--over", str(desk.files))
    desk.tell("check")
    desk.tell("test", "--junit", desk.report("junit.xml"), code=None)
    desk.tell("matrix", "--html", desk.report("matrix.html"))
    desk.ask("matrix")
    desk.tell("protections")
    desk.tell("processing", "--html", desk.report("processing.html"))
    desk.type("schema", "--out", desk.report("schemas"))


def of_a_running_engine(desk: Desk) -> None:
    """What looks at an engine and its queues."""
    desk.tell("doctor", code=None)
    desk.tell("probe", "alpha", code=None)
    desk.tell("status")
    desk.ask("status")
    desk.tell("status", "--check", code=None)
    desk.tell("top", "--times", "1")
    desk.ask("top", "--times", "1")
    desk.tell("queue", "ls")
    for channel in ("alpha", "beta", "gamma"):
        desk.tell("queue", "show", channel)
        desk.ask("queue", "show", channel)
    desk.tell("queue", "pause", "beta", "--reason", "canary")
    desk.tell("queue", "resume", "beta")
    desk.tell("keys", "ls")
    desk.ask("keys", "rotate", "--reason", "canary")
    desk.tell(
        "keys",
        "shred",
        "--class",
        "content",
        "--day",
        "2026-03-01",
        "--reason",
        "canary",
        code=None,
    )


def of_dead_letters(desk: Desk) -> None:
    """What handles what is parked and held."""
    desk.tell("parked", "ls")
    kept = desk.ask("parked", "ls")["items"]
    assert {item["reason"] for item in kept} >= KEPT_FOR
    items = [item["item"] for item in kept]
    desk.tell("parked", "show", *items)
    desk.ask("parked", "show", *items)
    desk.tell("parked", "replay", items[0], "--reason", "canary", code=None)
    desk.tell("parked", "discard", items[-1], "--reason", "canary")
    again = ("messages", "replay", kept[-1]["receipt"], "--channel", kept[-1]["channel"])
    desk.tell(*again, "--reason", "canary", code=None)
    desk.ask(*again, "--reason", "canary", code=None)
    withheld = ("messages", "replay", "--withheld-for", "no-coverage", "--from", "1d")
    desk.tell(*withheld, "--reason", "canary", code=None)
    desk.ask(*withheld, "--reason", "canary", "--dry-run", code=None)


def of_the_registry(desk: Desk, patient: str, words: Sequence[str]) -> None:
    """What enters and shows what a patient signed; `words` are told by the patient."""
    named = ("--patient", "-")
    desk.tell(
        "consent", "add", *named, "--authority", words[0], "--kind", "authorization",
        "--purposes", "payment", "--channels", "alpha", "--given", "2026-03-01", "--signed-by",
        "guardian", "--signer", words[1], "--signer-authority", words[2], "--event", words[3],
        "--description", words[4], "--why", "canary", stdin=[patient],
    )  # fmt: skip
    asked = [patient, *words]  # of a patient who is named everything is shown
    (entry,) = desk.ask("consent", "ls", *named, stdin=asked)["entries"]
    desk.tell("consent", "ls", *named, stdin=asked)
    desk.tell("consent", "ls")
    desk.tell("duties", "ls", code=None)
    desk.ask("duties", "ls", code=None)
    desk.tell("duties", "done", entry["entry"], *named, "--why", "canary", stdin=asked, code=None)
    desk.tell("consent", "revoke", entry["entry"], *named, "--why", "canary", stdin=asked)
    desk.tell("consent", "revoke", "c-none", *named, "--why", "canary", stdin=asked, code=1)
    for path in sorted(desk.files.glob("*.csv")):
        code = 0 if path.name == "good.csv" else 2
        desk.tell("consent", "import", str(path), "--dry-run", code=code)
    desk.tell("consent", "import", desk.file("good.csv"))
    desk.tell("restriction", "add", *named, "--visit", words[5], stdin=[patient])
    desk.tell("restriction", "ls", *named, stdin=asked)
    desk.tell("label", "add", *named, "--label", "hiv", "--visit", words[5], stdin=[patient])
    desk.tell("label", "ls", *named, stdin=asked)
    desk.tell("label", "ls")
    (entry,) = desk.ask("restriction", "ls", *named, stdin=asked)["entries"]
    desk.tell("restriction", "terminate", entry["entry"], *named, "--why", "canary", stdin=asked)
    desk.tell("restriction", "decline", entry["entry"], *named, "--why", "canary", stdin=asked,
              code=1)  # fmt: skip
    alternate = ("--authority", words[0], "--from", desk.file("alternate.yaml"))
    entry = desk.ask("confidential", "add", *named, *alternate, stdin=[patient])
    desk.tell("confidential", "ls", *named, stdin=asked)
    desk.tell("confidential", "ls")
    for name in ("reached.yaml", "text.yaml", "syntax.yaml"):
        desk.tell("confidential", "add", *named, "--from", desk.file(name), stdin=[patient], code=2)
    desk.tell("confidential", "end", entry["entry"], *named, "--why", "canary", stdin=asked)
    desk.tell(
        "coverage", "add", *named, "--authority", words[0], "--channel", "alpha",
        "--visit", words[5], "--why", "canary", stdin=[patient],
    )  # fmt: skip
    desk.tell("coverage", "ls", *named, stdin=asked)
    desk.tell("coverage", "import", desk.file("shifted.csv"), code=2)
    desk.tell("coverage", "ls")
    desk.tell("registry", "status", code=None)


def of_the_archive(desk: Desk, patient: str, authority: str, merged: str) -> None:
    """What finds, shows, proves and accounts; `merged` is a patient of an A40."""
    named, why = ("--patient", "-"), ("--reason", "canary")
    found = desk.ask("messages", "search", *named, stdin=[patient])["messages"]
    assert found, patient
    desk.tell("messages", "search")
    receipt = found[0]["receipt"]
    desk.tell("messages", "show", receipt)
    desk.ask("messages", "show", receipt)
    desk.tell("messages", "show", receipt, "--content", *why, is_content=True)
    desk.tell("messages", "show", receipt, "--copy", "alpha", *why, is_content=True, code=None)
    desk.tell("patient", "-", *why, stdin=[patient])
    linked = desk.ask("merge", "ls", *named, stdin=[merged], is_content=True)  # identifiers
    (link, *_) = linked["links"]
    desk.tell("merge", "confirm", link["link"], *named, "--why", "canary", stdin=[merged])
    desk.tell("patient", "-", *why, "--if-added", desk.file("known.yaml"), stdin=[patient])
    desk.tell("ledger", "verify")
    for more in ((), ("--all", "--each")):
        desk.tell("ledger", "account", *named, "--authority", authority, *more, stdin=[patient])
    desk.tell("ledger", "export", "--channel", "alpha", "--from", "1d", "--to", "0d",
              "--out", desk.report("breach"), code=None)  # fmt: skip
    desk.tell(
        "ledger", "impermissible", receipt, "--channel", "alpha", "--from", "1d", *why, code=None
    )
    desk.tell("ledger", "candidates")
    desk.tell("ledger", "clear", receipt, "--channel", "alpha", *why, code=None)
    desk.ask("backtest", "--rules", str(desk.site), *why, code=None)
    desk.tell("unlisted", "--codes", "--top", "1000", *why)
    desk.ask("unlisted", "--codes", "--top", "1000", *why)
    desk.tell("archive", "status")
    desk.tell("archive", "hold", *why, *named, stdin=[patient])
    desk.tell("archive", "holds")
    desk.tell("archive", "quarantined")
    (row, *_) = desk.ask("archive", "quarantined")["quarantined"]
    desk.tell("archive", "quarantined", "--open", str(row["seq"]), *why, is_content=True)
    desk.tell("archive", "prune")


def of_an_engine_that_is_off(desk: Desk) -> None:
    """What can be said while neither engine nor store runs; then with keys that are not those."""
    good = desk.file("good.hl7")
    desk.tell("status", code=None)
    desk.tell("doctor", code=None)
    config = desk.site / "config.yaml"
    settings = config.read_text()
    config.write_text(settings.replace("embedded", "'redis://127.0.0.1:1'"))
    desk.tell("parked", "ls", code=5)
    desk.tell("consent", "import", desk.file("good.csv"), code=5)
    config.write_text(settings)
    receipt = desk.ask("messages", "search")["messages"][0]["receipt"]
    keys = desk.site / "var" / "keys"
    aside = keys.rename(keys.with_name("keys.aside"))
    looks = ("messages", "show", receipt, "--content", "--reason", "canary")
    desk.tell(*looks, code=1)
    desk.spawn("run", "--site", str(desk.site), code=1)
    create_keys(keys)
    desk.tell(*looks, code=1)
    desk.spawn("run", "--site", str(desk.site), code=1)
    aside.replace(keys)
    with patch("engine.cli.disclose.decide", side_effect=ValueError(Path(good).read_text())):
        desk.tell("disclose", good, "--channel", "alpha", code=1)  # a fault of our own
