"""What the demo shows."""

import pytest

from engine.demo.board import Arrival, ChannelLine, Kind, Snapshot, brief, compact, end, live

ACME = ChannelLine(
    channel="acme",
    state="sending",
    depth=2,
    delivered=40,
    held=1,
    withheld=7,
    per_second=3.25,
    last_ack="AA",
    sink_messages=40,
)
COPY = Arrival("acme", "ORU^R01", ("MSH", "PID", "OBR", "OBX", "OBX"), sent_segments=9)


def snapshot() -> Snapshot:
    return Snapshot(
        seconds=12.4,
        sent=50,
        acknowledged={"AA": 50},
        channels=(ACME,),
        arrivals=(COPY,),
        listeners={"adt": "127.0.0.1:2575"},
    )


def test_segments_are_listed_once_with_their_number() -> None:
    assert compact(["MSH", "OBR", "OBX", "OBX"]) == "MSH OBR OBX*2"


def test_the_live_board_has_a_line_for_each_channel_and_for_each_copy() -> None:
    text = "\n".join(live(snapshot()))
    assert "acme     sending      2         40       0     1         7     3.2  AA" in text
    assert "ORU^R01  -> acme" in text
    assert "5 of 9 segments: MSH PID OBR OBX*2" in text
    assert "127.0.0.1:2575" in text


def test_copies_stand_below_each_other_however_long_a_channels_name_is() -> None:
    long = Arrival("state-medicaid", "ADT^A01", ("MSH", "PID"), sent_segments=10)
    channels = (ACME, ChannelLine("state-medicaid", "idle"))
    lines = live(Snapshot(1.0, 2, {"AA": 2}, channels, (COPY, long)))[-2:]
    assert len({line.index("segments:") for line in lines}) == 1


def test_a_board_with_nothing_yet_says_so() -> None:
    text = "\n".join(live(Snapshot(0.0, 0, {}, (ChannelLine("acme", "-"),))))
    assert "acknowledged none" in text
    assert "nothing yet" in text


def test_one_line_serves_where_no_screen_is() -> None:
    assert brief(snapshot()) == (
        "   12 s  sent 50, waiting 2, held 1, parked 0; delivered: acme 40"
    )


@pytest.mark.parametrize("channels", [3, 60])
@pytest.mark.parametrize("name", ["a", "state-medicaid", "x" * 64])
def test_the_one_line_is_never_longer_than_120(channels: int, name: str) -> None:
    lines = tuple(ChannelLine(f"{name}{n}", "idle", delivered=123_456) for n in range(channels))
    said = brief(Snapshot(12_345.0, 123_456, {}, lines))
    assert len(said) <= 120
    assert said.endswith((" 123456", ", …"))
    assert said.startswith("12345 s  sent 123456, waiting 0, ")


def test_the_end_says_what_went_where() -> None:
    text = "\n".join(end(snapshot(), [Kind("acme", "ORU^R01", 2, ("MSH", "PID", "OBR", "OBX"))]))
    assert "50 messages sent, acknowledged AA 50, in 12.4 s" in text
    assert "ORU^R01       2  MSH PID OBR OBX" in text


def test_what_is_final_is_all_but_what_waits() -> None:
    assert ACME.final == 48
