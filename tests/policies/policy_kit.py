"""Asking single policies as the SDK's analyzer asks them: proxies for what is unknown or secret included."""

from __future__ import annotations

import copy
from collections.abc import Iterable, Mapping
from typing import Any

from hypothesis import strategies as st
from pulumi_policy import (
    Policy,
    PolicyProviderResource,
    PolicyResourceOptions,
    ResourceValidationArgs,
    ResourceValidationPolicy,
)
from pulumi_policy.deserialize import deserialize_properties, serialize_properties
from pulumi_policy.policy import _NotApplicableError
from pulumi_policy.proxy import UNKNOWN_STRING_VALUE, unknown_checking_proxy

from policies.pack import POLICIES

UNKNOWN = UNKNOWN_STRING_VALUE
SIGNATURE = "4dabf18193072939515e22adb298388d"
Props = dict[str, Any]


def secret(value: Any) -> Props:
    """A secret as it is on the wire."""
    return {SIGNATURE: "1b47061264138c4ac30d75fd1eb44270", "value": value}


def named(name: str) -> ResourceValidationPolicy:
    found = [one for one in POLICIES if one.name == name]
    assert len(found) == 1, name
    assert isinstance(found[0], ResourceValidationPolicy)
    return found[0]


def findings(kind: str, props: Props, config: Mapping[str, Any] | None = None) -> dict[str, str]:
    """What every resource policy of the pack says of one resource."""
    return judged((one for one in POLICIES if isinstance(one, ResourceValidationPolicy)), kind, props, config)


def judged(
    policies: Iterable[Policy], kind: str, props: Props, config: Mapping[str, Any] | None = None
) -> dict[str, str]:
    found: dict[str, str] = {}
    seen = unknown_checking_proxy(deserialize_properties(copy.deepcopy(props)))
    for policy in policies:
        assert isinstance(policy, ResourceValidationPolicy)

        def report(message: str, urn: str | None = None, name: str = policy.name) -> None:
            assert name not in found, f"{name} speaks twice"
            found[name] = message

        try:
            policy.validate(_arguments(kind, seen, config), report)
        except _NotApplicableError:
            assert policy.name not in found
    return found


def mended(name: str, kind: str, props: Props, config: Mapping[str, Any] | None = None) -> Props | None:
    """The properties as they go back to the engine; None where the policy leaves them alone."""
    seen = deserialize_properties(copy.deepcopy(props), True)
    try:
        result = named(name).remediate(_arguments(kind, seen, config))
    except _NotApplicableError:
        return None
    return None if result is None else dict(serialize_properties(result))


def _arguments(kind: str, props: Any, config: Mapping[str, Any] | None) -> ResourceValidationArgs:
    options = PolicyResourceOptions(False, [], None, [], None, [], "")  # type: ignore[arg-type]
    provider = PolicyProviderResource("pulumi:providers:x", {}, "urn:p", "default")
    urn = f"urn:pulumi:t::t::{kind}::x"
    return ResourceValidationArgs(kind, props, urn, "x", options, provider, dict(config or {}), {})


def replaced(props: Props, path: str, value: Any = None) -> Props:
    """A copy with another value at a dotted path; without a value, with none there."""
    result = copy.deepcopy(props)
    *parents, last = path.split(".")
    target = result
    for key in parents:
        target = target.setdefault(key, {})
    if value is None:
        target.pop(last, None)
    else:
        target[last] = value
    return result


ANYTHING = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False)
    | st.text(max_size=5)
    | st.sampled_from([UNKNOWN, "PUBLIC", "ALL", "*", "0.0.0.0/0", "Manage", "1.2", "true"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.text(max_size=5) | st.sampled_from(["masterKey", "actions", "minTlsVersion", "ftpsState"]),
            inner,
            max_size=3,
        )
    ),
    max_leaves=6,
)
