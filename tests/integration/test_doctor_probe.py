"""`doctor` and `probe` against a real machine, a real store and real sockets."""

from __future__ import annotations

import datetime
import json
import socket
import ssl
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from engine.cli.main import main
from engine.store.varlock import VarLock
from tests.support.estate import Estate, free_port
from tests.support.small_disk import small_disk


@pytest.fixture
def site(tmp_path: Path) -> Path:
    folder = tmp_path / "site"
    assert main(["init", str(folder)]) == 0
    config = folder / "config.yaml"
    config.write_text(config.read_text().replace(":2575", f":{free_port()}"))
    return folder


def told(
    capsys: pytest.CaptureFixture[str], *arguments: str, code: int = 0
) -> dict[str, tuple[str, str]]:
    """What was found, by what was looked at: level and text."""
    capsys.readouterr()
    assert main([*arguments, "--json"]) == code
    said = json.loads(capsys.readouterr().out)
    assert said["ok"] is (code == 0)
    return {one["of"]: (one["level"], one["text"]) for one in said["findings"]}


class TestDoctor:
    def test_a_new_site_is_fit(self, site: Path, capsys: pytest.CaptureFixture[str]) -> None:
        found = told(capsys, "doctor", "--site", str(site))
        assert {found[of][0] for of in ("files", "keys", "store", "ports", "settings")} == {"ok"}
        assert not (site / "var").exists()
        assert main(["doctor", "--site", str(site)]) == 0
        assert "ok       store: " in capsys.readouterr().out

    def test_an_archive_that_does_not_answer_or_has_gone(
        self, site: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        assert "first start" in told(capsys, "doctor", "--site", str(site))["archive"][1]
        assert main(["ledger", "account", "--patient", "X", "--site", str(site)]) == 5
        config = site / "config.yaml"
        text = config.read_text()
        config.write_text(f"{text}archive: {{url: 'postgresql://x@127.0.0.1:1/x'}}\n")
        level, said = told(capsys, "doctor", "--site", str(site), code=1)["archive"]
        assert (level, "does not answer" in said) == ("bad", True)
        config.write_text(f"{text}archive: {{url: none}}\n")
        assert told(capsys, "doctor", "--site", str(site))["archive"][0] == "ok"
        config.write_text(text)
        (site / "var").mkdir(mode=0o700)
        (site / "var" / "ledger-key").touch()
        assert told(capsys, "doctor", "--site", str(site), code=1)["archive"][0] == "bad"

    def test_what_an_engine_that_has_just_begun_will_make_is_not_said_to_wait_for_a_first_start(
        self, site: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        lock = VarLock(site / "var")  # the first thing that it takes
        try:
            found = told(capsys, "doctor", "--site", str(site))
        finally:
            lock.release()
        for of in ("keys", "archive"):
            level, said = found[of]
            assert level == "ok"
            assert "an engine has begun here" in said
            assert "first start" not in said
        assert "first start" in told(capsys, "doctor", "--site", str(site))["keys"][1]

    def test_a_running_engine_is_looked_at_without_harm(
        self, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        with Estate(tmp_path) as estate:
            found = told(capsys, "doctor", "--site", str(estate.site))
            for of in ("store", "archive", "clock", "keys", "var"):
                assert found[of][0] == "ok", found[of]
            assert "engine runs" in found["ports"][1]

    def test_what_is_bad_is_named_with_the_mend(
        self, site: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        channel = site / "channels" / "harbor.yaml"
        channel.write_text(
            channel.read_text()
            .replace("2035-12-31", "2020-12-31")
            .replace("tcp:127.0.0.1:6661", "tcp:10.9.9.9:6661")
        )
        (site / "var").mkdir()
        (site / "var" / "keys").write_text("broken")
        config = site / "config.yaml"
        with socket.create_server(("127.0.0.1", 0)) as taken:
            port = taken.getsockname()[1]
            lines = config.read_text().splitlines()
            lines = [
                f'    listen: "tcp:127.0.0.1:{port}"' if "listen:" in line else line
                for line in lines
            ]
            config.write_text("\n".join(lines))
            found = told(capsys, "doctor", "--site", str(site), code=1)
        assert found["agreement"][0] == found["ports"][0] == found["keys"][0] == "bad"
        assert found["var"][0] == found["settings"][0] == "warning"

    def test_a_var_folder_of_no_use_is_bad(
        self, site: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        (site / "var").symlink_to(site / "not-mounted")
        found = told(capsys, "doctor", "--site", str(site), code=1)
        assert found["var"] == ("bad", f"{site / 'var'} is no folder.")
        (site / "var").unlink()
        with small_disk(site / "var", 1 << 20) as var:
            var.chmod(0o700)
            subprocess.run(["mount", "-o", "remount,ro", str(var)], check=True)
            found = told(capsys, "doctor", "--site", str(site), code=1)
        assert found["var"] == ("bad", f"{var} cannot be written.")

    def test_a_store_that_is_away_is_bad(
        self, site: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        config = site / "config.yaml"
        config.write_text(config.read_text().replace("url: embedded", 'url: "redis://127.0.0.1:1"'))
        level, text = told(capsys, "doctor", "--site", str(site), code=1)["store"]
        assert level == "bad"
        assert text.startswith("store-unavailable")


@contextmanager
def receiver(handle: Callable[[socket.socket], Any]) -> Iterator[int]:
    """Something that listens and does `handle` with its first connection; its port."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            connection, _ = server.accept()
            with connection:
                handle(connection)

        thread = threading.Thread(target=serve)
        thread.start()
        yield server.getsockname()[1]
        thread.join(10)


def certificate(folder: Path, days: int) -> ssl.SSLContext:
    """A server's context with a certificate of its own making, which ends in `days`."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "hl7.harbor.example")])
    now = datetime.datetime.now(datetime.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - datetime.timedelta(days=90))
        .not_valid_after(now + datetime.timedelta(days=days))
        .sign(key, hashes.SHA256())
    )
    (folder / "key.pem").write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    (folder / "certificate.pem").write_bytes(made.public_bytes(serialization.Encoding.PEM))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "certificate.pem", folder / "key.pem")
    return context


class TestProbe:
    def _probe(
        self, capsys: pytest.CaptureFixture[str], site: Path, to: str, code: int = 0
    ) -> dict[str, tuple[str, str]]:
        file = site / "channels" / "harbor.yaml"
        lines = file.read_text().splitlines()
        lines = [f'  to: "{to}"' if line.startswith("  to:") else line for line in lines]
        file.write_text("\n".join(lines))
        return told(capsys, "probe", "harbor", "--site", str(site), code=code)

    def test_a_receiver_is_found_and_hears_nothing(
        self, site: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        heard: list[bytes] = []
        with receiver(lambda connection: heard.append(connection.recv(100))) as port:
            found = self._probe(capsys, site, f"tcp:127.0.0.1:{port}")
        assert {level for level, _ in found.values()} == {"ok"}
        assert heard == [b""]

    @pytest.mark.parametrize(
        ("handle", "of"),
        [(lambda c: None, "protocol"), (lambda c: c.sendall(b"SSH-2.0"), "protocol")],
    )
    def test_what_is_no_receiver_is_named(
        self,
        site: Path,
        capsys: pytest.CaptureFixture[str],
        handle: Callable[[socket.socket], Any],
        of: str,
    ) -> None:
        with receiver(handle) as port:
            found = self._probe(capsys, site, f"tcp:127.0.0.1:{port}", code=1)
        assert found[of][0] == "bad"

    def test_nobody_there(self, site: Path, capsys: pytest.CaptureFixture[str]) -> None:
        found = self._probe(capsys, site, f"tcp:127.0.0.1:{free_port()}", code=1)
        assert found["connection"][0] == "bad"
        found = self._probe(capsys, site, "tcp:no-such-name.invalid:6661", code=1)
        assert found["name"][0] == "bad"
        assert main(["probe", "nobody", "--site", str(site)]) == 2

    @pytest.mark.parametrize(("days", "level"), [(365, "ok"), (7, "warning"), (-1, "bad")])
    def test_a_certificate_is_read_and_its_end_told(
        self,
        site: Path,
        tmp_path: Path,
        capsys: pytest.CaptureFixture[str],
        days: int,
        level: str,
    ) -> None:
        context = certificate(tmp_path, days)

        def handle(connection: socket.socket) -> None:
            with context.wrap_socket(connection, server_side=True) as wrapped:
                wrapped.recv(1)

        with receiver(handle) as port:
            code = 1 if level == "bad" else 0
            found = self._probe(capsys, site, f"tls:127.0.0.1:{port}", code=code)
        assert found["tls"][0] == "ok"
        assert found["certificate"][0] == level
        assert "hl7.harbor.example" in found["certificate"][1]

    def test_a_port_without_tls_is_no_tls(
        self, site: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        with receiver(lambda connection: connection.sendall(b"hello")) as port:
            found = self._probe(capsys, site, f"tls:127.0.0.1:{port}", code=1)
        assert found["tls"][0] == "bad"
