"""Writes the function that protects the personal data of one contract.

A function generated once per contract visits exactly the declared paths and looks each parent up once, with
nothing to interpret per event. For an `email` inside `customer` it reads::

    def protect(data, encrypt, next_nonce):
        if (v1 := data.get('customer')) is not None:
            if (v2 := v1.get('email')) is not None:
                if type(v2) is not str: raise TypeError('customer.email')
                normal, shown = faces2(v2)
                mac = mac2(); mac.update(normal.encode())
                token = base64(mac.finalize()[:24], b'-_')
                nonce = next_nonce().to_bytes(12, 'big')
                sealed = base64(nonce + encrypt(nonce, v2.encode(), context2))
                v1['email'] = f'1:{token}:{sealed}:{shown}'
"""

from collections.abc import Callable, Iterator
from typing import Any, TypeAlias

import orjson
import pybase64
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.hmac import HMAC

from contracts import PII_TYPES, Contract, JsonObject, PiiField
from functions.shared.kinds import KINDS
from functions.shared.protection import NONCE_BYTES, PACKED_VERSION, TOKEN_BYTES, field_context

Encrypt: TypeAlias = Callable[[bytes, bytes, bytes], bytes]
Protect: TypeAlias = Callable[[JsonObject, Encrypt, Callable[[], int]], None]
# Names to what lies below them: more names, or at last a value of personal data.
_Tree: TypeAlias = "dict[str, _Tree | PiiField]"

# Per JSON type: the Python type, and the bytes to encrypt of a value {v}.
_PLAIN = {"string": ("str", "{v}.encode()"), "object": ("dict", "dumps({v})")}


def keyed_hash(key: bytes, domain: str) -> HMAC:
    """Return a hash of one domain, to copy and go on with: equal values of two domains do not meet."""
    mac = HMAC(key, SHA256())
    mac.update(domain.encode() + b"\0")
    return mac


def token(mac: HMAC) -> str:
    """Finish a keyed hash: 32 characters of base64url."""
    return pybase64.b64encode_as_string(mac.finalize()[:TOKEN_BYTES], b"-_")


def compile_protect(contract: Contract, token_key: bytes) -> Protect:
    """Return the function that replaces each value of personal data in an event's data by its packed form."""
    writer = _Writer(contract.source, token_key)
    lines = ["def protect(data, encrypt, next_nonce):", "    pass"]
    lines += writer.members(_tree(contract), parent="data", pad="    ")
    name = f"<protect {contract.source}/{contract.event}.v{contract.version}>"
    exec(compile("\n".join(lines), name, "exec"), writer.names)  # noqa: S102 (only names that are linted)
    return writer.names["protect"]


def _tree(contract: Contract) -> _Tree:
    tree: _Tree = {}
    for pii in contract.pii:
        node = tree
        for name in pii.path[:-1]:
            below = node.setdefault(name, {})
            assert isinstance(below, dict)  # noqa: S101 (no personal data inside other: linted)
            node = below
        node[pii.path[-1]] = pii
    return tree


class _Writer:
    """Writes the lines, and gathers what they name."""

    def __init__(self, source: str, token_key: bytes) -> None:
        self.source, self.token_key = source, token_key
        self.names: dict[str, Any] = {"base64": pybase64.b64encode_as_string, "dumps": orjson.dumps}
        self.count = 0

    def members(self, tree: _Tree, *, parent: str, pad: str) -> Iterator[str]:
        for name, below in tree.items():
            self.count += 1
            number, value = self.count, f"v{self.count}"
            yield f"{pad}if ({value} := {parent}.get({name!r})) is not None:"
            if isinstance(below, dict):
                yield from self.members(below, parent=value, pad=pad + "    ")
            else:
                yield from (f"{pad}    {line}" for line in self.value(below, number, f"{parent}[{name!r}]"))

    def value(self, pii: PiiField, number: int, target: str) -> Iterator[str]:
        self.names[f"faces{number}"] = KINDS[pii.kind]
        self.names[f"mac{number}"] = keyed_hash(self.token_key, pii.kind).copy
        self.names[f"context{number}"] = field_context(self.source, pii.path)
        python_type, plain = _PLAIN[PII_TYPES[pii.kind]]
        value = f"v{number}"
        # The validator has seen to the type; should it ever not, the event is sealed.
        yield f"if type({value}) is not {python_type}: raise TypeError({'.'.join(pii.path)!r})"
        yield f"normal, shown = faces{number}({value})"
        yield f"mac = mac{number}(); mac.update(normal.encode())"
        yield f"token = base64(mac.finalize()[:{TOKEN_BYTES}], b'-_')"
        yield f"nonce = next_nonce().to_bytes({NONCE_BYTES}, 'big')"
        yield f"sealed = base64(nonce + encrypt(nonce, {plain.format(v=value)}, context{number}))"
        yield f"{target} = f'{PACKED_VERSION}:{{token}}:{{sealed}}:{{shown}}'"
