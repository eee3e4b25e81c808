"""What is at a counterpart's address: a name, a connection, and with TLS who answers.

Law: not a byte of HL7 leaves: a connection is opened, looked at and closed.
"""

from __future__ import annotations

import socket
import ssl
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

from cryptography import x509

from engine.cli.findings import Finding, bad, ok, warning
from engine.config.model import Delivery

#: Days before its end at which a certificate is worth a word.
CERTIFICATE_DAYS = 30


def probe(delivery: Delivery, now: datetime) -> Iterator[Finding]:
    """What there is at the counterpart's address, step by step, up to the first that fails."""
    to, timeout_s = delivery.to, delivery.connect_timeout_s
    try:
        found = socket.getaddrinfo(to.host, to.port, type=socket.SOCK_STREAM)
    except OSError:
        yield bad("name", f"{to.host} is not known.", "Check the name and the machine's DNS.")
        return
    addresses = sorted({str(entry[4][0]) for entry in found})
    yield ok("name", f"{to.host} is {', '.join(addresses)}.")
    started_s = time.monotonic()
    try:
        connection = socket.create_connection((to.host, to.port), timeout_s)
    except OSError as error:
        why = "no answer in time" if isinstance(error, TimeoutError) else error.strerror or "failed"
        yield bad(
            "connection",
            f"{to} cannot be reached ({why.lower()}).",
            "Check address, port and firewalls; ask the counterpart whether it listens.",
        )
        return
    with connection:
        yield ok("connection", f"{to} answers in {(time.monotonic() - started_s) * 1000:.0f} ms.")
        if to.tls:
            yield from _certificate(connection, to.host, now)
        else:
            yield from _silence(connection)


def _silence(connection: socket.socket) -> Iterator[Finding]:
    """A receiver says nothing unasked; one that closes at once does not take us."""
    connection.settimeout(0.5)
    try:
        came = connection.recv(1)
    except TimeoutError:
        yield ok("tls", "None: what is sent can be read on the way.")
        return
    except OSError:
        came = b""
    if came:
        yield bad("protocol", "It speaks first, which no MLLP receiver does.", "Check the port.")
    else:
        yield bad(
            "protocol",
            "It closes the connection at once.",
            "Ask the counterpart whether it admits this address; it may take one connection only.",
        )


def _certificate(connection: socket.socket, name: str, now: datetime) -> Iterator[Finding]:
    """Who answers, until when, and whether this machine's authorities vouch for it."""
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE  # to look only: nothing is sent
    try:
        with context.wrap_socket(connection, server_hostname=name) as wrapped:
            version, raw = wrapped.version(), wrapped.getpeercert(binary_form=True)
    except (OSError, ValueError):
        yield bad("tls", "No TLS connection comes about.", "Check that the port is one with TLS.")
        return
    yield ok("tls", f"{version}.")
    if raw is None:
        yield bad("certificate", "It shows none.", "Ask the counterpart.")
        return
    certificate = x509.load_der_x509_certificate(raw)
    ends = certificate.not_valid_after_utc.astimezone(UTC)
    said = f"Of {certificate.subject.rfc4514_string() or 'nobody'}, until {ends.date()}."
    if ends <= now:
        yield bad("certificate", f"{said} It has ended.", "Ask the counterpart to renew it.")
    elif ends <= now + timedelta(days=CERTIFICATE_DAYS):
        yield warning("certificate", f"{said} It ends soon.", "Ask the counterpart to renew it.")
    else:
        yield ok("certificate", said)
