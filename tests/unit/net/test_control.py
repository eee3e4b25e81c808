"""Supervisor and worker understand each other, whatever the chunking."""

from __future__ import annotations

import pytest

from engine.net.control import Failed, Listening, Report, Reports, encode

REPORTS: tuple[Report, ...] = (
    Listening(),
    Failed("store-unsafe", "The store loses data.", "Set appendonly yes.", 5),
    Listening(),
)


@pytest.mark.parametrize("chunk_bytes", [1, 2, 7, 10_000])
def test_reports_arrive_as_they_were_made(chunk_bytes: int) -> None:
    sent = b"".join(encode(report) for report in REPORTS)
    reports = Reports()
    heard = [
        report
        for start in range(0, len(sent), chunk_bytes)
        for report in reports.feed(sent[start : start + chunk_bytes])
    ]
    assert heard == list(REPORTS)
