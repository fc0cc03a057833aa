"""Requests, quotas and the journal in DynamoDB; whatever changes is written together with its journal entry.

One transaction holds the change, under the condition that makes it single, and the next entry, under the
condition that nobody else wrote that number. So there is no reveal without an entry, the chain cannot fork,
and of two that approve or reveal at once one wins.

The table of requests has items of two forms: `request#<id>`, and `quota#<day>#<person>` with what that person
used of the day. Both have an end (`forget_at`); journal entries have none.
"""

import random
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any, Literal, Protocol, TypeAlias, cast

from botocore.exceptions import (  # pyright: ignore[reportMissingTypeStubs] (it comes with the runtime, without types)
    BotoCoreError,
    ClientError,
)

from functions.reid.journal import Entry, following
from functions.reid.problems import UnavailableError

Status: TypeAlias = Literal["pending", "approved", "denied", "revealed"]
Value: TypeAlias = str | int | tuple[str, ...]
# All entries are one chain, under one key of the table.
CHAIN = "reid"
# Each attempt but one of those at the same time wins; the rest goes on from there.
ATTEMPTS = 40
# A transaction has a hundred parts, and one is the entry.
MOST_AT_ONCE = 99
PAUSE_SECONDS = 0.02


class DynamoDb(Protocol):
    """The table store, as far as it is used."""

    def get_item(self, **arguments: Any) -> dict[str, Any]:
        """Read an item."""
        ...

    def put_item(self, **arguments: Any) -> dict[str, Any]:
        """Write an item."""
        ...

    def query(self, **arguments: Any) -> dict[str, Any]:
        """Read the items of a key, in their order."""
        ...

    def transact_write_items(self, **arguments: Any) -> dict[str, Any]:
        """Write several items, all or none."""
        ...


@dataclass(frozen=True, kw_only=True)
class Request:
    """A request to reveal tokens. Times are whole seconds since 1970; texts that are not there are empty.

    Parameters
    ----------
    asked_by, decided_by
        Persons.
    tokens
        Gone once they are revealed; `count` stays.
    entry, entry_hash
        The journal's entry of the last step.
    """

    id: str
    status: Status
    purpose: str
    kind: str
    justification: str
    tokens: tuple[str, ...]
    tokens_hash: str
    count: int
    asked_by: str
    asked_at: int
    expires_at: int
    forget_at: int
    decided_by: str = ""
    decided_at: int = 0
    revealed_at: int = 0
    entry: int = 0
    entry_hash: str = ""


class LostError(Exception):
    """A condition did not hold: somebody was faster, or the time was over, or the quota is used up."""


# A change, made when the entry that goes with it is known.
Change: TypeAlias = Callable[[Entry], dict[str, Any]]


class Store:
    """The two tables."""

    def __init__(self, client: DynamoDb, *, requests: str, journal: str) -> None:
        self._client, self._requests, self._journal = client, requests, journal

    def find(self, id_: str) -> Request | None:
        """Return a request as it is now."""
        answer = self._call(
            "get_item", TableName=self._requests, Key=_key(f"request#{id_}"), ConsistentRead=True
        )
        return _request(answer["Item"]) if "Item" in answer else None

    def ask(self, request: Request, what: Entry, *, day: str, most: int) -> Entry:
        """Write a new request, if it fits what its person may have of the day.

        Raises
        ------
        LostError
            If it does not; nothing is written then.
        """
        return self._commit(
            what,
            self._used(f"quota#{day}#{request.asked_by}", request.count, most, request.forget_at),
            lambda entry: {"Put": {"TableName": self._requests, "Item": _item(request, entry)}},
        )

    def decide(self, request: Request, what: Entry, *, status: Status, by: str, now: int) -> Entry:
        """Approve or deny a request that is pending, alive and somebody else's.

        Raises
        ------
        LostError
            If it is not.
        """
        change = _change(
            self._requests,
            request.id,
            where={"status": "pending"},
            also="expires_at > :now AND asked_by <> :decided_by",
            values={":now": now},
            to={"status": status, "decided_by": by, "decided_at": now},
        )
        return self._commit(what, change)

    def reveal(self, request: Request, what: Entry, *, by: str, now: int) -> Entry:
        """Use up the approval of a request that is approved, alive and one's own; its tokens go.

        Raises
        ------
        LostError
            If it is not.
        """
        change = _change(
            self._requests,
            request.id,
            where={"status": "approved", "asked_by": by},
            also="expires_at > :now",
            values={":now": now},
            to={"status": "revealed", "revealed_at": now},
            gone="tokens",
        )
        return self._commit(what, change)

    def erase(self, what: Entry, table: str, subjects: Sequence[bytes]) -> Entry:
        """Delete the secrets of subjects, at most `MOST_AT_ONCE`, whether they are there or not."""

        def deletes(subject: bytes) -> Change:
            return lambda _: {"Delete": {"TableName": table, "Key": {"subject": {"B": subject}}}}

        return self._commit(what, *map(deletes, subjects))

    def note(self, what: Entry) -> Entry:
        """Write an entry with which nothing changes."""
        return self._commit(what)

    def entries(self) -> Iterator[Entry]:
        """Yield the journal from its beginning."""
        start: dict[str, Any] = {}
        while True:
            page = self._query(ScanIndexForward=True, **start)
            yield from (_entry(item) for item in page["Items"])
            if not (last := page.get("LastEvaluatedKey")):
                return
            start = {"ExclusiveStartKey": last}

    def _last(self) -> Entry | None:
        items = self._query(ScanIndexForward=False, Limit=1)["Items"]
        return _entry(items[0]) if items else None

    def _query(self, **arguments: Any) -> dict[str, Any]:
        return self._call(
            "query",
            TableName=self._journal,
            ConsistentRead=True,
            KeyConditionExpression="chain = :chain",
            ExpressionAttributeValues={":chain": {"S": CHAIN}},
            **arguments,
        )

    def _commit(self, what: Entry, *changes: Change) -> Entry:
        """Write an entry and what goes with it; begin anew when somebody else wrote the next entry."""
        for attempt in range(ATTEMPTS):
            entry = following(self._last(), what)
            item = {"chain": {"S": CHAIN}, **{name: _wire(value) for name, value in entry.items()}}
            put = {
                "Put": {
                    "TableName": self._journal,
                    "Item": item,
                    "ConditionExpression": "attribute_not_exists(chain)",
                }
            }
            try:
                self._client.transact_write_items(TransactItems=[put, *(change(entry) for change in changes)])
                return entry
            except ClientError as error:
                reasons = _reasons(error)
                if any(reason == "ConditionalCheckFailed" for reason in reasons[1:]):
                    raise LostError from None
                if not reasons:
                    raise UnavailableError("the table store") from error
            except BotoCoreError as error:
                raise UnavailableError("the table store") from error
            # Not all at the same time again; what is drawn is no secret.
            time.sleep(PAUSE_SECONDS * min(attempt + 1, 10) * random.random())  # noqa: S311
        raise UnavailableError("the table store")

    def _used(self, key: str, count: int, most: int, forget_at: int) -> Change:
        """Add to what is used of a quota, if that leaves nothing below zero."""

        def change(_: Entry) -> dict[str, Any]:
            return {
                "Update": {
                    "TableName": self._requests,
                    "Key": _key(key),
                    "UpdateExpression": "SET forget_at = :forget_at ADD used :count",
                    "ConditionExpression": "attribute_not_exists(used) OR used <= :left"
                    if count <= most
                    else "used <= :left",
                    "ExpressionAttributeValues": {
                        ":count": _wire(count),
                        ":left": _wire(most - count),
                        ":forget_at": _wire(forget_at),
                    },
                }
            }

        return change

    def _call(self, operation: Literal["get_item", "query"], **arguments: Any) -> dict[str, Any]:
        try:
            return getattr(self._client, operation)(**arguments)
        except (BotoCoreError, ClientError) as error:
            raise UnavailableError("the table store") from error


def _change(
    table: str,
    id_: str,
    *,
    where: Mapping[str, Value],
    also: str,
    values: Mapping[str, Value],
    to: Mapping[str, Value],
    gone: str = "",
) -> Change:
    """Return a change of a request `to` values, if it is as `where` and `also` say; it names its entry."""

    def change(entry: Entry) -> dict[str, Any]:
        new = {**to, "entry": entry["number"], "entry_hash": entry["hash"]}
        conditions = [f"#{name} = :was_{name}" for name in where]
        told = {f":{name}": value for name, value in new.items()}
        told |= {f":was_{name}": value for name, value in where.items()} | dict(values)
        return {
            "Update": {
                "TableName": table,
                "Key": _key(f"request#{id_}"),
                "UpdateExpression": "SET "
                + ", ".join(f"#{name} = :{name}" for name in new)
                + (f" REMOVE {gone}" if gone else ""),
                "ConditionExpression": " AND ".join([*conditions, also]),
                # `status` is a word of the expressions' own.
                "ExpressionAttributeNames": {f"#{name}": name for name in {**new, **where}},
                "ExpressionAttributeValues": {name: _wire(value) for name, value in told.items()},
            }
        }

    return change


def _reasons(error: ClientError) -> list[str]:
    """Return why each part of a transaction failed; nothing, if that was not why."""
    response = cast(dict[str, Any], error.response)  # pyright: ignore[reportUnknownMemberType] (untyped)
    if response["Error"]["Code"] == "TransactionInProgressException":
        return ["TransactionConflict"]
    return [reason.get("Code", "None") for reason in response.get("CancellationReasons", [])]


def _key(key: str) -> dict[str, Any]:
    return {"key": {"S": key}}


def _wire(value: Value) -> dict[str, Any]:
    if isinstance(value, str):
        return {"S": value}
    return {"N": str(value)} if isinstance(value, int) else {"L": [{"S": one} for one in value]}


def _plain(wired: Mapping[str, Any]) -> Value:
    ((form, value),) = wired.items()
    if form == "L":
        return tuple(one["S"] for one in value)
    return int(value) if form == "N" else value


def _entry(item: Mapping[str, Any]) -> Entry:
    return {name: cast(str | int, _plain(value)) for name, value in item.items() if name != "chain"}


def _item(request: Request, entry: Entry) -> dict[str, Any]:
    values = {**vars(request), "entry": entry["number"], "entry_hash": entry["hash"]}
    return {**_key(f"request#{request.id}"), **{name: _wire(value) for name, value in values.items()}}


def _request(item: Mapping[str, Any]) -> Request:
    known = {one.name for one in fields(Request)}
    values: dict[str, Any] = {name: _plain(value) for name, value in item.items() if name in known}
    values.setdefault("tokens", ())
    return Request(**values)
