"""A policy read from texts, as its files would be, that must have no problem."""

from __future__ import annotations

from engine.config.yaml_source import read_yaml
from engine.policy.language import Problems, policy_of
from engine.policy.model import Policy


def read_policy(channel: str, rules: str, *sets: str) -> Policy:
    """The policy of a channel file, a rules file and files of code sets."""
    problems = Problems()
    nodes = [
        read_yaml(text.encode(), f"{number}.yaml", problems)
        for number, text in enumerate((channel, rules, *sets))
    ]
    read = [node for node in nodes if node is not None]
    assert len(read) == len(nodes)
    found = policy_of(
        read[:1],
        read[1:2],
        every_channel_read=True,
        environment="test",
        timezone="UTC",
        problems=problems,
        set_files=read[2:],
    )
    assert problems.sorted() == (), [str(problem) for problem in problems.sorted()]
    return found.policy
