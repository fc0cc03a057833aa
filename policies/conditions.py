"""Which conditions of a policy statement say who may come in, or from where.

A statement that is open to everyone is still narrow with one such condition, since all conditions of a
statement must hold. What does not count: negations ("anyone but"), operators that also hold where the key is
missing (``…IfExists``, ``ForAllValues:…``, ``Null``), values with a wildcard where it matters, and keys that
the caller chooses freely (``aws:Referer``, ``aws:PrincipalTag/…``, ``kms:EncryptionContext:…``).
"""

import ipaddress
import re
from collections.abc import Mapping
from typing import Any, cast

from policies.rules import Props, elements

_ARN_KEYS = frozenset(
    {"aws:sourcearn", "aws:principalarn", "s3:dataaccesspointarn", "lambda:sourcefunctionarn"}
)
_PLAIN_KEYS = frozenset(
    {
        "aws:principalaccount",
        "aws:principalorgid",
        "aws:principalservicename",
        "aws:principalservicenameslist",
        "aws:sourceaccount",
        "aws:sourceorgid",
        "aws:sourceowner",
        "aws:sourcevpc",
        "aws:sourcevpce",
        "kms:calleraccount",
        "s3:dataaccesspointaccount",
    }
)
# Of these what comes after a separator is a part of the same organisation or identity.
_PATH_KEYS = frozenset({"aws:principalorgpaths", "aws:sourceorgpaths", "aws:userid"})
_EXACT = frozenset({"stringequals", "stringequalsignorecase"})
_PATTERN = frozenset({"stringlike", "arnequals", "arnlike"})
_WILDCARD = re.compile(r"[*?]")
# Wider networks than these are the internet.
_WIDEST = {4: 8, 6: 32}


def narrowed(condition: Any) -> bool:
    """Whether one of a statement's conditions says who may come in, or from where."""
    if not isinstance(condition, Mapping):
        return False
    operators = cast(Props, condition)
    return any(_narrows(operator, operators[operator]) for operator in operators)


def _narrows(operator: str, tests: Any) -> bool:
    if not isinstance(tests, Mapping):
        return False
    name = operator.lower().removeprefix("foranyvalue:")
    keys = cast(Props, tests)
    return any(_all_narrow(name, str(key).lower(), list(elements(keys[key]))) for key in keys)


def _all_narrow(operator: str, key: str, values: list[Any]) -> bool:
    """Whether every value is narrow: a condition holds where one of its values does."""
    return bool(values) and all(_narrow(operator, key, str(value)) for value in values)


def _narrow(operator: str, key: str, value: str) -> bool:
    if operator == "bool":
        return key == "aws:principalisawsservice" and value.lower() == "true"
    if operator == "ipaddress":
        return key == "aws:sourceip" and _is_small(value)
    if not value or value.lower() == f"${{{key}}}":
        return False
    if operator in _EXACT:
        return key in _ARN_KEYS | _PLAIN_KEYS | _PATH_KEYS
    return operator in _PATTERN and _is_narrow_pattern(key, value)


def _is_narrow_pattern(key: str, value: str) -> bool:
    head = _WILDCARD.split(value)[0]
    if key in _ARN_KEYS:
        return _is_narrow_arn(value)
    if key in _PATH_KEYS:
        return head == value or (len(head) > 1 and head.endswith((":", "/")))
    return key in _PLAIN_KEYS and head == value


def _is_narrow_arn(arn: str) -> bool:
    """Whether a pattern fits resources of one account only; a bucket has a name that nobody shares."""
    parts = arn.split(":", 5)
    if len(parts) < 6 or parts[0] != "arn":
        return False
    service, account, resource = parts[2], parts[4], parts[5]
    if service == "s3" and account.strip("*") == "":
        return bool(_WILDCARD.split(resource)[0])
    return account != "" and not _WILDCARD.search(account)


def _is_small(network: str) -> bool:
    try:
        parsed = ipaddress.ip_network(network, strict=False)
    except ValueError:
        return False
    return parsed.prefixlen >= _WIDEST[parsed.version]
