"""The OpenAPI document is what the code says, and what is shipped is that."""

from pathlib import Path

from functions.reid import openapi, problems
from functions.reid.api import OPERATIONS

SHIPPED = Path(__file__).resolve().parents[2] / "docs" / "reid-openapi.json"


def test_what_is_shipped_is_what_is_served() -> None:
    """To renew it: `python -m functions.reid.openapi > docs/reid-openapi.json`."""
    assert SHIPPED.read_bytes() == openapi.encoded()


def test_every_problem_is_told_by_an_operation_or_is_of_routing() -> None:
    told = {problem for operation in OPERATIONS for problem in operation.refuses}
    routing = {problems.NO_ROUTE, problems.METHOD}
    everywhere = {problems.INTERNAL, problems.UNAVAILABLE}
    assert told | routing | everywhere == set(problems.PROBLEMS)
    names = [problem.name for problem in problems.PROBLEMS]
    assert len(names) == len(set(names))
