"""The warehouse: roles and their rights, faces of personal values, tables from contracts, and compute."""

import re
from typing import Any

import pytest
import sqlglot
from sqlglot import exp

import contracts
from components.snowflake.roles import ACCESS_ROLES, ROLES, SCHEMAS, Face, masking_body
from tests.program.graph import Graph

PACKED = "1:" + "T" * 32 + ":Y2lwaGVy:xxxxx@gmail.com"
FACES = {
    "ANALYST": "xxxxx@gmail.com",
    "AUDITOR": "xxxxx@gmail.com",
    "DATA_SCIENCE": "T" * 32,
    "MARKETING_OPS": "T" * 32,
    "TRANSFORMER": PACKED,
    "REID_SERVICE": PACKED,
    "INVENTORY_MANAGER": "***",
    "STORE_MANAGER": "***",
    "LOADER": "***",
    "ACCOUNTADMIN": "***",
}


def shown(value: str | None, *roles: str, kind: str | None = None) -> str | None:
    """What DuckDB makes of the policy's body, as a second opinion."""
    import duckdb

    body = masking_body("", ["ORG.GUEST"] if kind else (), kind=kind)
    for name in set(re.findall(r"IS_ROLE_IN_SESSION\('(\w+)'\)", body)):
        body = body.replace(f"IS_ROLE_IN_SESSION('{name}')", "TRUE" if name in roles else "FALSE")
    face = sqlglot.transpile(body, "snowflake", "duckdb")[0]
    query = f"SELECT {face} FROM (SELECT CAST(? AS VARCHAR) AS VAL)"
    found = duckdb.connect().execute(query, [value]).fetchone()
    assert found
    return found[0]


@pytest.mark.parametrize(("role", "face"), FACES.items())
def test_each_role_reads_its_face(role: str, face: str) -> None:
    assert shown(PACKED, role) == face
    assert shown(None, role) is None


def test_who_has_two_roles_reads_the_fuller_face() -> None:
    assert shown(PACKED, "ANALYST", "DATA_SCIENCE") == FACES["DATA_SCIENCE"]
    assert shown(PACKED, "ANALYST", "REID_SERVICE") == PACKED


@pytest.mark.parametrize(("role", "face"), FACES.items())
def test_an_array_with_personal_data_is_seen_whole_or_not_at_all(role: str, face: str) -> None:
    array = f'[{{"email":"{PACKED}","role":"own"}}]'
    assert shown(array, role, kind=contracts.NESTED) == (array if face == PACKED else "***")
    assert shown(None, role, kind=contracts.NESTED) is None


def test_a_display_may_hold_spaces_and_commas() -> None:
    assert shown("1:" + "T" * 32 + ":Yw==:Seattle, US", "ANALYST") == "Seattle, US"


def test_the_policies_name_the_stack_s_own_roles(graph: Graph) -> None:
    prefix = graph.of("StorageIntegrationAws")[0].inputs["name"].removesuffix("LANDING")
    made = {one.inputs["name"] for one in graph.of("AccountRole")}
    for policy in graph.of("MaskingPolicy"):
        named = set(re.findall(r"IS_ROLE_IN_SESSION\('(\w+)'\)", policy.inputs["body"]))
        assert named == {prefix + role.name for role in ROLES if role.face}
        assert named <= made
        assert policy.inputs["arguments"] == [{"name": "VAL", "type": "VARCHAR"}]
        assert policy.inputs["returnDataType"] == "VARCHAR"
        assert sqlglot.parse_one(f"SELECT {policy.inputs['body']}", read="snowflake").find(exp.Case)


def test_rows_are_bound_by_the_stack_s_own_roles_and_tables(graph: Graph) -> None:
    (policy,) = graph.of("RowAccessPolicy")
    prefix = graph.of("StorageIntegrationAws")[0].inputs["name"].removesuffix("LANDING")
    database = graph.run.outputs["warehouse"]["database"]
    body = sqlglot.parse_one(f"SELECT {policy.inputs['body']}", read="snowflake")
    case = body.find(exp.Case)
    assert case
    bound = re.findall(r"IS_ROLE_IN_SESSION\('(\w+)'\)", case.args["ifs"][0].this.this.sql())
    assert bound == [prefix + role.name for role in ROLES if role.by_store]
    tables = {f"{table.catalog}.{table.db}.{table.name}" for table in body.find_all(exp.Table)}
    assert tables == {f"{database}.GOVERNANCE.STORES", f"{database}.GOVERNANCE.STORE_ACCESS"}
    made = {
        one.urn for one in graph.of("index/table:Table") if one.inputs["name"] in {"STORES", "STORE_ACCESS"}
    }
    assert len(made) == 2
    assert made <= set(policy.dependencies)


def test_every_personal_column_is_tagged_with_its_kind(graph: Graph) -> None:
    tags = {one.outputs["fullyQualifiedName"]: one.inputs for one in graph.of("Tag")}
    tagged = {
        (column, tags[one.inputs["tagId"]]["name"])
        for one in graph.of("TagAssociation")
        for column in one.inputs["objectIdentifiers"]
    }
    database = graph.run.outputs["warehouse"]["database"]
    catalogue = contracts.load()
    assert tagged == {
        (f'"{database}"."STAGING"."{event.table}"."{column.name}"', f"PII_{column.pii.upper()}")
        for event in catalogue.all_events
        for column in event.columns
        if column.pii
    }
    policies = {one.outputs["fullyQualifiedName"]: one.inputs["name"] for one in graph.of("MaskingPolicy")}
    for tag in tags.values():
        assert [policies[name] for name in tag["maskingPolicies"]] == [tag["name"].replace("PII_", "MASK_")]


def test_tables_are_the_contracts_columns(graph: Graph) -> None:
    tables = {one.inputs["name"]: one.inputs for one in graph.of("index/table:Table")}
    catalogue = contracts.load()
    assert set(tables) == {
        "QUARANTINE",
        "PII_VAULT",
        "STORES",
        "STORE_ACCESS",
        *(contracts.raw_table(source) for source in catalogue.sources),
        *(event.table for event in catalogue.all_events),
    }
    vault = [(one["name"], one["type"]) for one in tables["PII_VAULT"]["columns"]]
    assert vault == [(one.name, one.type) for one in contracts.VAULT_COLUMNS]
    for event in catalogue.all_events:
        wanted = (*contracts.ENVELOPE_COLUMNS, *event.columns)
        made = [(one["name"], one["type"], one["nullable"]) for one in tables[event.table]["columns"]]
        assert made == [(one.name, one.type, one.nullable) for one in wanted]
        assert tables[event.table]["schema"] == "STAGING"
    for source in catalogue.sources:
        # A stream turns it on; left out, every preview would want to turn it off again.
        assert tables[contracts.raw_table(source)]["changeTracking"] is True


def test_tasks_start_after_all_that_they_touch(graph: Graph) -> None:
    for source in graph.sources:
        task = graph.named("Task", f"-{source}-warehouse")
        raw = contracts.raw_table(source)
        database = graph.run.outputs["warehouse"]["database"]
        assert task.inputs["when"] == f"SYSTEM$STREAM_HAS_DATA('{database}.RAW.{raw}_STREAM')"
        assert task.inputs["started"] is True
        names = {one.urn: one.inputs.get("name", one.name) for one in graph.custom}
        after = {names[urn] for urn in task.dependencies if urn in names}
        touched = set(re.findall(rf"{database}\.\w+\.(\w+)", task.inputs["sqlStatement"]))
        assert touched
        assert touched <= after
        associations = {one.urn for one in graph.of("TagAssociation") if f"-{source}-" in one.name}
        assert associations <= set(task.dependencies)


def test_a_new_stage_means_a_new_pipe() -> None:
    import inspect

    from components.snowflake import source

    # The in-process monitor does not record the option; the engine's own behaviour is the engine's.
    assert "replace_with=[args.stage]" in inspect.getsource(source)


# --- roles ----------------------------------------------------------------------------------------------


def test_the_specification_is_whole() -> None:
    rights = {one.name: one for one in ACCESS_ROLES}
    assert {one.schema for one in ACCESS_ROLES} == set(SCHEMAS)
    for role in ROLES:
        assert set(role.access) <= set(rights), role.name
    assert len({one.name for one in (*ROLES, *ACCESS_ROLES)}) == len(ROLES) + len(ACCESS_ROLES)


def test_the_raw_payload_is_read_by_the_transformer_alone() -> None:
    assert [role.name for role in ROLES if "RAW_R" in role.access] == ["TRANSFORMER"]


def test_the_vault_is_read_by_re_identification_alone(graph: Graph) -> None:
    assert [role.name for role in ROLES if "VAULT_R" in role.access] == ["REID_SERVICE"]
    prefix = graph.of("StorageIntegrationAws")[0].inputs["name"].removesuffix("LANDING")
    database = graph.run.outputs["warehouse"]["database"]
    vault = f'"{database}"."GOVERNANCE"."PII_VAULT"'
    on_it = [
        one.inputs
        for one in graph.of("GrantPrivilegesToAccountRole")
        if one.inputs.get("onSchemaObject", {}).get("objectName") == vault
    ]
    assert [(one["accountRoleName"], one["privileges"]) for one in on_it] == [
        (f"{prefix}VAULT_R", ["SELECT"])
    ]
    # Nor does any right on all of a kind reach it.
    for spec in ACCESS_ROLES:
        assert spec.schema != "GOVERNANCE" or all(one.name or not one.objects for one in spec.rights)


def test_who_reads_masked_values_cannot_change_them() -> None:
    for role in ROLES:
        if role.face is not Face.PACKED and role.name != "LOADER":
            assert not [name for name in role.access if name.endswith("_W")], role.name


def test_no_functional_role_is_inherited(graph: Graph) -> None:
    """An heir, an administrator say, would have the role in its session and see its face."""
    prefix = graph.of("StorageIntegrationAws")[0].inputs["name"].removesuffix("LANDING")
    functional = {prefix + role.name for role in ROLES}
    access = {prefix + role.name for role in ACCESS_ROLES}
    for grant in graph.of("GrantAccountRole"):
        if "userName" in grant.inputs:
            continue
        assert grant.inputs["roleName"] in access
        assert grant.inputs["parentRoleName"] in functional


PRIVILEGES: dict[str, set[str]] = {  # from Snowflake's reference of privileges
    "DATABASE": {"USAGE"},
    "WAREHOUSE": {"USAGE"},
    "SCHEMA": {"USAGE", "CREATE TABLE", "CREATE VIEW"},
    "MASKING POLICY": {"APPLY"},
    "ROW ACCESS POLICY": {"APPLY"},
    "TABLE": {"SELECT"},
    "VIEW": {"SELECT"},
    "TABLES": {"SELECT", "INSERT", "UPDATE", "DELETE", "TRUNCATE"},
    "VIEWS": {"SELECT"},
    "PIPES": {"OPERATE", "MONITOR"},
    "STAGES": {"USAGE"},
    "FILE FORMATS": {"USAGE"},
    "TASKS": {"OPERATE", "MONITOR"},
}


def target(inputs: dict[str, Any]) -> str:
    if "onSchema" in inputs:
        return "SCHEMA"
    if "onAccountObject" in inputs:
        return inputs["onAccountObject"]["objectType"]
    on = inputs["onSchemaObject"]
    return on["future"]["objectTypePlural"] if "future" in on else on["objectType"]


def test_every_grant_is_one_that_snowflake_knows(graph: Graph) -> None:
    for grant in graph.of("GrantPrivilegesToAccountRole"):
        assert set(grant.inputs["privileges"]) <= PRIVILEGES[target(grant.inputs)], grant.name
        assert "allPrivileges" not in grant.inputs


def test_grants_on_what_is_to_come_are_there_before_it_comes(graph: Graph) -> None:
    grants = {one.urn for one in graph.of("GrantPrivilegesToAccountRole")}
    for table in graph.of("index/table:Table"):
        if table.inputs["schema"] == "GOVERNANCE":  # what is there is granted by its name, once it is there
            continue
        assert grants <= set(table.dependencies), table.name


def test_compute_is_small_sleeps_and_has_a_budget(graph: Graph) -> None:
    monitors = {one.inputs["name"]: one.inputs for one in graph.of("ResourceMonitor")}
    for monitor in monitors.values():
        assert monitor["suspendTrigger"] == 100
        assert {"frequency", "startTimestamp"} <= set(monitor)  # one needs the other
    warehouses = [one for one in graph.of("Warehouse") if one.type.startswith("snowflake:")]
    assert sorted(one.inputs["resourceMonitor"] for one in warehouses) == sorted(monitors), "one each"
    for warehouse in warehouses:
        assert warehouse.inputs["resourceMonitor"] == warehouse.inputs["name"] + "_BUDGET"
        assert 0 < warehouse.inputs["autoSuspend"] <= 300
        assert warehouse.inputs["autoResume"] == "true"


def test_only_the_local_stack_has_names_without_its_database(graph: Graph) -> None:
    outputs = graph.run.outputs
    prefix = (
        "" if outputs["warehouse"]["database"] == "RETAIL_LOCAL" else f"{outputs['warehouse']['database']}_"
    )
    assert outputs["roles"] == {role.name: prefix + role.name for role in ROLES}
    assert outputs["warehouse"]["warehouses"]["query"] == f"{prefix}QUERY"
