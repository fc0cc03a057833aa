"""The ways in which producers break events: of the tree, and of the bytes."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable, Iterator
from random import Random
from typing import Any

from local.soak.people import Person

Json = Any
Tree = Callable[[Json, Person, Random], None]
Bytes = Callable[[bytes, Person, Random], bytes]

DEEP = (10, 200, 1000, 5000)
LARGE = 1_100_000
# Oversize costs a thousand times an ordinary one.
LARGE_SHARE = 0.0005
UNTOUCHED, OF_BYTES = 0.2, 0.3
MOST = 3


def slots(value: Json) -> Iterator[tuple[Any, Any]]:
    """Yield every place below a value: its holder, and its name or number there."""
    pairs: Any = ()
    if isinstance(value, dict):
        pairs = list(value.items())
    elif isinstance(value, list):
        pairs = list(enumerate(value))
    for name, member in pairs:
        yield value, name
        yield from slots(member)


def _somewhere(tree: Json, dice: Random) -> tuple[Any, Any]:
    found = list(slots(tree))
    return dice.choice(found) if found else (tree, None)


def _odd(person: Person, dice: Random) -> Json:
    text = dice.choice(person.texts())
    return dice.choice(
        (
            *(
                None,
                True,
                False,
                0,
                -1,
                0.5,
                10**18,
                -(10**25),
                1e308,
                12065550142,
                "",
                " ",
                "\0",
                "ﬀ",
                "\u202e",
            ),
            *([], {}, [text], {text: text}, {"v": text}, [[text]], text, text + "\u0301", f"<{text}>"),
        )
    )


def _replace(tree: Json, person: Person, dice: Random) -> None:
    holder, name = _somewhere(tree, dice)
    if name is not None:
        holder[name] = _odd(person, dice)


def _remove(tree: Json, _: Person, dice: Random) -> None:
    holder, name = _somewhere(tree, dice)
    if name is not None:
        del holder[name]


def _wrap(tree: Json, _: Person, dice: Random) -> None:
    holder, name = _somewhere(tree, dice)
    if name is not None:
        holder[name] = dice.choice(([holder[name]], {"v": holder[name]}, json.dumps(holder[name])))


def _rename(tree: Json, person: Person, dice: Random) -> None:
    holder, name = _somewhere(tree, dice)
    if isinstance(holder, dict) and name is not None:
        holder[dice.choice((*person.texts(), str(name).upper(), str(name) + "\0", ""))] = holder.pop(name)


def _add(tree: Json, person: Person, dice: Random) -> None:
    holder, _ = _somewhere(tree, dice)
    if isinstance(holder, dict):
        holder[dice.choice((*person.texts(), "note", "__proto__", "constructor"))] = _odd(person, dice)
    elif isinstance(holder, list):
        holder.append(_odd(person, dice))


def _swap(tree: Json, _: Person, dice: Random) -> None:
    (one, here), (other, there) = _somewhere(tree, dice), _somewhere(tree, dice)
    # Not into itself: what is in another's inside must not hold it.
    if here is not None and there is not None and not isinstance(one[here], (dict, list)):
        one[here], other[there] = other[there], one[here]


def _lone_surrogate(raw: bytes, _: Person, dice: Random) -> bytes:
    """Put half a character into some text, or as a name."""
    quotes = [at for at, octet in enumerate(raw) if octet == ord('"')] or [0]
    at = dice.choice(quotes) + 1
    return raw[:at] + dice.choice((rb"\ud83d", rb"\uDC00", rb"\ud800\ud800", rb"\ude00\ud83d")) + raw[at:]


def _large(tree: Json, person: Person, dice: Random) -> None:
    holder, name = _somewhere(tree, dice)
    if name is not None and dice.random() < LARGE_SHARE:
        text = dice.choice(person.texts())
        holder[name] = text * (LARGE // len(text))


def _flip(raw: bytes, _: Person, dice: Random) -> bytes:
    flipped = bytearray(raw)
    for _again in range(dice.choice((1, 1, 1, 2, 9))):
        flipped[dice.randrange(len(flipped))] ^= 1 << dice.randrange(8)
    return bytes(flipped)


def _cut(raw: bytes, _: Person, dice: Random) -> bytes:
    first, last = sorted((dice.randrange(len(raw)), dice.randrange(len(raw))))
    return dice.choice((raw[:first], raw[last:], raw[:first] + raw[last:]))


def _twin(raw: bytes, person: Person, dice: Random) -> bytes:
    """Say a member twice: before the first, or after, the second time with something else."""
    at = dice.choice([place for place, octet in enumerate(raw) if octet == ord("{")] or [0])
    names = [part for part in raw.split(b'"') if part.isalpha()]
    member = b'"%b":%b,' % (dice.choice(names or [b"data"]), json.dumps(dice.choice(person.texts())).encode())
    return raw[: at + 1] + member + raw[at + 1 :]


def _not_utf8(raw: bytes, _: Person, dice: Random) -> bytes:
    at = dice.randrange(len(raw))
    return raw[:at] + dice.choice((b"\xff", b"\xc0\x80", b"\xed\xa0\x80", b"\xf5", b"\xe9")) + raw[at:]


def _number(raw: bytes, _: Person, dice: Random) -> bytes:
    """Write some number as no sane producer does."""
    digits = [at for at, octet in enumerate(raw) if octet in b"0123456789" and raw[at - 1] in b":,["]
    if not digits:
        return raw
    at = end = dice.choice(digits)
    while end < len(raw) and raw[end] in b"0123456789.eE+-":
        end += 1
    odd = (
        b"1e999",
        b"-0",
        b"1" * 400,
        b"0.1e-400",
        b"NaN",
        b"Infinity",
        b"01",
        b"1.",
        b"9007199254740993",
        b"1E2",
    )
    return raw[:at] + dice.choice(odd) + raw[end:]


def _deep(raw: bytes, _: Person, dice: Random) -> bytes:
    depth, (open_, close) = dice.choice(DEEP), dice.choice(((b"[", b"]"), (b'{"a":', b"}")))
    nested = open_ * depth + b"0" + close * dice.choice((depth, depth, depth - 1))
    at = raw.find(b":") + 1
    return dice.choice((raw[:at] + nested + b"," + raw[at:], raw[:-1] + b',"deep":' + nested + b"}", nested))


def _garbage(raw: bytes, person: Person, dice: Random) -> bytes:
    texts = person.texts()
    return dice.choice(
        (
            b"",
            dice.randbytes(dice.randrange(200)),
            ";".join(texts).encode(),
            json.dumps(texts).encode(),
            json.dumps(raw.decode(errors="replace")).encode(),
            gzip.compress(raw, mtime=0),
            raw + b"\n" + raw,
            b"\xef\xbb\xbf" + raw,
            raw.decode(errors="replace").encode("utf-16"),
        )
    )


TREE: tuple[Tree, ...] = (_replace, _remove, _wrap, _rename, _add, _swap, _large)
BYTES: tuple[Bytes, ...] = (_lone_surrogate, _flip, _cut, _twin, _not_utf8, _number, _deep, _garbage)
NAMES = tuple(one.__name__.strip("_").replace("_", " ") for one in (*TREE, *BYTES))


def broken(event: Json, person: Person, dice: Random) -> tuple[bytes, tuple[str, ...]]:
    """Return an event's bytes after none to three mutations, and the names of those."""
    # Of the bytes rarely: nearly all of those are no JSON any more, and nothing else is looked at.
    some: list[Any] = []
    if dice.random() > UNTOUCHED:
        some = dice.choices((*TREE, *BYTES) if dice.random() < OF_BYTES else TREE, k=dice.randint(1, MOST))
    for change in (one for one in TREE if one in some):
        change(event, person, dice)
    raw = _bytes(event, dice)
    for damage in (one for one in BYTES if one in some):
        raw = damage(raw, person, dice) if raw else raw
    names = tuple(name for name, one in zip(NAMES, (*TREE, *BYTES), strict=True) if one in some)
    return raw, names


def _bytes(event: Json, dice: Random) -> bytes:
    """Write it as one of many libraries would; half a character as what it is, which is no UTF-8."""
    ascii_only, spaced = dice.random() < 0.5, dice.random() < 0.5
    text = json.dumps(event, ensure_ascii=ascii_only, separators=None if spaced else (",", ":"))
    return text.encode(errors="surrogatepass")
