"""Asking the whole pack about one resource, and one policy to mend it."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any

from hypothesis import strategies as st

from policies.pack import POLICIES
from tests.policies.kit import GONE, UNKNOWN, Analyzer, changed

Props = dict[str, Any]
PACK = Analyzer(POLICIES)


def findings(
    kind: str, props: Props, config: Mapping[str, Mapping[str, Any]] | None = None
) -> dict[str, str]:
    """What every policy of the pack says of one resource."""
    found = (Analyzer(POLICIES, config) if config else PACK).findings(kind, props)
    said = {one.policy: one.message for one in found}
    assert len(said) == len(found), found
    return said


@cache
def _mender(name: str) -> Analyzer:
    return Analyzer([one for one in POLICIES if one.name == name], remediating=True)


def mended(name: str, kind: str, props: Props, config: Mapping[str, Any] | None = None) -> Props | None:
    """The properties as they go back to the engine; None where the policy leaves them alone."""
    if not config:
        return _mender(name).remediated(kind, props)
    policies = [one for one in POLICIES if one.name == name]
    return Analyzer(policies, {name: config}, remediating=True).remediated(kind, props)


def mends(name: str) -> bool:
    return next(one for one in POLICIES if one.name == name).has_remediation()  # type: ignore[attr-defined]


def replaced(props: Props, path: str, value: Any = None) -> Props:
    """A copy with another value at a dotted path; without a value, with none there."""
    return changed(changed(props, path, ""), path, GONE if value is None else value)


ANYTHING = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(min_value=-(2**53), max_value=2**53)
    | st.floats(allow_nan=False, allow_infinity=False)
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
