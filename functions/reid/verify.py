"""Looks a journal over: changed, missing, doubled or reordered entries.

    python -m functions.reid.verify --journal TABLE [--requests TABLE] [--anchor NUMBER:HASH …]

Credentials and region come from the environment. With the table of requests, the last step of each one that
is still there must be in the journal; anchors are what the function's log says of entries. Exit code 1 says
that something is wrong.
"""

import argparse
import sys
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Protocol

from functions.reid.journal import verify
from functions.reid.store import Store
from functions.shared import aws


class Scans(Protocol):
    """What reads all items of a table."""

    def scan(self, **arguments: Any) -> dict[str, Any]:
        """Return a page of items."""
        ...


def steps(client: Scans, table: str) -> Iterator[tuple[int, str]]:
    """Yield the entry of the last step of every request that is still there: its number and hash."""
    start: dict[str, Any] = {}
    while True:
        page = client.scan(
            TableName=table,
            ConsistentRead=True,
            FilterExpression="attribute_exists(entry_hash)",
            ProjectionExpression="entry, entry_hash",
            **start,
        )
        yield from ((int(item["entry"]["N"]), item["entry_hash"]["S"]) for item in page["Items"])
        if not (last := page.get("LastEvaluatedKey")):
            return
        start = {"ExclusiveStartKey": last}


def faults(
    client: Any, *, journal: str, requests: str | None = None, anchors: Mapping[int, str] | None = None
) -> list[str]:
    """Return what is wrong with a journal, in sentences."""
    known = {**(dict(steps(client, requests)) if requests else {}), **(anchors or {})}
    return list(verify(Store(client, requests=requests or "", journal=journal).entries(), known))


def _anchor(text: str) -> tuple[int, str]:
    number, _, hash_ = text.partition(":")
    if not number.isdecimal() or len(hash_) != 64:
        raise argparse.ArgumentTypeError("expected NUMBER:HASH, as the function's log has them")
    return int(number), hash_


def main(arguments: Sequence[str] | None = None, client: Any = None) -> int:
    """Run the command; return its exit code."""
    parser = argparse.ArgumentParser(prog="python -m functions.reid.verify", description="Verify a journal.")
    parser.add_argument("--journal", required=True, help="the journal's table")
    parser.add_argument("--requests", help="the table of requests")
    parser.add_argument("--anchor", type=_anchor, action="append", default=[], metavar="NUMBER:HASH")
    given = parser.parse_args(arguments)
    found = faults(
        client or aws.client("dynamodb"),
        journal=given.journal,
        requests=given.requests,
        anchors=dict(given.anchor),
    )
    sys.stdout.write("".join(f"{fault}\n" for fault in found) or "the journal is whole\n")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
