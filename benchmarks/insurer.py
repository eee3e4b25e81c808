"""Insurers that accept everything, for measuring: one lean process, one epoll, one port each.

It prints its ports as a line of JSON when it listens, and a line with the time of `time.monotonic`
whenever each port has received the next of the numbers in `--expect`.

    python -m benchmarks.insurer --ports 3 --expect 500 20500
"""

from __future__ import annotations

import argparse
import json
import select
import socket
import sys
import time

_READ_BYTES = 1 << 18
_CONTROL_ID_FIELD = 9  # of MSH split at its separator: MSH-10
_ANSWER = (
    b"\x0bMSH|^~\\&|INSURER|INSURER|PAYERGATE|EAST|20260301120000||ACK|%b|P|2.5.1\r"
    b"MSA|AA|%b\r\x1c\r"
)


class Insurers:
    """All ports and the connections to them."""

    def __init__(self, ports: int) -> None:
        self._epoll = select.epoll()
        self._listening = [socket.create_server(("127.0.0.1", 0)) for _ in range(ports)]
        self._connected: dict[int, tuple[socket.socket, int]] = {}
        self._partial: dict[int, bytes] = {}
        self.counts = [0] * ports
        for server in self._listening:
            server.setblocking(False)
            self._epoll.register(server.fileno(), select.EPOLLIN)

    @property
    def ports(self) -> list[int]:
        """The ports, in order."""
        return [server.getsockname()[1] for server in self._listening]

    def serve(self, wait_s: float) -> None:
        """Answer what has come."""
        for fd, _mask in self._epoll.poll(wait_s):
            if fd in self._connected:
                self._answer(fd)
            else:
                self._accept(fd)

    def _accept(self, fd: int) -> None:
        number = next(i for i, server in enumerate(self._listening) if server.fileno() == fd)
        sock, _ = self._listening[number].accept()
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._connected[sock.fileno()] = (sock, number)
        self._partial[sock.fileno()] = b""
        self._epoll.register(sock.fileno(), select.EPOLLIN)

    def _answer(self, fd: int) -> None:
        sock, number = self._connected[fd]
        try:
            data = sock.recv(_READ_BYTES)
        except ConnectionError:
            data = b""
        if not data:
            self._epoll.unregister(fd)
            sock.close()
            del self._connected[fd], self._partial[fd]
            return
        *whole, rest = (self._partial[fd] + data).split(b"\x1c\r")
        self._partial[fd] = rest
        self.counts[number] += len(whole)
        answers = []
        for frame in whole:
            header = frame[: frame.find(b"\r")]
            control_id = header.split(header[4:5])[_CONTROL_ID_FIELD]
            answers.append(_ANSWER % (control_id, control_id))
        sock.sendall(b"".join(answers))


def main(arguments: list[str]) -> int:
    """Serve until the parent closes standard input or ends this process."""
    parser = argparse.ArgumentParser(prog="benchmarks.insurer")
    parser.add_argument("--ports", type=int, default=3)
    parser.add_argument("--expect", type=int, nargs="+", required=True)
    asked = parser.parse_args(arguments)
    insurers = Insurers(asked.ports)
    print(json.dumps({"ports": insurers.ports}), flush=True)
    for expected in asked.expect:
        while min(insurers.counts) < expected:
            insurers.serve(1.0)
        done = {"reached": expected, "at": time.monotonic(), "cpu_s": time.process_time()}
        print(json.dumps(done), flush=True)
    while True:
        insurers.serve(1.0)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
