"""What holds for all tests."""

import gc

import pytest

# The graphs of many stacks live for a whole session: to look them over for garbage was a fifth of its time.
gc.set_threshold(50_000, 20, 100)


def pytest_collection_finish(session: pytest.Session) -> None:
    """Leave out of every later look what was imported to get here."""
    gc.collect()
    gc.freeze()
