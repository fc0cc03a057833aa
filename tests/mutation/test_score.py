"""The judge says what the SDK's analyzer says; a better pack scores higher, a poorer one lower."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from pulumi_policy import EnforcementLevel
from typer.testing import CliRunner

from local.mutation import accepted, mutants, report
from local.mutation import score as scoring
from local.mutation.graph import Graph
from local.mutation.judge import Finding, Judge
from local.standin.policy import Pack
from tests.mutation.small import key, stream

ROOT = Path(__file__).resolve().parents[2]
SAMPLE = 200
pytestmark = pytest.mark.xdist_group("mutation")

# A stack policy that looks at all that a policy can: numbers, links, options.
CURIOUS = """
def curious(args, report):
    for one in args.resources:
        hours = one.props.get("retentionPeriod")
        if hours is not None and hours < 100:
            report(f"{hours!r} hours", one.urn)
        for name, found in one.property_dependencies.items():
            for other in found:
                if other.resource_type == "aws:kms/key:Key" and not other.props.get("enableKeyRotation"):
                    report(f"{name} of {one.name} has an old key", one.urn)
        if one.parent is not None and one.resource_type == "aws:kms/key:Key" and not one.opts.protect:
            report(f"{one.name} in {one.parent.name} needs {len(one.dependencies)}", one.urn)
more = [StackValidationPolicy("curious", "Looks at all.", curious, EnforcementLevel.ADVISORY)]
"""

SILENT = 'more = [StackValidationPolicy("silent", "Says nothing.", lambda args, report: None)]'


def analyzed(pack: Pack, graph: Graph) -> set[Finding]:
    """What the SDK's own analyzer finds in a whole graph."""
    pack.diagnostics.clear()
    for one in graph.resources.values():
        if one.type != "pulumi:pulumi:Stack":
            pack.analyze(one)
    pack.analyze_stack(list(graph.resources.values()))
    return {
        Finding(
            policy=one.policyName,
            urn=one.urn,
            message=one.message.removeprefix(f"{one.description}\n"),
            mandatory=one in pack.mandatory,
        )
        for one in pack.diagnostics
    }


def test_the_judge_finds_what_the_analyzer_finds(
    stack_graph: Callable[[str], Graph], pack: Callable[..., Pack]
) -> None:
    # One of each type, keys whole: the analyzer takes seconds for a whole stack.
    whole = stack_graph("prod").resources.values()
    graph = Graph([*{one.type: one for one in whole}.values(), *(one for one in whole if ":Key" in one.type)])
    held = pack(more=CURIOUS)
    judge = Judge(held, graph)
    assert judge.baseline == analyzed(held, graph)
    found = 0
    made = mutants.of(graph)
    by_kind = {one.kind: one for one in made.kept}
    rotation = [one for one in made.kept if one.where == "enableKeyRotation" and one.what == "gone"]
    for mutant in [*by_kind.values(), *rotation]:
        new = judge.new_findings(mutant.change)
        assert new == analyzed(held, graph.apply(mutant.change)) - judge.baseline, mutant.id
        found += len(new)
    assert found > 5
    assert {one.policy for one in judge.new_findings(rotation[0].change)} >= {"curious"}


def test_a_better_pack_scores_higher(stack_graph: Callable[[str], Graph], pack: Callable[..., Pack]) -> None:
    graph = stack_graph("dev")
    every = scored(graph, pack())
    weak = scored(graph, pack("policy.name == 'aws-kms-key-enable-rotation'"))
    none = scored(graph, pack("False", SILENT))
    assert none.total.caught == 0
    assert weak.total.share < 0.05
    assert every.total.share > max(0.15, 2 * weak.total.share)
    assert every.total.all == weak.total.all == none.total.all == SAMPLE
    # A policy that alone finds something is missed when it is taken away.
    alone = sorted({one.policies[0] for one in every.verdicts if len(one.policies) == 1})
    assert alone
    poorer = scored(graph, pack(f"policy.name != {alone[0]!r}"))
    assert poorer.total.caught < every.total.caught
    assert {one.mutant.id for one in poorer.survivors} > {one.mutant.id for one in every.survivors}


def scored(graph: Graph, pack: Pack, **more: int) -> scoring.Score:
    return scoring.score(graph, pack, stack="dev", sample=SAMPLE, seed=7, **more)


def test_processes_change_nothing(stack_graph: Callable[[str], Graph], pack: Callable[..., Pack]) -> None:
    graph, held = stack_graph("dev"), pack()
    told: list[tuple[int, int]] = []
    one = scored(graph, held)
    two = scoring.score(
        graph,
        held,
        stack="dev",
        sample=SAMPLE,
        seed=7,
        jobs=2,
        on_progress=lambda done, all: told.append((done, all)),
    )
    assert [(v.mutant.id, v.policies, v.mandatory) for v in one.verdicts] == [
        (v.mutant.id, v.policies, v.mandatory) for v in two.verdicts
    ]
    assert told[-1] == (SAMPLE, SAMPLE)


def test_a_finding_that_is_there_already_does_not_count(pack: Callable[..., Pack]) -> None:
    held = pack("policy.name == 'aws-kinesis-stream-enable-encryption'")
    bad = Graph([stream("s")])
    good = Graph([stream("s", key())])
    assert Judge(held, bad).baseline
    weakened = next(one for one in mutants.of(good).kept if one.where == "encryptionType")
    assert Judge(held, good).new_findings(weakened.change)
    assert not Judge(held, bad).new_findings(weakened.change)


def test_a_policy_that_breaks_has_found_nothing(pack: Callable[..., Pack]) -> None:
    breaking = """
def breaking(args, report):
    for one in args.resources:
        if one.resource_type == "aws:kinesis/stream:Stream":
            one.props["kmsKeyId"]
more = [StackValidationPolicy("breaking", "Breaks.", breaking)]
"""
    graph = Graph([stream("s", key())])
    made = scoring.score(graph, pack("False", breaking), stack="t")
    assert made.total.caught == 0
    assert [(one.policy, one.error) for one in made.failed] == [("breaking", "KeyError: 'kmsKeyId'")]
    with pytest.raises(scoring.ScoreError, match=r"break on t as it is: .*breaking"):
        scoring.score(Graph([stream("s")]), pack("False", breaking), stack="t")


def test_levels_are_the_packs_own_and_values_the_environments(tmp_path: Path) -> None:
    folder = tmp_path / "pack"
    folder.mkdir()
    served = (ROOT / "policies/__main__.py").read_text()
    (folder / "__main__.py").write_text(
        served.replace("Path(__file__).resolve().parents[1]", repr(str(ROOT)))
    )
    name = "aws-kinesis-stream-configure-retention"
    config = {"all": "advisory", name: {"enforcementLevel": "disabled", "minimumHours": 24}}
    (folder / "config.prod.json").write_text(json.dumps(config))
    policies = {one.policy.name: one for one in scoring.pack_of(folder, ROOT, "prod").policies}
    assert policies[name].config == {"minimumHours": 24}
    assert policies["aws-kinesis-stream-enable-encryption"].level is EnforcementLevel.MANDATORY
    unconfigured = {one.policy.name: one for one in scoring.pack_of(folder, ROOT, "dev").policies}
    assert unconfigured[name].config == {"minimumHours": 168}


def test_reports_say_the_same(stack_graph: Callable[[str], Graph], pack: Callable[..., Pack]) -> None:
    # The whole pack misses nothing of this sample.
    made = scored(stack_graph("dev"), pack("not policy.name.startswith('lake-')"))
    first = made.survivors[0].mutant.id
    reasons = [accepted.Accepted(match=accepted.re.compile(accepted.re.escape(first)), reason="It is so.")]
    found = report.document(made, reasons)
    assert found["total"]["mutants"] == len(found["mutants"]) == SAMPLE
    assert found["total"]["caught"] == sum(bool(one["policies"]) for one in found["mutants"])
    assert sum(one["mutants"] for one in found["classes"].values()) == SAMPLE
    assert [one["id"] for one in found["mutants"] if one.get("accepted")] == [first]
    page = report.page([made], reasons)
    assert f"| `dev` | {SAMPLE} | {made.total.caught} |" in page
    assert "### Survivors that are accepted\n\nIt is so.\n" in page
    # Whatever survives is listed, once.
    for one in made.survivors:
        assert f"{one.mutant.where}: {one.mutant.what}" in page


def test_reasons_are_read_with_every_fault_at_once(tmp_path: Path) -> None:
    file = tmp_path / "accepted.yaml"
    file.write_text("- {match: '(', reason: x}\n- {match: a}\n- {match: ok, reason: fine}\n")
    with pytest.raises(
        accepted.AcceptedError, match=r"entry 0: match is no pattern: .*; entry 1: expected texts"
    ):
        accepted.load(file)
    file.write_text("- {match: ok, reason: fine}\n")
    entries = accepted.load(file)
    assert accepted.stale(entries, []) == entries


def test_the_shipped_reasons_are_readable() -> None:
    assert all(len(one.reason) > 20 for one in accepted.load())


def test_the_command_tells_scores_and_fails_below_one(tmp_path: Path) -> None:
    import typer

    from local.mutation.__main__ import main

    app = typer.Typer()
    app.command()(main)
    out = tmp_path / "scores.json"
    done = CliRunner().invoke(
        app,
        [
            "--stack",
            "dev",
            "--sample",
            "60",
            "--seed",
            "3",
            "--jobs",
            "1",
            "--json",
            str(out),
            "--at-least",
            "100.1",
        ],
    )
    assert done.exit_code == 1, done.output
    assert "a score is below 100.1 %" in done.output
    assert "of 60 mutants caught" in done.output
    assert json.loads(out.read_text())[0]["total"]["mutants"] == 60
