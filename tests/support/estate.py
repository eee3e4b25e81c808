"""A whole estate of real processes: one engine, its insurers, and a way to kill any of them."""

from __future__ import annotations

import json
import os
import random
import signal
import socket
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self, cast

from engine.archive.opening import open_archive
from engine.config.load import load_site
from engine.store.client import connect
from engine.store.embedded import EmbeddedServer
from engine.store.port import Backlog, Unarchived
from engine.store.redis import RedisStore

REPOSITORY = Path(__file__).resolve().parents[2]
PAYERGATE = [sys.executable, "-m", "engine.cli.main"]

CHANNELS = ("alpha", "beta", "gamma")

CONFIG = """\
engine: {{name: faults, environment: production}}
consent_elements: report
listeners:
  - name: his
    listen: "tcp:127.0.0.1:{listener}"
    limits: {{message: 1MiB, per_peer: 64, connections: 100, inter_byte: 2s, frame: 4s}}
    on_store_failure: {{close_after: 10s}}
store: {{url: embedded, durability: fsync, disk_reserve: {reserve}}}
"""

CHANNEL = """\
channel: {id}
name: {id} health plan
kind: payer
identified_by:
  - {{IN1-3.1: {upper}}}
agreement: {{reference: {upper}-1, expires: 2099-12-31}}
purposes: [payment]
ceiling:
  messages: [ADT, ORU, DFT]
  segments:
    EVN: [1, 2]
    PID: [1, 3, 5, 7, 8, 18]
    PV1: [1, 2, 19]
    IN1: [1, 2, 3, 36]
    OBR: [1, 4, 7]
    OBX: [1, 2, 3, 5, 11]
    FT1: [1, 4, 6, 7, 14]
deliver:
  to: "tcp:127.0.0.1:{port}"
  insecure: true
  acknowledgement: {{mode: original, timeout: 3s}}
  retry: {{first: 100ms, factor: 2, cap: 1s, jitter: 0.2}}
"""

RULES = """\
channels: [alpha, beta, gamma]
purpose: payment
basis: "45 CFR 164.506(c)(3)"
rules:
  - name: registration
    why: eligibility
    when: {message: [ADT^A01, ADT^A04, ADT^A08]}
    disclose:
      EVN: [1, 2]
      PID: [1, 3, 5, 7, 8, 18]
      PV1: [1, 2, 19]
      IN1: {fields: [1, 2, 3, 36], which: own}
  - name: results
    why: attachments to claims
    when: {message: [ORU^R01]}
    disclose:
      PID: [1, 3, 5, 7, 8, 18]
      OBR: [1, 4, 7]
      OBX: [1, 2, 3, 5, 11]
  - name: charges
    why: claims
    when: {message: [DFT^P03]}
    disclose:
      EVN: [1, 2]
      PID: [1, 3, 5, 7, 8, 18]
      FT1: {fields: [1, 4, 6, 7, 14], which: own}
      IN1: {fields: [1, 2, 3, 36], which: own}
"""


def free_port() -> int:
    """A port that nobody listens on just now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@dataclass
class Estate:
    """The processes, by role; `kill` sends SIGKILL, `mend` starts what nobody else restarts."""

    root: Path
    listener_port: int = field(default_factory=free_port)
    sink_ports: dict[str, int] = field(
        default_factory=lambda: {channel: free_port() for channel in CHANNELS}
    )
    engine: subprocess.Popen[bytes] | None = None
    sinks: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)
    kills: dict[str, int] = field(default_factory=dict)
    disk_reserve: str = "1MiB"

    def __enter__(self) -> Self:
        self.lay_out()
        for channel in CHANNELS:
            self.start_sink(channel)
        self.start_engine()
        return self

    def lay_out(self) -> None:
        """Write the site's files."""
        site = self.site
        (site / "channels").mkdir(parents=True)
        (site / "rules").mkdir()
        (site / "config.yaml").write_text(
            CONFIG.format(listener=self.listener_port, reserve=self.disk_reserve)
        )
        for channel in CHANNELS:
            text = CHANNEL.format(id=channel, upper=channel.upper(), port=self.sink_ports[channel])
            (site / "channels" / f"{channel}.yaml").write_text(text)
        (site / "rules" / "all.yaml").write_text(RULES)

    def __exit__(self, *_: object) -> None:
        if self.engine is not None and self.engine.poll() is None:
            self.stop_engine()
        for process in self.sinks.values():
            process.kill()
            process.wait()

    @property
    def site(self) -> Path:
        """The site's folder."""
        return self.root / "site"

    def start_engine(self) -> None:
        """Start `payergate run` and wait for its ready line."""
        with (self.root / "engine.log").open("ab") as log:
            self.engine = subprocess.Popen(
                [*PAYERGATE, "run", "--site", str(self.site)],
                cwd=REPOSITORY,
                stdout=subprocess.PIPE,
                stderr=log,
            )
        assert self.engine.stdout is not None
        with self.engine.stdout as output:
            line = output.readline()
        assert json.loads(line)["event"] == "engine_ready", line

    def stop_engine(self) -> int:
        """SIGTERM, and the exit code."""
        assert self.engine is not None
        self.engine.terminate()
        return self.engine.wait(30)

    def log_events(self) -> list[dict[str, Any]]:
        """What the engine has logged so far."""
        return [json.loads(line) for line in (self.root / "engine.log").read_text().splitlines()]

    def start_sink(self, channel: str, script: str = "") -> None:
        """Start the insurer of `channel` on its port; what it stored before stays."""
        scripted: list[str] = []
        if script:
            path = self.root / f"{channel}.script.yaml"
            path.write_text(script)
            scripted = ["--script", str(path)]
        with (self.root / f"{channel}.log").open("ab") as log:
            self.sinks[channel] = subprocess.Popen(
                [
                    *PAYERGATE,
                    "sink",
                    "--listen",
                    f"127.0.0.1:{self.sink_ports[channel]}",
                    "--out",
                    str(self.root / "received" / channel),
                    *scripted,
                ],
                cwd=REPOSITORY,
                stdout=log,
                stderr=log,
            )

    def stop_sink(self, channel: str) -> None:
        """The insurer goes away."""
        self.sinks[channel].kill()
        self.sinks[channel].wait()

    def restart_sink(self, channel: str, script: str = "") -> None:
        """Another insurer in its place, with another mind."""
        self.stop_sink(channel)
        self.start_sink(channel, script)

    def kill(self, role: str, chance: random.Random | None = None) -> None:
        """SIGKILL worker, archiver, store, supervisor or sink; restart what has no keeper."""
        chance = chance or random.Random(0)
        if role == "sink":
            channel = chance.choice(CHANNELS)
            self.stop_sink(channel)
            time.sleep(chance.uniform(0, 0.5))
            self.start_sink(channel)
        elif role == "supervisor":
            assert self.engine is not None
            self.engine.kill()
            self.engine.wait()
            self.start_engine()
        else:
            pid = self.pid_of(role)
            if pid is None:
                return
            os.kill(pid, signal.SIGKILL)
        self.kills[role] = self.kills.get(role, 0) + 1

    def pid_of(self, role: str) -> int | None:
        """The process id of the engine's worker, archiver or store, if it runs at this moment."""
        assert self.engine is not None
        for pid in _descendants(self.engine.pid):
            if _role(_command(pid)) == role:
                return pid
        if role == "store":  # an adopted store is no child of the engine
            for entry in Path("/proc").iterdir():
                if entry.name.isdigit() and _serves(int(entry.name), self.site):
                    return int(entry.name)
        return None

    def status(self) -> dict[str, Any]:
        """What `payergate status --json` says."""
        return self.command("status")

    def command(self, *arguments: str, code: int = 0) -> dict[str, Any]:
        """What `payergate ARGUMENTS --json` says of this site; its exit code must be `code`."""
        done = subprocess.run(
            [*PAYERGATE, *arguments, "--json", "--site", str(self.site)],
            cwd=REPOSITORY,
            capture_output=True,
            check=False,
            timeout=60,
        )
        assert done.returncode == code, (done.returncode, done.stdout, done.stderr)
        answer: dict[str, Any] = json.loads(done.stdout) if done.stdout else {}
        return answer

    def ledger(self, kind: str = "", seconds: float = 30.0) -> list[dict[str, Any]]:
        """The ledger's rows of a kind, oldest first, or all, once all are archived."""
        deadline = time.monotonic() + seconds
        while self.unarchived():
            assert time.monotonic() < deadline, "the archiver does not come along"
            time.sleep(0.1)
        with open_archive(load_site(self.site)) as archive, archive.reading() as connection:
            bodies = connection.exec_driver_sql("SELECT body FROM ledger ORDER BY seq")
            rows = [json.loads(body) for (body,) in bodies]
        return [row for row in rows if kind in ("", row["kind"])]

    def unarchived(self) -> int:
        """How many records wait for the archive; the store must run."""
        store = RedisStore(connect(EmbeddedServer(self.site / "var").url))
        try:
            return cast("Unarchived", store.execute([Backlog()])[0]).records
        finally:
            store.close()

    def wait_until_empty(self, seconds: float) -> dict[str, Any]:
        """Wait until no lane has anything left to send; the last status."""
        deadline = time.monotonic() + seconds
        while True:
            status = self.status()
            depths = [channel["depth"] for channel in status["channels"].values()]
            if status["store"]["reachable"] and not any(depths):
                return status
            assert time.monotonic() < deadline, status
            time.sleep(0.5)

    def received(self, channel: str) -> list[bytes]:
        """Every message that the insurer stored, in the order of its arrival."""
        folder = self.root / "received" / channel
        return [path.read_bytes() for path in sorted(folder.glob("*.hl7"))]


def _command(pid: int) -> bytes:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return b""


def _role(command: bytes) -> str:
    if b"valkey" in command:
        return "store"
    return "archiver" if b"engine.archiving" in command else "worker"


def _serves(pid: int, site: Path) -> bool:
    """Whether this process is a store whose working folder is inside the site."""
    if b"valkey" not in _command(pid):
        return False
    try:
        return str(Path(f"/proc/{pid}/cwd").resolve()).startswith(str(site.resolve()))
    except OSError:
        return False


def _descendants(pid: int) -> list[int]:
    found: list[int] = []
    for task in Path(f"/proc/{pid}/task").glob("*/children"):
        for child in task.read_text().split():
            found += [int(child), *_descendants(int(child))]
    return found
