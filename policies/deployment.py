"""Reading what a stack holds, or would: an exported state, or a preview of it, as subjects for the pack.

Both come from Pulumi: `pulumi stack export` and `pulumi preview --json`. A secret is never opened here: what
is encrypted is `[secret]` to a policy, as it is to the engine when it analyses a file.
"""

import json
from collections.abc import Mapping
from typing import Any, cast

from policies.driver import MASKED, SECRET, SIGNATURE, Subject

VERSION = 3
GONE = frozenset({"delete", "delete-replaced", "discard-replaced", "read-discard", "discard"})


class DeploymentError(Exception):
    """The document is no deployment of the stack; the message says what was expected."""


def read(text: str, stack: str) -> list[Subject]:
    """The resources of a stack, in the order of the document."""
    try:
        document: object = json.loads(text)
    except ValueError as error:
        raise DeploymentError(f"expected JSON: {error}") from None
    if not isinstance(document, Mapping):
        raise DeploymentError("expected an exported stack, or a preview as JSON")
    subjects = [_subject(one) for one in _resources(cast("Mapping[str, Any]", document))]
    others = {_stack(one.urn) for one in subjects} - {stack}
    if others:
        raise DeploymentError(f"expected the stack {stack}, not {', '.join(sorted(others))}")
    return subjects


def _resources(document: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    if "steps" in document or "changeSummary" in document:
        steps = cast("list[Mapping[str, Any]]", document.get("steps") or [])
        return [one["newState"] for one in steps if one.get("op") not in GONE and one.get("newState")]
    if document.get("version") != VERSION or not isinstance(document.get("deployment"), Mapping):
        raise DeploymentError(f"expected an exported stack of version {VERSION}, or a preview as JSON")
    resources = cast("list[Mapping[str, Any]]", document["deployment"].get("resources") or [])
    return [one for one in resources if not one.get("delete")]


def _subject(one: Mapping[str, Any]) -> Subject:
    try:
        urn = str(one["urn"])
        needs: Mapping[str, list[str] | None] = one.get("propertyDependencies") or {}
        inputs = _masked(one.get("inputs") or {})
        return Subject(
            urn=urn,
            type=one["type"],
            name=urn.split("::", 3)[3],
            inputs=inputs,
            # A preview as JSON has no outputs: what was asked for is the most that it knows.
            outputs=_masked(one["outputs"]) if one.get("outputs") is not None else inputs,
            parent=one.get("parent") or "",
            provider=one.get("provider") or "",
            dependencies=one.get("dependencies") or [],
            property_dependencies={name: urns or [] for name, urns in needs.items()},
            protect=bool(one.get("protect")),
            aliases=one.get("aliases") or [],
            ignore_changes=one.get("ignoreChanges") or [],
            additional_secret_outputs=one.get("additionalSecretOutputs") or [],
        )
    except (KeyError, IndexError, TypeError, AttributeError) as error:
        raise DeploymentError(f"the resource {one.get('urn')!r} is not whole: {error!r}") from None


def _masked(value: Any) -> Any:
    """The value with its secrets as on the wire: opened if the export has them open, else masked."""
    if isinstance(value, Mapping):
        items = cast("Mapping[str, Any]", value)
        if items.get(SIGNATURE) == SECRET:
            opened = json.loads(items["plaintext"]) if "plaintext" in items else MASKED
            return {SIGNATURE: SECRET, "value": _masked(opened)}
        return {name: _masked(item) for name, item in items.items()}
    if isinstance(value, list):
        return [_masked(item) for item in cast("list[Any]", value)]
    return value


def _stack(urn: str) -> str:
    return urn.split("::", 1)[0].removeprefix("urn:pulumi:")
