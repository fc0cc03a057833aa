"""A policy pack over what the in-process engine registers."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from local.state import LakeError
from policies import driver
from policies.driver import Configured, Finding, PackError, Subject

from . import wire
from .state import Resource

__all__ = ["Configured", "Finding", "Pack", "PackError", "PolicyError"]


class PolicyError(LakeError):
    """The program breaks mandatory policies; the message has a line for each."""

    @classmethod
    def of(cls, broken: Iterable[Finding]) -> PolicyError:
        """The error of these findings."""
        return cls("\n".join(f"{one.urn}: {one.policy}: {one.description}\n{one.message}" for one in broken))


class Pack:
    """A policy pack with its configuration, and what it has found."""

    def __init__(
        self, pack_dir: Path | str, config: Mapping[str, Any] | None = None, *, enforce: bool = False
    ) -> None:
        self._enforce = enforce
        self._pack = driver.load(Path(pack_dir).resolve())
        self._pack.configure(config or {})

    @property
    def policies(self) -> list[Configured]:
        """The policies that are not disabled, for whoever calls them without the analyzer."""
        return self._pack.policies

    @property
    def diagnostics(self) -> list[Any]:
        """What was found, in the analyzer's own form."""
        return self._pack.diagnostics

    @property
    def findings(self) -> list[Finding]:
        """What was found."""
        return self._pack.findings

    @property
    def mandatory(self) -> list[Any]:
        """What stops a deployment."""
        return [one for one in self.diagnostics if one.enforcementLevel == driver.LEVELS["mandatory"]]

    @property
    def remediations(self) -> list[tuple[str, Any]]:
        """What was mended, with the URN."""
        return self._pack.remediations

    def remediate(self, resource: Resource, inputs: dict[str, Any]) -> dict[str, Any]:
        """Return the inputs as the remediations leave them."""
        mended = self._pack.remediate(_subject(resource, inputs))
        return inputs if mended is None else wire.plain(mended)

    def analyze(self, resource: Resource) -> None:
        """Judge one resource by its inputs."""
        self._pack.analyze(_subject(resource, resource.raw_inputs))
        self._stop()

    def analyze_stack(self, resources: list[Resource]) -> None:
        """Judge all resources by their outputs."""
        self._pack.analyze_stack([_subject(one, one.raw_inputs) for one in resources])
        self._stop()

    def _stop(self) -> None:
        if self._enforce and self.mandatory:
            raise PolicyError.of(one for one in self.findings if one.mandatory)


def _subject(resource: Resource, inputs: dict[str, Any]) -> Subject:
    return Subject(
        urn=resource.urn,
        type=resource.type,
        name=resource.name,
        inputs=inputs,
        outputs=resource.raw_outputs,
        parent=resource.parent,
        provider=resource.provider,
        dependencies=resource.dependencies,
        property_dependencies=resource.property_dependencies,
        protect=resource.protect,
        aliases=resource.aliases,
        ignore_changes=resource.ignore_changes,
        additional_secret_outputs=resource.additional_secret_outputs,
        delete_before_replace=resource.delete_before_replace,
    )
