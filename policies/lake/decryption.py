"""Nobody may decrypt personal data but the roles that the configuration names, and a transform never."""

from collections.abc import Iterator, Mapping
from typing import Any

from pulumi_policy import PolicyConfigSchema, Severity

from policies.lake.judged import lake_policy
from policies.lake.parts import Lake, Plaintext
from policies.rules import GraphFault
from policies.statements import matches, overlap


def _is_transform(found: Plaintext, lake: Lake) -> str | None:
    """Return the transform that somebody is, or may be."""
    for transform in lake.transforms:
        called = {name for node in transform.party for name in node.identifiers}
        arns = [name for name in called if name.startswith("arn:")]
        # Everybody is not yet a transform in particular: that is said of everybody.
        if found.party & transform.party or (
            found.who != "*" and any(overlap(found.who, arn) for arn in arns)
        ):
            return transform.node.name
    return None


def _named(who: str, names: list[str]) -> bool:
    """Say whether somebody is one of those that are named, by ARN or by the name at its end."""
    return any(matches(name, who) or matches(name, who.rpartition("/")[2]) for name in names)


def _decrypts(lake: Lake, config: Mapping[str, Any]) -> Iterator[GraphFault]:
    names: list[str] = config.get("decryptors", [])
    said: set[tuple[str, str]] = set()
    for found in lake.plaintext:
        transform = _is_transform(found, lake)
        if transform is None and _named(found.who, names):
            continue
        actions = ", ".join(found.actions)
        may = f"may {actions} with the key of personal data {found.key.name}"
        fault = (
            f"A transform must never decrypt: {transform} {may}."
            if transform
            else f"Only decryptors may decrypt: {found.who} {may}."
        )
        if (found.node.urn, fault) not in said:
            said.add((found.node.urn, fault))
            yield found.node, fault


POLICIES = (
    lake_policy(
        "lake-pii-key-disallow-decrypt",
        description="Only named roles can decrypt personal data, and transforms cannot.",
        check=_decrypts,
        steps="Take the actions away, or name the role in this policy's decryptors.",
        severity=Severity.CRITICAL,
        config=PolicyConfigSchema(
            {"decryptors": {"type": "array", "items": {"type": "string"}, "default": []}}
        ),
    ),
)
