"""Stacks side by side: no two give anything the same name, wherever such a name must be unique."""

import shutil
from collections.abc import Callable
from typing import Any

import pytest
import yaml

from components.aws.package import Package
from local.standin import run_in_process
from tests.program.conftest import ROOT
from tests.program.graph import Graph

# Names that are easily taken for one another, or too long for a service.
LONG = "prod-" + "of-a-region-with-a-name-that-nobody-can-remember-" + "x" * 30
STACKS = ("prod", "prod-eu", "prod-ap", "prod_eu", "prod-pos", LONG, f"{LONG}y")
# Objects whose names only count within a schema, a database, or another object: their place is in the name.
WITHIN = {"database", "schema"}
# Kinds without a name of their own: settings of something else, and grants.
NAMELESS = {
    *("BucketLifecycleConfiguration", "BucketNotification", "BucketObjectLockConfiguration"),
    *("BucketOwnershipControls", "BucketPolicy", "BucketPublicAccessBlock", "BucketVersioning"),
    *("BucketServerSideEncryptionConfiguration", "EventSourceMapping", "GrantAccountRole", "Key"),
    *("GrantPrivilegesToAccountRole", "Permission", "QueuePolicy", "RolePolicy", "SecretRotation"),
    *("TagAssociation", "TopicPolicy", "TopicSubscription", "LogStream", "ResourcePolicy"),
    # Of an API, which the service names.
    *(
        "Deployment",
        "Integration",
        "Method",
        "MethodSettings",
        "Resource",
        "Response",
        "RestApiPolicy",
        "Stage",
    ),
}
NAMES = ("name", "bucket")


@pytest.fixture(scope="module")
def side_by_side(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Graph]:
    """Every stack's graph, all as clones of `prod` whose files say nothing of names, all in one region."""
    root = tmp_path_factory.mktemp("regions")
    package = root / "functions.zip"
    package.write_bytes(b"PK\x05\x06" + bytes(18))
    project = root / "project"
    project.mkdir()
    for name in ("components", "contracts", "functions", "requirements", "warehouse"):
        (project / name).symlink_to(ROOT / name)
    for file in [*ROOT.glob("*.py"), ROOT / "Pulumi.yaml", ROOT / "Pulumi.README.md"]:
        shutil.copy(file, project / file.name)
    document = yaml.safe_load((ROOT / "Pulumi.prod.yaml").read_text())
    document["config"].pop("retaillake:residency")
    document["config"]["retaillake:environment"] = "test"
    document["config"]["retaillake:protect"] = True
    found = {}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Package, "path", package)
        for stack in STACKS:
            (project / f"Pulumi.{stack}.yaml").write_text(yaml.safe_dump(document))
            found[stack] = Graph(run_in_process(project, stack))
    return found


def names(graph: Graph) -> set[tuple[str, ...]]:
    """What must be unique: per type the name, with what it is within."""
    found: set[tuple[str, ...]] = set()
    for one in graph.custom:
        if one.type.rpartition(":")[2] in NAMELESS:
            continue
        given = [one.inputs[key] for key in NAMES if key in one.inputs]
        assert given, f"{one.type} has no name: say where it counts"
        place = [str(one.inputs[key]) for key in sorted(WITHIN) if key in one.inputs]
        found.add((one.type, *place, str(given[0])))
    return found


def test_no_two_stacks_share_a_name(side_by_side: dict[str, Graph]) -> None:
    taken: dict[tuple[str, ...], str] = {}
    for stack, graph in side_by_side.items():
        mine = names(graph)
        assert len(mine) > 60
        assert {name: taken[name] for name in mine & taken.keys()} == {}, stack
        taken |= dict.fromkeys(mine, stack)


def test_names_that_snowflake_takes_for_one_are_not_given_twice(side_by_side: dict[str, Graph]) -> None:
    """Databases, warehouses, roles, integrations and monitors are each of the whole account."""
    kinds = (
        "Database",
        "snowflake:index/warehouse:Warehouse",
        "AccountRole",
        "StorageIntegrationAws",
        "ResourceMonitor",
    )
    for kind in kinds:
        given = [
            one.inputs["name"]
            for graph in side_by_side.values()
            for one in graph.custom
            if one.type.startswith("snowflake:") and one.type.endswith(f":{kind.rpartition(':')[2]}")
        ]
        assert len(given) == len({name.upper() for name in given})
        assert len(given) >= len(STACKS)
        assert max(map(len, given)) <= 255


def test_identities_and_words_are_each_stack_s_own(side_by_side: dict[str, Graph]) -> None:
    def each(read: Callable[[Graph], Any]) -> None:
        found = [read(graph) for graph in side_by_side.values()]
        assert len(set(found)) == len(found)

    each(lambda graph: graph.of("StorageIntegrationAws")[0].inputs["storageAwsExternalId"])
    each(lambda graph: graph.of("StorageIntegrationAws")[0].inputs["storageAwsRoleArn"])
    each(lambda graph: graph.of("MaskingPolicy")[0].inputs["body"])
    for end in ("-pii", "-landing", "-operations"):
        each(lambda graph, end=end: graph.named("Alias", end).inputs["name"])
        each(lambda graph, end=end: graph.named("Key", end).outputs["arn"])


def test_no_stack_names_another_in_what_it_allows(side_by_side: dict[str, Graph]) -> None:
    """A policy of one stack never lets in a role of another, nor points to what another has."""
    made = {
        stack: {one.outputs["arn"] for kind in ("Role", "Key", "Stream", "Bucket", "Topic") for one in graph.of(kind) if "arn" in one.outputs}
        for stack, graph in side_by_side.items()
    }  # fmt: skip
    for stack, graph in side_by_side.items():
        said = "\n".join(str(one.inputs) for one in graph.custom)
        for other, arns in made.items():
            if other != stack:
                assert not [arn for arn in arns if f"'{arn}'" in said or f'"{arn}"' in said], (stack, other)
