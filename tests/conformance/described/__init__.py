"""What the suite's questions mean in each cloud's own words: one module per cloud, data only."""

from importlib import import_module
from importlib.util import find_spec

from tests.conformance.description import Description


def of(cloud: str) -> Description:
    """The description of a cloud; a registered one that has none fails here."""
    where = f"tests.conformance.described.{cloud}"
    assert find_spec(where), f"the cloud {cloud} is registered and {where.replace('.', '/')}.py is missing"
    return import_module(where).DESCRIPTION
