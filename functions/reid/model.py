"""What is sent and answered: the one source of the checks and of the OpenAPI document."""

from typing import Annotated, Any, TypeVar

import msgspec
from msgspec import Meta, Struct

from contracts import PII_KINDS
from functions.reid.problems import INVALID, RefusedError

MOST_TOKENS = 500
MOST_ERASED = 100
TOKEN = r"^[A-Za-z0-9_-]{32}$"  # noqa: S105 (its form)
ID = r"^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$"

Token = Annotated[
    str,
    Meta(
        pattern=TOKEN,
        min_length=32,
        max_length=32,
        description="The token of a personal value, as the warehouse shows it to marketing.",
    ),
]
Kind = Annotated[
    str,
    Meta(
        pattern=f"^({'|'.join(PII_KINDS)})$",
        max_length=max(map(len, PII_KINDS)),
        description="The kind of personal data: all tokens of a request are of one.",
    ),
]
Justification = Annotated[
    str,
    Meta(
        pattern=r"^[^@\x00-\x1f]{10,500}$",
        min_length=10,
        max_length=500,
        description="Why, in words; kept in the journal for ever, so it must not say who.",
    ),
]
Time = Annotated[str, Meta(extra_json_schema={"format": "date-time"})]


class Ask(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A request for the values of tokens."""

    purpose: Annotated[
        str,
        Meta(pattern=r"^[a-z][a-z0-9-]{0,63}$", max_length=64, description="One of the stack's purposes."),
    ]
    kind: Kind
    tokens: Annotated[
        list[Token],
        Meta(min_length=1, max_length=MOST_TOKENS, extra_json_schema={"uniqueItems": True}),
    ]
    justification: Justification


class Erase(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """To erase the people whose values the tokens stand for."""

    tokens: Annotated[
        list[Token],
        Meta(min_length=1, max_length=MOST_ERASED, extra_json_schema={"uniqueItems": True}),
    ]
    justification: Justification


class Nothing(Struct, frozen=True, forbid_unknown_fields=True):
    """An empty object, or no body at all."""


class Seen(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A request as it is now; its tokens are not told again."""

    id: Annotated[str, Meta(pattern=ID)]
    status: Annotated[str, Meta(pattern="^(pending|approved|denied|revealed)$")]
    purpose: str
    kind: Kind
    justification: str
    tokens: Annotated[int, Meta(ge=1, le=MOST_TOKENS, description="How many.")]
    requested_by: str
    requested_at: Time
    expires_at: Time
    decided_by: str = ""
    decided_at: Time = ""
    revealed_at: Time = ""


class Revealed(Struct, frozen=True, kw_only=True):
    """A token and its value: a text, or an object where the kind is an address."""

    token: Token
    value: Any


class Erased(Struct, frozen=True, kw_only=True):
    """What an erasure did; done again, it erases nobody."""

    subjects: Annotated[int, Meta(ge=0, description="How many people's secrets were deleted.")]
    remaining: Annotated[
        int,
        Meta(ge=0, description="How many values of these tokens have no subject (format 1): they stay."),
    ]


class Values(Struct, frozen=True, kw_only=True):
    """What a reveal answers, once."""

    id: Annotated[str, Meta(pattern=ID)]
    kind: Kind
    values: list[Revealed]


Asked = TypeVar("Asked", Ask, Erase)
_ASK = msgspec.json.Decoder(Ask)
_ERASE = msgspec.json.Decoder(Erase)
_NOTHING = msgspec.json.Decoder(Nothing)


def read_ask(body: bytes) -> Ask:
    """Read a request.

    Raises
    ------
    RefusedError
        If it is none. Says where, and never what: somebody may have put a value there.
    """
    return _each_once(_ASK, body)


def read_erase(body: bytes) -> Erase:
    """Read what is to be erased; refuses as `read_ask` does."""
    return _each_once(_ERASE, body)


def _each_once(decoder: msgspec.json.Decoder[Asked], body: bytes) -> Asked:
    try:
        asked = decoder.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise RefusedError(INVALID, _where(error)) from None
    if len(set(asked.tokens)) < len(asked.tokens):
        raise RefusedError(INVALID, "tokens: each token once")
    return asked


def read_nothing(body: bytes) -> None:
    """Refuse a body with anything in it."""
    if body:
        try:
            _NOTHING.decode(body)
        except (msgspec.DecodeError, UnicodeDecodeError):
            raise RefusedError(INVALID, "expected no body, or an empty object") from None


def _where(error: Exception) -> str:
    """Return the path that an error names, which is the schema's; an unknown key is not repeated."""
    path = str(error).rpartition(" - at `$")[2].rstrip("`") if " - at `$" in str(error) else ""
    if "unknown field" in str(error):
        return "an unknown field"
    return f"expected another value at {path.lstrip('.') or 'the top'}"
