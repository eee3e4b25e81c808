"""Reading what goes instead of an address from a file that holds nothing else.

Law: as in a facts file; whose it is and for which channels the command line says, and the address
never (`engine.config.confidential`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from engine.config.confidential import alternates_of
from engine.config.fact_values import FactReader
from engine.config.rows import fact_of_row, refuse
from engine.config.yaml_source import read_yaml
from engine.policy.language import Keys, Problems, Reader
from engine.policy.model import Policy
from engine.privacy.confidential import Confidential
from engine.privacy.sorts import Sort

FILE_KEYS = Keys("alternates", optional=("address", "phone"))


def confidential_in(data: bytes, row: Mapping[str, str], policy: Policy) -> Confidential:
    """What options and the file say together; an empty file: nothing goes instead.

    Raises `UsageError` with every mistake of the options, else of the file, and nothing of what is
    written.
    """
    fact = fact_of_row(Sort.CONFIDENTIAL, row, policy)
    if not isinstance(fact, Confidential):
        raise TypeError(type(fact))
    if not data.strip():
        return fact
    problems = Problems(repeats_values=False)
    node = read_yaml(data, "--from", problems)
    read = FactReader(Reader(problems), policy)
    given = {} if node is None else read.mapping(node, FILE_KEYS)
    address, phone = alternates_of(given, read)
    refuse(problems)
    return replace(fact, address=address, phone=phone)
