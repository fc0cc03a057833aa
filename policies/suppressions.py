"""Findings that are borne for a while: one reviewed file, each entry with its reason, owner and end.

A suppression works inside the pack, so that the engine, the run in process and the report agree. An entry
which is not whole, or whose time is over, hides nothing and is a finding itself.
"""

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any, cast

import yaml
from pulumi_policy import (
    EnforcementLevel,
    Policy,
    ReportViolation,
    ResourceRemediation,
    ResourceValidationArgs,
    ResourceValidationPolicy,
    Severity,
    StackValidationArgs,
    StackValidationPolicy,
)

FILE = Path(__file__).with_name("suppressions.yml")
FIELDS = ("policy", "resource", "stacks", "reason", "owner", "expires")
EXPIRY = "suppression-configure-expiry"
LEAST_REASON = 20
MOST_DAYS = 366
STACK = "pulumi:pulumi:Stack"


@dataclass(frozen=True, kw_only=True)
class Suppression:
    """One accepted finding; `resource` and `stacks` may hold `*`, which stands for anything."""

    place: str
    policy: str
    resource: str
    stacks: tuple[str, ...]
    reason: str
    owner: str
    expires: date

    def concerns(self, stack: str) -> bool:
        """Whether it is meant for a stack."""
        return any(_matches(pattern, stack) for pattern in self.stacks)

    def covers(self, policy: str, urn: str) -> bool:
        """Whether it hides what a policy finds on a resource."""
        return policy == self.policy and _matches(self.resource, urn) and self.concerns(stack_of(urn))


@dataclass(frozen=True, kw_only=True)
class Hidden:
    """A finding that was not reported, and what hid it."""

    suppression: Suppression
    policy: str
    urn: str
    message: str


@dataclass(frozen=True, kw_only=True)
class Fault:
    """What is wrong with an entry, and for which stacks that is a finding."""

    text: str
    stacks: tuple[str, ...] = ("*",)


@dataclass(frozen=True, kw_only=True)
class Suppressions:
    """The entries that hold, and what is wrong with the others."""

    held: tuple[Suppression, ...] = ()
    faults: tuple[Fault, ...] = ()

    def over(self, policy: str, urn: str) -> Suppression | None:
        """The entry that hides what a policy finds on a resource."""
        return next((one for one in self.held if one.covers(policy, urn)), None)


Told = Callable[[Hidden], None]


def load(policies: Iterable[str], file: Path = FILE, today: date | None = None) -> Suppressions:
    """Read the file; `policies` are the names that an entry may have.

    Nothing raises: what is wrong with the file is a finding, and must not keep the pack from running.
    """
    known, today = frozenset(policies), today or datetime.now(UTC).date()
    try:
        document: object = yaml.safe_load(file.read_text())
    except FileNotFoundError:
        return Suppressions()
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        return Suppressions(
            faults=(Fault(text=f"{file.name} cannot be read: {' '.join(str(error).split())}"),)
        )
    if document is None:
        return Suppressions()
    if not isinstance(document, list):
        return Suppressions(faults=(Fault(text=f"{file.name}: expected a list of entries"),))
    held, faults = list[Suppression](), list[Fault]()
    for number, entry in enumerate(cast("list[object]", document), 1):
        reader = _Reader(f"{file.name}, entry {number}", known, today)
        found = reader.read(entry)
        faults += reader.faults
        held += [found] if found and not reader.faults else []
    return Suppressions(held=tuple(held), faults=tuple(faults))


def applied(policies: Iterable[Policy], suppressions: Suppressions, told: Told | None = None) -> list[Policy]:
    """Policies that keep silent about what is suppressed, and one over the suppressions themselves.

    Parameters
    ----------
    told
        Is told of every finding that is not reported.
    """
    named = {one.policy for one in suppressions.held}
    quiet = [_quiet(one, suppressions, told) if one.name in named else one for one in policies]
    return [*quiet, _expiry(suppressions)]


def stack_of(urn: str) -> str:
    """The stack in a URN."""
    return urn.split("::", 1)[0].removeprefix("urn:pulumi:")


def _quiet(policy: Policy, suppressions: Suppressions, told: Told | None) -> Policy:
    def silent(urn: str, report: ReportViolation) -> ReportViolation:
        def filtered(message: str, where: str | None = None) -> None:
            if hit := suppressions.over(policy.name, where or urn):
                if told is not None:
                    told(Hidden(suppression=hit, policy=policy.name, urn=where or urn, message=message))
            else:
                report(message, where)

        return filtered

    if isinstance(policy, ResourceValidationPolicy):
        return _quiet_resource(policy, suppressions, silent)
    if isinstance(policy, StackValidationPolicy):

        def validate(args: StackValidationArgs, report: ReportViolation) -> Any:
            return cast(Any, policy).validate(args, silent(_root(args), report))

        return StackValidationPolicy(validate=validate, **_words(policy))
    return policy


def _quiet_resource(
    policy: ResourceValidationPolicy,
    suppressions: Suppressions,
    silent: Callable[[str, ReportViolation], ReportViolation],
) -> Policy:
    def validate(args: ResourceValidationArgs, report: ReportViolation) -> Any:
        return cast(Any, policy).validate(args, silent(args.urn, report))

    def remediate(args: ResourceValidationArgs) -> Any:
        # What is accepted as it is must not be mended behind its owner's back.
        return None if suppressions.over(policy.name, args.urn) else policy.remediate(args)

    return ResourceValidationPolicy(
        validate=validate if policy.has_validation() else None,
        remediate=cast(ResourceRemediation, remediate) if policy.has_remediation() else None,
        **_words(policy),
    )


def _words(policy: Policy) -> dict[str, Any]:
    """What a policy says of itself."""
    names = (
        *("name", "description", "enforcement_level", "config_schema", "display_name", "severity"),
        *("framework", "tags", "remediation_steps", "url"),
    )
    return {name: getattr(policy, name) for name in names}


def _root(args: StackValidationArgs) -> str:
    """The stack's own URN: a finding without a resource is the stack's."""
    return next((one.urn for one in args.resources if one.resource_type == STACK), "")


def _expiry(suppressions: Suppressions) -> Policy:
    def validate(args: StackValidationArgs, report: ReportViolation) -> None:
        stack = next((stack_of(one.urn) for one in args.resources), "")
        for fault in suppressions.faults:
            if any(_matches(pattern, stack) for pattern in fault.stacks):
                report(fault.text, None)

    return StackValidationPolicy(
        name=EXPIRY,
        description="Every suppression is whole, and its time is not over.",
        validate=validate,
        enforcement_level=EnforcementLevel.MANDATORY,
        severity=Severity.HIGH,
        remediation_steps="Mend what the entry hides and remove it, or have it renewed by a review.",
    )


def _matches(pattern: str, text: str) -> bool:
    """Match with `*` alone as a wildcard: URNs may hold what else is special elsewhere."""
    return re.fullmatch(".*".join(map(re.escape, pattern.split("*"))), text, re.DOTALL) is not None


class _Reader:
    """Reads one entry, and says everything that is wrong with it."""

    def __init__(self, place: str, known: frozenset[str], today: date) -> None:
        self._place, self._known, self._today = place, known, today
        self.faults: list[Fault] = []

    def read(self, entry: object) -> Suppression | None:
        """The entry, which holds only if there are no faults."""
        if not isinstance(entry, Mapping):
            self._fault("", f"expected the fields {', '.join(FIELDS)}")
            return None
        fields = cast("Mapping[object, object]", entry)
        for name in fields:
            if name not in FIELDS:
                self._fault(str(name), f"unknown; the fields are {', '.join(FIELDS)}")
        found = Suppression(
            place=self._place,
            policy=self._policy(fields.get("policy")),
            resource=self._resource(fields.get("resource")),
            stacks=self._stacks(fields.get("stacks")),
            reason=self._text("reason", fields.get("reason"), LEAST_REASON),
            owner=self._text("owner", fields.get("owner"), 1),
            expires=self._day(fields.get("expires")),
        )
        if not self.faults and found.expires < self._today:
            over = f"was over on {found.expires}; {found.owner} wrote: {found.reason}"
            self._fault("expires", over, found.stacks)
        return found

    def _policy(self, value: object) -> str:
        if not isinstance(value, str) or value not in self._known:
            self._fault("policy", "expected the name of a policy of this pack")
        return str(value)

    def _resource(self, value: object) -> str:
        if not isinstance(value, str) or not re.search(r"[^*:\s]", value.removeprefix("urn:pulumi:")):
            self._fault("resource", "expected a URN, or a pattern with * that says which resources")
        return str(value)

    def _stacks(self, value: object) -> tuple[str, ...]:
        names = cast("list[object]", value) if isinstance(value, list) else []
        if not names or not all(isinstance(name, str) and name for name in names):
            self._fault("stacks", "expected a list of names of stacks, or of patterns with *")
        return tuple(map(str, names))

    def _text(self, name: str, value: object, least: int) -> str:
        if not isinstance(value, str) or len(value.strip()) < least:
            self._fault(
                name, f"expected a text of {least} characters or more" if least > 1 else "expected a text"
            )
        return " ".join(str(value).split())

    def _day(self, value: object) -> date:
        day = value.date() if isinstance(value, datetime) else value
        if not isinstance(day, date) or (day - self._today).days > MOST_DAYS:
            self._fault("expires", f"expected a date such as {self._today}, {MOST_DAYS} days ahead at most")
        return day if isinstance(day, date) else date.max

    def _fault(self, field: str, expected: str, stacks: tuple[str, ...] = ("*",)) -> None:
        place = f"{self._place}, {field}" if field else self._place
        self.faults.append(Fault(text=f"{place}: {expected}", stacks=stacks))
