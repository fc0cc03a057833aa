"""Who may do what in a lake's warehouse: rights by schema, the faces of personal values, and the way in."""

import re
from collections import defaultdict
from collections.abc import Iterator, Mapping
from typing import Any, cast

from pulumi_policy import EnforcementLevel, PolicyConfigSchema, Severity

from policies.graph import Graph, Node
from policies.lake import azure_callers
from policies.lake.judged import by_cloud, lake_policy
from policies.lake.parts import Lake
from policies.rules import Fault

PRIVILEGES = "snowflake:index/grantPrivilegesToAccountRole:GrantPrivilegesToAccountRole"
ROLES = "snowflake:index/grantAccountRole:GrantAccountRole"
MASK = "snowflake:index/maskingPolicy:MaskingPolicy"
INTEGRATION = "snowflake:index/storageIntegrationAws:StorageIntegrationAws"
INTEGRATION_AZURE = "snowflake:index/storageIntegrationAzure:StorageIntegrationAzure"
NOTIFICATION = "snowflake:index/notificationIntegration:NotificationIntegration"
STAGES = (
    "snowflake:index/stageExternalS3:StageExternalS3",
    "snowflake:index/stageExternalAzure:StageExternalAzure",
)
IDENTITY = "azure-native:managedidentity:UserAssignedIdentity"
PIPE = "snowflake:index/pipe:Pipe"
MONITOR = "snowflake:index/resourceMonitor:ResourceMonitor"
# What is read by its own name; a right on anything else counts for its schema.
NAMED = ("TABLE", "VIEW")
READING = frozenset({"USAGE", "SELECT", "MONITOR", "APPLY", "READ", "REFERENCES"})
# Who may hold a role that reads or writes a schema, or a table or view of its own name, by the end of the
# holder's; anybody where nobody is named.
HOLDERS = {
    "RAW:read": ["TRANSFORMER"],
    "RAW:write": ["LOADER"],
    "STAGING:read": ["TRANSFORMER", "DATA_SCIENCE", "REID_SERVICE", "AUDITOR"],
    "STAGING:write": ["TRANSFORMER"],
    "PRODUCTION:read": [
        "ANALYST",
        "DATA_SCIENCE",
        "INVENTORY_MANAGER",
        "STORE_MANAGER",
        "MARKETING_OPS",
        "REID_SERVICE",
        "TRANSFORMER",
        "AUDITOR",
    ],
    "PRODUCTION:write": ["TRANSFORMER"],
    "GOVERNANCE:read": ["TRANSFORMER"],
    "GOVERNANCE.PII_VAULT:read": ["REID_SERVICE"],
    "GOVERNANCE.PII_ACCESS:read": ["AUDITOR"],
}
WHOLE = ["TRANSFORMER", "REID_SERVICE"]
_QUOTED = re.compile(r'"([^"]+)"')
_SEEN = r"WHEN ((?:(?!\bTHEN\b).)*?) THEN {value}\b"
_IN_SESSION = re.compile(r"IS_ROLE_IN_SESSION\('([^']+)'\)", re.IGNORECASE)


def _ends(role: str, names: list[str]) -> bool:
    return any(role == name or role.endswith(f"_{name}") for name in names)


def _rights(graph: Graph) -> dict[str, set[str]]:
    """What each role holds, as `SCHEMA:read` and `SCHEMA:write`, or `SCHEMA.TABLE:read`."""
    found: dict[str, set[str]] = defaultdict(set)
    for node in graph.of(PRIVILEGES):
        role, schema = node.text("accountRoleName"), _schema(node)
        privileges = {one for one in node.items("privileges") if isinstance(one, str)}
        if role is not None and schema is not None:
            # To use a schema is part of reading and of writing it.
            kinds = {"read" if privileges <= READING else "write"} if privileges != {"USAGE"} else set[str]()
            found[role] |= {f"{schema}:{kind}" for kind in kinds or {"use"}}
    for held in found.values():
        used = {one.partition(":")[0] for one in held if one.endswith(":use")}
        # Who may enter a schema for one table of it may not enter it for all.
        more = {one.partition(":")[0].partition(".")[0] for one in held if not one.endswith(":use")}
        only_used = used - more
        held |= {f"{one}:read" for one in only_used}
    return found


def _schema(node: Node) -> str | None:
    paths = (
        "onSchema.schemaName",
        "onSchemaObject.future.inSchema",
        "onSchemaObject.all.inSchema",
        "onSchemaObject.objectName",
    )
    for path in paths:
        parts = _QUOTED.findall(node.text(path) or "")
        if len(parts) > 2 and node.text("onSchemaObject.objectType") in NAMED:
            return f"{parts[1]}.{parts[2]}"
        if len(parts) > 1:
            return parts[1]
    return None


def _held(lake: Lake, config: Mapping[str, Any]) -> Iterator[Fault]:
    holders: Mapping[str, list[str]] = config.get("holders", HOLDERS)
    rights = _rights(lake.graph)
    for node in lake.graph.of(ROLES):
        role, parent = node.text("roleName"), node.text("parentRoleName")
        for right in sorted(rights.get(role or "", ())):
            named = holders.get(right)
            # A role that both reads and writes is known by what it writes.
            schema, _, kind = right.partition(":")
            if kind == "read" and f"{schema}:write" in rights[role or ""]:
                continue
            if parent is not None and named is not None and not _ends(parent, named):
                yield node, f"{parent} may not hold {right}: only {', '.join(named)} may."


def _granted(lake: Lake, _: Mapping[str, Any]) -> Iterator[Fault]:
    for node in lake.graph.of(PRIVILEGES, ROLES):
        if node.get("withGrantOption") is True:
            yield node, "A right must not be passed on: leave withGrantOption."
        for path in ("onSchemaObject.future.inDatabase", "onSchemaObject.all.inDatabase"):
            if node.text(path) is not None:
                yield node, "A right on a kind of object must name the schema: a database holds raw data too."


def _schemas(lake: Lake, _: Mapping[str, Any]) -> Iterator[Fault]:
    for node in lake.graph.of("snowflake:index/schema:Schema"):
        if str(node.get("withManagedAccess")).lower() != "true":
            yield node, "Who owns a table must not grant it: set withManagedAccess."
    for node in lake.graph.of("snowflake:index/database:Database"):
        if node.get("dropPublicSchemaOnCreation") is not True:
            yield node, "A database must have no schema that all may use: set dropPublicSchemaOnCreation."


def _masks(lake: Lake, config: Mapping[str, Any]) -> Iterator[Fault]:
    whole: list[str] = config.get("whole", WHOLE)
    for node in lake.graph.of(MASK):
        body = node.text("body") or ""
        for argument in cast(list[dict[str, Any]], node.items("arguments")[:1]):
            value = re.escape(str(argument.get("name")))
            seen = re.findall(_SEEN.format(value=value), body, re.IGNORECASE | re.DOTALL)
            roles = {role for clause in seen for role in _IN_SESSION.findall(clause)}
            for role in sorted(role for role in roles if not _ends(role, whole)):
                yield node, f"{role} must not see a personal value whole: only {', '.join(whole)} may."


def _way_in(lake: Lake, config: Mapping[str, Any]) -> Iterator[Fault]:
    yield from by_cloud(azure=azure_callers.heard)(lake, config)
    for node in lake.graph.of(INTEGRATION):
        if node.get("storageAwsExternalId") is None:
            yield node, "The warehouse must show an external id of ours: set storageAwsExternalId."
    yield from _tenants(lake.graph)
    for node in lake.graph.of(INTEGRATION, INTEGRATION_AZURE):
        for place in node.items("storageAllowedLocations"):
            if isinstance(place, str) and not re.fullmatch(r"\w+://[^/]+/.+", place):
                yield node, f"The warehouse must not read all of {place}: name the prefix."
    for node in lake.graph.of(*STAGES):
        if node.get("storageIntegration") is None:
            yield node, "A stage must use the storage integration."
        if (url := node.text("url")) is not None and not re.fullmatch(r"\w+://[^/]+/.+", url):
            yield node, f"A stage must not hold all of {url}: name the prefix."
    for node in lake.graph.of(PIPE):
        if (copy := node.text("copyStatement")) is not None and re.search(r"FROM @[\w.\"]+/?\s*(\)|$)", copy):
            yield node, "A pipe must load its own source's prefix, not the whole stage."


def _tenants(graph: Graph) -> Iterator[Fault]:
    """The warehouse comes into the tenant in which the stack's identities are."""
    own = {value for node in graph.of(IDENTITY) if (value := node.text("tenantId"))}
    for node in graph.of(INTEGRATION_AZURE, NOTIFICATION):
        tenant = node.text("azureTenantId")
        if tenant is not None and own and tenant not in own:
            yield node, f"The warehouse must come into the stack's own tenant, not {tenant}."
        if node.get("enabled") is False:
            yield node, "What the warehouse reads and hears by must be enabled."


def _limits(lake: Lake, config: Mapping[str, Any]) -> Iterator[Fault]:
    most = config.get("maximumCredits", 20_000)
    for node in lake.graph.of(MONITOR):
        credits = node.number("creditQuota")
        if credits is None or credits > most:
            yield node, f"A budget must be one: set creditQuota to {most:g} or less."
        missing = [
            one
            for one in ("suspendTrigger", "suspendImmediateTrigger", "notifyTriggers")
            if not node.get(one)
        ]
        if missing:
            yield node, f"A budget must warn and end: set {', '.join(missing)}."
    for node in lake.graph.of("snowflake:index/warehouse:Warehouse"):
        if not node.number("statementTimeoutInSeconds"):
            yield node, "A statement must end: set statementTimeoutInSeconds."


POLICIES = (
    lake_policy(
        "lake-role-configure-holders",
        description="Who reads or writes a schema is said in one place.",
        check=_held,
        steps="Take the grant away, or name the holder in `holders`.",
        severity=Severity.CRITICAL,
        config=PolicyConfigSchema({"holders": {"type": "object", "default": HOLDERS}}),
    ),
    lake_policy(
        "lake-grant-disallow-wide",
        description="Rights in the warehouse are not passed on, and are for one schema.",
        check=_granted,
        steps="Leave withGrantOption, and name the schema.",
        severity=Severity.HIGH,
    ),
    lake_policy(
        "lake-schema-enable-managed-access",
        description="Rights are granted by who manages a schema, not by who owns a table.",
        check=_schemas,
        steps="Set withManagedAccess and dropPublicSchemaOnCreation.",
        severity=Severity.HIGH,
    ),
    lake_policy(
        "lake-pii-configure-mask-roles",
        description="Only named roles see personal values whole.",
        check=_masks,
        steps="Give the role another face, or name it in `whole`.",
        severity=Severity.CRITICAL,
        config=PolicyConfigSchema(
            {"whole": {"type": "array", "items": {"type": "string"}, "default": WHOLE}}
        ),
    ),
    lake_policy(
        "lake-warehouse-configure-access",
        description="The warehouse reads the landing prefix, by an integration with an external id.",
        check=_way_in,
        steps="Name the prefix in the integration, the stage and the pipe; set storageAwsExternalId.",
        severity=Severity.HIGH,
    ),
    lake_policy(
        "lake-warehouse-configure-limits",
        description="What runs away in the warehouse ends by itself.",
        check=_limits,
        steps="Set creditQuota, its triggers, and statementTimeoutInSeconds.",
        severity=Severity.MEDIUM,
        level=EnforcementLevel.ADVISORY,
        config=PolicyConfigSchema({"maximumCredits": {"type": "number", "default": 20_000, "minimum": 1}}),
    ),
)
