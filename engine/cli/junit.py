"""Results of tests in the XML that CI systems take (JUnit's, as Ant's task writes it).

Law: one `testsuite` a file, one `testcase` a test, one `failure` for each expectation that does not
hold; characters that XML 1.0 §2.2 does not have become U+FFFD.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from xml.etree import ElementTree

from engine.policy.testing.suite import SuiteResult, TestResult

_NO_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def junit(results: Sequence[SuiteResult]) -> bytes:
    """The whole report, in UTF-8."""
    root = ElementTree.Element("testsuites", {"name": "payergate", **_counts(results)})
    for result in results:
        suite = ElementTree.SubElement(
            root,
            "testsuite",
            {
                "name": _text(result.suite.name),
                "file": result.suite.place.file,
                **_counts([result]),
            },
        )
        for each in result.results:
            _case(suite, result.suite.name, each)
    ElementTree.indent(root)
    data: bytes = ElementTree.tostring(root, encoding="utf-8", xml_declaration=True)
    return data + b"\n"


def _counts(results: Sequence[SuiteResult]) -> dict[str, str]:
    return {
        "tests": str(sum(len(result.results) for result in results)),
        "failures": str(sum(result.failed for result in results)),
        "errors": "0",
        "skipped": "0",
        "time": "0",
    }


def _case(suite: ElementTree.Element, name: str, result: TestResult) -> None:
    case = ElementTree.SubElement(
        suite,
        "testcase",
        classname=_text(name),
        name=_text(result.test.name),
        file=result.test.place.file,
        line=str(result.test.place.line),
        time="0",
    )
    for failure in result.failures:
        said = ElementTree.SubElement(
            case,
            "failure",
            type=failure.check,
            message=_text(f"{failure.channel}: expected {failure.expected}; {failure.came}"),
        )
        said.text = _text(str(failure))


def _text(text: str) -> str:
    return _NO_XML.sub("\ufffd", text)
