"""The verifier, over a journal in a table that somebody may write to."""

from typing import Any

import pytest

from functions.reid.verify import main
from tests.reid.kit import JANE, Bench, client


@pytest.fixture
def told(bench: Bench) -> tuple[Bench, Any, list[str]]:
    """A journal with four entries, and the words with which to verify it."""
    bench.step(JANE, bench.approved([bench.people()["email"]]), "reveal")
    bench.ask(JANE, ["x" * 32], purpose="curiosity")
    return (
        bench,
        client("dynamodb", bench.endpoint),
        ["--journal", bench.names[1], "--requests", bench.names[0]],
    )


def key(number: int) -> dict[str, Any]:
    return {"chain": {"S": "reid"}, "number": {"N": str(number)}}


def test_a_whole_journal(told: Any, capsys: pytest.CaptureFixture[str]) -> None:
    bench, dynamodb, words = told
    last = bench.told[-1]
    assert main([*words, "--anchor", f"{last['number']}:{last['hash']}"], dynamodb) == 0
    assert capsys.readouterr().out == "the journal is whole\n"


def test_a_changed_entry(told: Any, capsys: pytest.CaptureFixture[str]) -> None:
    bench, dynamodb, words = told
    dynamodb.update_item(
        TableName=bench.names[1],
        Key=key(2),
        UpdateExpression="SET #by = :by",
        ExpressionAttributeNames={"#by": "by"},
        ExpressionAttributeValues={":by": {"S": "privacy-officer/somebody"}},
    )
    assert main(words, dynamodb) == 1
    assert capsys.readouterr().out == "entry 2 was changed: it has not the hash that it says\n"


def test_a_removed_entry(told: Any, capsys: pytest.CaptureFixture[str]) -> None:
    bench, dynamodb, words = told
    dynamodb.delete_item(TableName=bench.names[1], Key=key(2))
    assert main(words, dynamodb) == 1
    assert "entries 2 to 2 are missing" in capsys.readouterr().out


def test_an_end_that_was_cut_off(told: Any, capsys: pytest.CaptureFixture[str]) -> None:
    bench, dynamodb, words = told
    for number in (3, 4):
        dynamodb.delete_item(TableName=bench.names[1], Key=key(number))
    assert main(words[:2], dynamodb) == 0  # of itself it is whole
    # The request knows that it was revealed, the log that there was a fourth.
    assert main(words, dynamodb) == 1
    assert "entry 3 is missing: it was noted elsewhere" in capsys.readouterr().out
    assert main([*words[:2], "--anchor", f"4:{bench.told[-1]['hash']}"], dynamodb) == 1


def test_an_anchor_that_is_none(told: Any) -> None:
    with pytest.raises(SystemExit):
        main([*told[2], "--anchor", "last"], told[1])
