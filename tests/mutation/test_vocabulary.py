"""Every property and every type of every shipped stack is weakened, or has a reason not to be."""

import re
from collections.abc import Callable

import pytest

from local.mutation import mutants, vocabulary
from local.mutation.graph import Graph, dotted, unversioned, walk
from local.mutation.mutant import CLASSES

STACKS = ("local", "dev", "prod", "azure")
pytestmark = pytest.mark.xdist_group("mutation")


@pytest.fixture(params=STACKS)
def graph(request: pytest.FixtureRequest, stack_graph: Callable[[str], Graph]) -> Graph:
    return stack_graph(request.param)


@pytest.fixture
def subjects(stack_graph: Callable[[str], Graph]) -> set[str]:
    return set().union(*(said(stack_graph(stack)) for stack in STACKS))


def said(graph: Graph) -> set[str]:
    """Every property of the graph, as the vocabulary's patterns see it."""
    return {
        f"{unversioned(one.type)} {dotted(path)}" for one in graph.managed for path, _ in walk(one.raw_inputs)
    }


def test_no_property_escapes(graph: Graph) -> None:
    known = (vocabulary.rules, vocabulary.elsewhere, vocabulary.neutral)
    assert sorted(one for one in said(graph) if not any(ask(one) for ask in known)) == []


def test_no_property_both_protects_and_does_not(subjects: set[str]) -> None:
    both = {one for one in subjects if vocabulary.rules(one) and vocabulary.neutral(one)}
    assert sorted(both) == []


def test_what_another_module_is_said_to_weaken_it_weakens(graph: Graph) -> None:
    """A property of `ELSEWHERE` is really changed by some mutant of the graph, by itself or with what holds it."""
    changed: set[str] = set()
    for mutant in mutants.of(graph).kept:
        for urn, now in mutant.change.changed.items():
            before = graph.resources.get(urn)
            old = dict(walk(before.inputs)) if before else {}
            new = dict(walk(now.inputs))
            changed |= {
                f"{unversioned(now.type)} {dotted(path)}"
                for path in old.keys() | new.keys()
                if old.get(path) != new.get(path)
            }
    claimed = {one for one in said(graph) if vocabulary.elsewhere(one)}
    assert sorted(claimed - changed) == []


def test_no_reason_is_out_of_date(subjects: set[str]) -> None:
    for package, known in vocabulary.OF.items():
        ours = [one for one in subjects if one.startswith(f"{package}:")]
        patterns = [one for found in known.neutral.values() for one in found]
        assert [one for one in patterns if not any(re.search(one, each) for each in ours)] == [], package


def test_no_type_escapes(graph: Graph) -> None:
    types = {unversioned(one.type) for one in graph.managed}
    known = {one: (vocabulary.protecting(one), vocabulary.harmless(one)) for one in types}
    assert sorted(one for one, (loss, none) in known.items() if not loss and not none) == []
    assert sorted(one for one, (loss, none) in known.items() if loss and none) == []


def test_mutants_are_the_same_in_every_run_and_differ_from_each_other(graph: Graph) -> None:
    first, second = mutants.of(graph), mutants.of(graph)
    assert [one.id for one in first.kept] == [one.id for one in second.kept]
    assert len({one.id for one in first.kept}) == len(first.kept) > 1000
    assert {one.kind for one in first.kept} <= CLASSES.keys()


def test_a_sample_depends_on_its_seed_alone(graph: Graph) -> None:
    made = mutants.of(graph)
    picked = [one.id for one in made.sample(50, 1).kept]
    assert picked == [one.id for one in made.sample(50, 1).kept]
    assert picked != [one.id for one in made.sample(50, 2).kept]
    assert len(picked) == 50
    assert made.sample(None, 1).kept == made.kept


def test_every_class_has_mutants_in_prod(stack_graph: Callable[[str], Graph]) -> None:
    assert {one.kind for one in mutants.of(stack_graph("prod")).kept} == CLASSES.keys()
