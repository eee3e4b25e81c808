"""A site of 60 channels and 400 rules beside one of 3 channels and 10: what a large house costs.

Loading, checking and comparing are measured in CPU time, which is what a person waits for on an
idle machine. Deciding is CPU for each disclosure that results, of messages that concern three of
the sixty: the other fifty-seven must cost next to nothing. The small site is the large one's first
three channels with ten rules.
"""

from __future__ import annotations

import pathlib
import shutil
import time
from collections.abc import Callable

from benchmarks.deciding import cpu_us, known_coverages
from benchmarks.large_site import CHANNELS, RULES, write_large_site, write_small_site
from benchmarks.messages import ORU_26, VISITS, numbered
from benchmarks.report import Figure, Part, Target
from engine.config.load import load_site
from engine.hl7.wire import Message
from engine.policy.compare.diff import difference
from engine.policy.compile import compile_policy
from engine.policy.decide import decide
from engine.policy.meaning.revision import revision
from engine.policy.outcome import Verdict

#: A load, a check, a comparison: the best of so many, as the rest is disturbance.
_ROUNDS = 3


def measure(folder: pathlib.Path, seconds: float) -> Part:
    """Each in its turn; `seconds` for each of the two sites that decide."""
    large, changed, small = (folder / name for name in ("large", "changed", "small"))
    write_large_site(large)
    shutil.copytree(large, changed)
    _widen(changed)
    write_small_site(small)
    old, new = load_site(large).policy, load_site(changed).policy
    load_s = _best(lambda: load_site(large))
    check_s = _best(lambda: revision(load_site(large).policy))
    diff_s = _best(lambda: difference(load_site(large).policy, load_site(changed).policy))
    assert difference(old, new).is_wider
    assert not difference(new, old).is_wider
    of_large, of_small = (_per_disclosure(site, seconds) for site in (large, small))
    return Part(
        f"Large site: {CHANNELS} channels, {RULES} rules",
        (
            Figure("large: CPU of each disclosure", of_large, "us"),
            Figure("small (3 channels, 10 rules): CPU of each disclosure", of_small, "us"),
        ),
        (
            Target("large site loads, s CPU", load_s, 1.0, at_least=False),
            Target("check of the large site, s CPU", check_s, 3.0, at_least=False),
            Target("diff of two large sites, s CPU", diff_s, 3.0, at_least=False),
            Target("large / small, each disclosure", of_large / of_small, 3.0, at_least=False),
        ),
    )


def _best(call: Callable[[], object]) -> float:
    spent = []
    for _ in range(_ROUNDS):
        begin = time.process_time()
        call()
        spent.append(time.process_time() - begin)
    return min(spent)


def _widen(site: pathlib.Path) -> None:
    """One more field in a profile that all payers share: every channel must be compared."""
    profile = site / "rules" / "profile-psy.yaml"
    text = profile.read_text()
    profile.write_text(text.replace("PV1: [1, 2, 3, 19, 44]", "PV1: [1, 2, 3, 10, 19, 44]"))


def _per_disclosure(site: pathlib.Path, seconds: float) -> float:
    policy = compile_policy(load_site(site).policy)
    facts = known_coverages()
    raw = [numbered(ORU_26, number) for number in range(VISITS)]

    def disclosed(data: bytes) -> int:
        outcomes = decide(Message.parse(data), policy, facts)
        return sum(each.verdict is Verdict.DISCLOSE for each in outcomes.values())

    count = disclosed(raw[0])
    assert count == _CONCERNED, count
    return cpu_us(disclosed, raw, seconds) / count


_CONCERNED = 3
