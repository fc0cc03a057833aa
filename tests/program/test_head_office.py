"""What head office reads of a region: masked, published, and nothing else; off unless a stack's file says so."""

import json
import re
from collections.abc import Callable
from typing import Any

import pytest
import sqlglot
import yaml
from sqlglot import exp

import settings
from components.aws.package import Package
from components.snowflake.published import Model, PublishedError, models
from components.snowflake.roles import masking_body
from contracts import Column
from local.standin import run_in_process
from tests.program.conftest import ROOT, STACKS
from tests.program.graph import Graph
from tests.program.test_warehouse import PACKED

ACCOUNTS = ("SHOP.HEAD_OFFICE", "SHOP.AUDIT")
FEATURES = ["snowflake_current_role_datasource", "snowflake_share_resource"]
Run = Callable[..., Graph]


@pytest.fixture(scope="module")
def office(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """Runs `prod` with a mode for head office, once each."""
    package = tmp_path_factory.mktemp("package") / "functions.zip"
    package.write_bytes(b"PK\x05\x06" + bytes(18))
    found: dict[str, Graph] = {}
    stack = yaml.safe_load((ROOT / "Pulumi.prod.yaml").read_text())["config"]

    def run(mode: str) -> Graph:
        if mode not in found:
            office = {"mode": mode, "accounts": ACCOUNTS, "minutes": 30}
            snowflake = stack["retaillake:snowflake"] | {"headOffice": office}
            listed = stack["snowflake:previewFeaturesEnabled"] + FEATURES
            config = {
                "retaillake:snowflake": json.dumps(snowflake),
                "snowflake:previewFeaturesEnabled": json.dumps(listed),
            }
            with pytest.MonkeyPatch.context() as patch:
                patch.setattr(Package, "path", package)
                found[mode] = Graph(run_in_process(ROOT, "prod", config=config))
        return found[mode]

    return run


def described() -> dict[str, dict[str, str]]:
    """The models of PRODUCTION as dbt describes them, read independently."""
    found = {}
    for path in (ROOT / "warehouse/dbt/models/production").glob("*.yml"):
        for model in yaml.safe_load(path.read_text())["models"]:
            found[model["name"].upper()] = {one["name"].upper(): one["data_type"] for one in model["columns"]}
    return found


@pytest.mark.parametrize("stack", STACKS)
def test_it_is_off_in_every_shipped_stack(stack: str, graph_of: Callable[[str], Graph]) -> None:
    made = {one.type.rpartition(":")[2] for one in graph_of(stack).custom}
    assert not made & {"Share", "GrantPrivilegesToShare"}
    assert {one.inputs["schema"] for one in graph_of(stack).of("View")} == {"GOVERNANCE"}
    assert len(graph_of(stack).of("Database")) == 1


def test_a_share_holds_masked_secure_views_and_nothing_else(office: Run) -> None:
    graph = office("share")
    share = graph.of("Share")[0]
    assert share.inputs["accounts"] == [*ACCOUNTS]
    assert share.inputs["name"] == "RETAIL_PROD_HEAD_OFFICE"
    granted = [
        (key, one.inputs[key], *one.inputs["privileges"])
        for one in graph.of("GrantPrivilegesToShare")
        for key in one.inputs
        if key.startswith("on")
    ]
    views = {
        one.outputs["fullyQualifiedName"]: one.inputs
        for one in graph.of("View")
        if one.inputs["schema"] != "GOVERNANCE"
    }
    assert sorted(granted) == sorted(
        [
            ("onDatabase", "RETAIL_PROD", "USAGE"),
            ("onSchema", '"RETAIL_PROD"."HEAD_OFFICE"', "USAGE"),
            *(("onView", name, "SELECT") for name in views),
        ]
    )
    assert {one["name"] for one in views.values()} == described().keys()
    for view in views.values():
        assert (view["schema"], view["isSecure"]) == ("HEAD_OFFICE", "true")
        assert_masked(view["statement"], view["name"])


def assert_masked(statement: str, name: str) -> None:
    """Every column is there by name; a text comes out of the expression that unpacks it, or not at all."""
    query = sqlglot.parse_one(statement, read="snowflake")
    assert isinstance(query, exp.Select)
    assert [table.sql() for table in query.find_all(exp.Table)] == [f"RETAIL_PROD.PRODUCTION.{name}"]
    columns = described()[name]
    assert query.named_selects == [*columns]
    for select in query.selects:
        if columns[select.alias_or_name] == "varchar":
            assert isinstance(select.unalias(), exp.RegexpReplace)
        else:
            assert isinstance(select, exp.Column)


def read(statement: str, value: str | None) -> str | None:
    """What DuckDB makes of a view's text column."""
    import duckdb

    query = sqlglot.parse_one(statement, read="snowflake")
    text = next(one for one in query.selects if isinstance(one, exp.Alias)).this
    face = text.sql("duckdb").replace(text.this.name, "VAL")
    found = (
        duckdb.connect().execute(f"SELECT {face} FROM (SELECT CAST(? AS VARCHAR) AS VAL)", [value]).fetchone()
    )
    assert found
    return found[0]


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (PACKED, "xxxxx@gmail.com"),
        ("2" + PACKED[1:], "xxxxx@gmail.com"),
        ("xxxxx@gmail.com", "xxxxx@gmail.com"),
        ("***", "***"),
        (None, None),
        ("store:4:2", "store:4:2"),
        ("1:2:3:4", "1:2:3:4"),
    ],
)
def test_a_view_shows_no_packed_value_whoever_owns_it(value: str | None, shown: str | None) -> None:
    for model in models():
        if any(column.type == "VARCHAR" for column in model.columns):
            assert read(model.masked("RETAIL_PROD"), value) == shown


def test_what_cannot_be_masked_is_not_published() -> None:
    model = Model(name="M", columns=(Column(name="LINES", type="VARIANT"),))
    with pytest.raises(PublishedError, match="model M: column LINES is VARIANT, which cannot be masked"):
        model.masked("RETAIL_PROD")


def test_guests_of_a_share_see_the_display_by_their_account(office: Run) -> None:
    import duckdb

    bodies = {one.inputs["body"] for one in office("share").of("MaskingPolicy")}
    assert bodies == {masking_body("RETAIL_PROD_", ACCOUNTS)}
    (body,) = bodies

    def shown(organisation: str, account: str) -> str:
        text = re.sub(r"IS_ROLE_IN_SESSION\('\w+'\)", "FALSE", body)
        text = text.replace("CURRENT_ORGANIZATION_NAME()", f"'{organisation}'")
        face = sqlglot.transpile(
            text.replace("CURRENT_ACCOUNT_NAME()", f"'{account}'"), "snowflake", "duckdb"
        )[0]
        found = duckdb.connect().execute(f"SELECT {face} FROM (SELECT ? AS VAL)", [PACKED]).fetchone()
        assert found
        return found[0]

    assert shown("SHOP", "HEAD_OFFICE") == "xxxxx@gmail.com"
    assert shown("SHOP", "PROD") == shown("OTHER", "HEAD_OFFICE") == "***"


def test_without_a_share_nobody_is_a_guest(office: Run, graph_of: Callable[[str], Graph]) -> None:
    for graph in (office("replication"), graph_of("prod")):
        assert {one.inputs["body"] for one in graph.of("MaskingPolicy")} == {masking_body("RETAIL_PROD_")}


def test_a_copy_is_a_database_of_its_own_without_packed_values(office: Run) -> None:
    graph = office("replication")
    copied, kept = sorted(graph.of("Database"), key=lambda one: "replication" not in one.inputs)
    assert "replication" not in kept.inputs
    assert copied.protect and kept.protect
    assert copied.inputs["name"] == "RETAIL_PROD_HEAD_OFFICE"
    assert copied.inputs["replication"] == {
        "enableToAccounts": [
            {"accountIdentifier": f'"SHOP"."{name}"', "withFailover": False}
            for name in ("HEAD_OFFICE", "AUDIT")
        ]
    }
    inside = [one for one in graph.custom if one.inputs.get("database") == "RETAIL_PROD_HEAD_OFFICE"]
    assert {one.type.rpartition(":")[2] for one in inside} == {"Schema", "Table", "Task"}
    tables = {one.inputs["name"]: one.inputs for one in inside if one.type.endswith(":Table")}
    assert tables.keys() == described().keys()
    tasks = [one.inputs for one in inside if one.type.endswith(":Task")]
    assert len(tasks) == len(tables)
    for task in tasks:
        name = task["name"].removeprefix("COPY_")
        head, _, query = task["sqlStatement"].partition(") ")
        columns = ", ".join(described()[name])
        assert head == f"INSERT OVERWRITE INTO RETAIL_PROD_HEAD_OFFICE.PRODUCTION.{name} ({columns}"
        assert [one["name"] for one in tables[name]["columns"]] == [*described()[name]]
        assert_masked(query, name)
        assert task["schedule"] == {"minutes": 30}


@pytest.mark.parametrize("mode", ["share", "replication"])
def test_who_deploys_reads_published_data_without_a_face(mode: str, office: Run) -> None:
    graph = office(mode)
    (grant,) = [
        one.inputs
        for one in graph.of("GrantAccountRole")
        if one.inputs.get("parentRoleName") == "ACCOUNTADMIN"
    ]
    assert grant["roleName"] == "RETAIL_PROD_PRODUCTION_R"


def faults(office: dict[str, Any], **providers: Any) -> dict[str, str]:
    config = {"environment": "prod", "owner": "x", "snowflake": {"headOffice": office}}
    listed = ["snowflake_pipe_resource", "snowflake_table_resource"]
    listed += ["snowflake_system_get_aws_sns_iam_policy_datasource"]
    given = {"snowflake:previewFeaturesEnabled": listed, **providers}
    _, found = settings.examine(config, stack="prod", sources=("pos",), providers=given)
    return {fault.key: fault.expected for fault in found}


def test_settings_say_what_head_office_lacks() -> None:
    preview = "snowflake:previewFeaturesEnabled"
    expected = "expected every preview feature that the stack uses"
    share = {"mode": "share", "accounts": ["SHOP.HEAD_OFFICE"]}
    assert faults(share)[preview] == f"missing {', '.join(FEATURES)}; {expected}"
    copy = {"mode": "replication", "accounts": ["SHOP.HEAD_OFFICE"]}
    assert faults(copy)[preview] == f"missing {FEATURES[0]}; {expected}"
    assert faults({"mode": "none"}) == {}
    accounts = "snowflake.headOffice.accounts"
    assert set(faults({"mode": "none", "accounts": ["SHOP.HEAD_OFFICE"]})) == {accounts}
    assert set(faults({"mode": "share"})) == {accounts, preview}
    assert f"{accounts}[0]" in faults({"mode": "share", "accounts": ["head office"]})
    own = {"snowflake:organizationName": "shop", "snowflake:accountName": "head_office"}
    assert "SHOP.HEAD_OFFICE is the stack's own" in faults(share, **own)[accounts]
