"""Runs the program on a cloud, and keeps what each stage was asked for and what it handed on."""

import dataclasses
import inspect
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property, wraps
from pathlib import Path
from typing import Any

import pulumi
import pytest

import components.lake  # noqa: F401 (imported before a run, so that a run uses these very modules)
import settings
from components import pattern
from components.aws.package import Package
from components.pattern import OPTIONAL, STAGES, Cloud
from local.standin import run_in_process
from local.standin.state import Resource
from tests.conformance import described
from tests.conformance.description import Description
from tests.program.graph import Graph

ROOT = Path(__file__).resolve().parents[2]
FAKE = "fake"


@dataclass(frozen=True, kw_only=True)
class Handed:
    """One call of a stage: what it was given, what it returned, and the values of the outputs in that."""

    stage: str
    given: Mapping[str, Any]
    result: Any
    known: dict[str, object] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Lake:
    """A stack on a cloud."""

    cloud: str
    stack: str
    graph: Graph
    handed: list[Handed]
    settings: settings.Settings

    @cached_property
    def description(self) -> Description:
        return described.of(self.cloud)

    @property
    def unnamed(self) -> Mapping[str, str]:
        """The types whose names cannot follow from their component's."""
        return {} if self.cloud == FAKE else self.description.unnamed

    def of(self, stage: str) -> list[Handed]:
        return [one for one in self.handed if one.stage == stage]

    def by_source(self, stage: str) -> dict[str, Handed]:
        """The calls of a source's stage."""
        return {one.given["spec"].source: one for one in self.of(stage)}

    @cached_property
    def by_urn(self) -> dict[str, Resource]:
        return {one.urn: one for one in self.graph.run.resources}

    def around(self, one: Resource) -> Iterator[Resource]:
        """A resource and the components that it is in, from the inside."""
        while True:
            yield one
            if one.parent not in self.by_urn:
                return
            one = self.by_urn[one.parent]

    def worker(self, one: Resource) -> tuple[str, str]:
        """Which worker a resource is part of, and of which source: `("protect", "pos")`; or itself."""
        kinds = {kind: work for work, kind in self.description.workers.items()}
        inside = [*self.around(one)]
        sources = {f"{self.graph.base}-{source}": source for source in self.graph.sources}
        source = next((sources[each.name] for each in inside if each.name in sources), "")
        return next(((kinds[each.type], source) for each in inside if each.type in kinds), (one.urn, source))


def stacks(cloud: str) -> Mapping[str, Mapping[str, str]]:
    """The shipped stacks that are tried on a cloud, each with what it must say otherwise there."""
    return {"dev": {}, "prod": {}} if cloud == FAKE else described.of(cloud).stacks


def watched(cloud: type[Cloud], into: list[Handed]) -> type[Cloud]:
    """The same cloud, whose stages tell what they do."""

    def telling(stage: str) -> Any:
        real = getattr(cloud, stage)

        @wraps(real)
        def call(self: Cloud, *args: Any, **kwargs: Any) -> Any:
            given = inspect.signature(real).bind(self, *args, **kwargs).arguments
            made = Handed(stage=stage, given=given, result=real(self, *args, **kwargs))
            into.append(made)
            for end in (made.result, given.get("identity")):
                if dataclasses.is_dataclass(end):
                    for each in dataclasses.fields(end):
                        if isinstance(value := getattr(end, each.name), pulumi.Output):
                            value.apply(lambda known, name=each.name: made.known.__setitem__(name, known))
            return made.result

        return call

    stages = [*STAGES, *(stage for able, stage in OPTIONAL.items() if able in cloud.capabilities)]
    return type(cloud.__name__, (cloud,), {stage: telling(stage) for stage in stages})


def deploy(cloud: str, stack: str, package: Path, *, preview: bool = False) -> Lake:
    """Run a shipped stack on a cloud, in this process.

    The minimal cloud is registered for the run alone; the functions' package needs no package index.
    """
    handed: list[Handed] = []
    config = {"retaillake:cloud": cloud, **stacks(cloud)[stack]}
    found: list[settings.Settings] = []
    real = pattern.cloud

    def looked_up(given: settings.Settings) -> type[Cloud]:
        found.append(given)
        return watched(real(given), handed)

    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(settings.CLOUDS, FAKE, ("tests.conformance.fake_cloud", "FakeCloud"))
        patch.setattr(Package, "path", package)
        patch.setattr(pattern, "cloud", looked_up)
        run = run_in_process(ROOT, stack, config=config, preview=preview)
    return Lake(cloud=cloud, stack=stack, graph=Graph(run), handed=handed, settings=found[0])
