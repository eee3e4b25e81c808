"""Following the folder that an insurer writes."""

import json
import pathlib

from engine.demo.arrivals import Kinds, SinkFolder
from engine.demo.board import Arrival, Kind

ORU = b"MSH|^~\\&|A|B|C|D|20260301||ORU^R01^ORU_R01|M1|P|2.5.1\rPID|1\rOBR|1\rOBX|1\rOBX|2\r"


def receive(folder: pathlib.Path, number: int, control_id: str, *, end: str = "\n") -> None:
    (folder / f"{number:08d}.hl7").write_bytes(ORU)
    with (folder / "index.jsonl").open("a") as index:
        index.write(json.dumps({"n": number, "control_id": control_id, "answer": "AA"}) + end)


def test_nothing_has_come_where_nothing_was_written(tmp_path: pathlib.Path) -> None:
    folder = SinkFolder("acme", tmp_path)
    assert folder.new({}) == []
    assert folder.count == 0


def test_each_copy_is_told_once(tmp_path: pathlib.Path) -> None:
    folder = SinkFolder("acme", tmp_path)
    receive(tmp_path, 1, "M1")
    expected = Arrival("acme", "ORU^R01", ("MSH", "PID", "OBR", "OBX", "OBX"), sent_segments=7)
    assert folder.new({"M1": 7}) == [expected]
    assert folder.new({"M1": 7}) == []
    receive(tmp_path, 2, "M2")
    assert [copy.sent_segments for copy in folder.new({"M1": 7})] == [0]
    assert folder.count == 2


def test_a_line_that_is_being_written_waits(tmp_path: pathlib.Path) -> None:
    folder = SinkFolder("acme", tmp_path)
    receive(tmp_path, 1, "M1", end="")
    assert folder.new({}) == []
    with (tmp_path / "index.jsonl").open("a") as index:
        index.write("\n")
    assert len(folder.new({})) == 1


def test_kinds_are_counted_by_channel_and_type() -> None:
    kinds = Kinds()
    kinds.add(Arrival("b", "ORU^R01", ("MSH", "OBR")))
    kinds.add(Arrival("a", "ADT^A01", ("MSH", "PID")))
    kinds.add(Arrival("b", "ORU^R01", ("MSH", "OBR", "OBX")))
    assert kinds.all() == [
        Kind("a", "ADT^A01", 1, ("MSH", "PID")),
        Kind("b", "ORU^R01", 2, ("MSH", "OBR", "OBX")),
    ]
