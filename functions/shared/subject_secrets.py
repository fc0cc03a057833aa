"""The table of the subjects' secrets: one small place that can forget.

What is encrypted under a data key and a subject's secret together opens for nobody once its entry is gone,
wherever its copies lie (docs/decisions/0017-forgetting-a-secret-erases.md). An entry is `{subject, secret}`,
16 and 32 bytes.
"""

import os
import random
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any, Protocol, cast

from botocore.exceptions import ClientError  # pyright: ignore[reportMissingTypeStubs] (it comes with the runtime, without types)

from functions.shared.protection import KEY_BYTES

# What BatchGetItem and TransactWriteItems take in one call.
MOST = 100
ATTEMPTS = 8
PAUSE_SECONDS = 0.05
# Somebody else writes one of these at the same time, or has written it.
OTHERS = ("TransactionCanceledException", "TransactionInProgressException")


class SubjectsError(Exception):
    """The table does not give or take secrets."""


class SubjectTable(Protocol):
    """The table store, as far as it is used."""

    def batch_get_item(self, **arguments: Any) -> dict[str, Any]:
        """Read up to 100 items."""
        ...

    def transact_write_items(self, **arguments: Any) -> dict[str, Any]:
        """Write up to 100 items, all or none."""
        ...


@dataclass(kw_only=True)
class Secrets:
    """The table of secrets, for who may read it; to make some needs a right of its own.

    Parameters
    ----------
    sleep, jitter
        How to wait, and a random number below one.
    """

    client: SubjectTable
    table: str
    sleep: Callable[[float], None] = time.sleep
    jitter: Callable[[], float] = random.random

    def known(self, subjects: Iterable[bytes]) -> dict[bytes, bytes]:
        """Return the secrets of those that have one.

        Raises
        ------
        SubjectsError
            If the table goes on answering only in part. What the client raises is raised.
        """
        found: dict[bytes, bytes] = {}
        for some in _parts(sorted(set(subjects))):
            asked: Mapping[str, Any] = {
                # What was written a moment ago counts: another container's secret, or that there is none now.
                self.table: {"Keys": [_key(subject) for subject in some], "ConsistentRead": True}
            }
            for attempt in range(ATTEMPTS):
                answer = self.client.batch_get_item(RequestItems=asked)
                for item in answer["Responses"].get(self.table, ()):
                    found[item["subject"]["B"]] = item["secret"]["B"]
                if not (asked := answer.get("UnprocessedKeys", {})):
                    break
                self._wait(attempt)
            else:
                raise SubjectsError("the table of subjects answers only in part")
        return found

    def ensured(self, subjects: Iterable[bytes]) -> dict[bytes, bytes]:
        """Return the secrets of all, made where there is none: of two that make one at once, one wins.

        Raises
        ------
        SubjectsError
            If somebody was faster time and again, or the table goes on answering only in part. What the
            client raises is raised.
        """
        wanted, found = set(subjects), dict[bytes, bytes]()
        for attempt in range(ATTEMPTS):
            found |= self.known(wanted - found.keys())
            for some in _parts(sorted(wanted - found.keys())):
                found |= self._make(some)
            if len(found) == len(wanted):
                return found
            self._wait(attempt)
        raise SubjectsError("the table of subjects takes no new secrets")

    def _make(self, subjects: Sequence[bytes]) -> dict[bytes, bytes]:
        """Write new secrets, all or none; none where one of the subjects has one by now."""
        made = {subject: os.urandom(KEY_BYTES) for subject in subjects}
        puts = [
            {
                "Put": {
                    "TableName": self.table,
                    "Item": {**_key(subject), "secret": {"B": secret}},
                    "ConditionExpression": "attribute_not_exists(subject)",
                }
            }
            for subject, secret in made.items()
        ]
        try:
            self.client.transact_write_items(TransactItems=puts)
        except ClientError as error:
            response = cast(dict[str, Any], error.response)  # pyright: ignore[reportUnknownMemberType] (untyped)
            if response["Error"]["Code"] not in OTHERS:
                raise
            return {}
        return made

    def _wait(self, attempt: int) -> None:
        self.sleep(PAUSE_SECONDS * 2**attempt * self.jitter())


def _key(subject: bytes) -> dict[str, Any]:
    return {"subject": {"B": subject}}


def _parts(subjects: Iterable[bytes]) -> Iterator[list[bytes]]:
    left = iter(subjects)
    while some := list(islice(left, MOST)):
        yield some
