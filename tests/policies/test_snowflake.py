"""Snowflake's policies: a good resource of each type passes, and each way of breaking it is named."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from local.standin.schema import _block, failures, resource_type
from policies import snowflake
from tests.policies.cloud_kit import ANYTHING, findings, mended, mends, replaced
from tests.policies.kit import UNKNOWN, secret

SHORT = {
    "user": "User",
    "service": "ServiceUser",
    "legacy": "LegacyServiceUser",
    "account": "Account",
    "rows": "RowAccessPolicy",
    "database": "Database",
    "schema": "Schema",
    "table": "Table",
    "network": "NetworkPolicy",
    "rule": "NetworkRule",
    "grant": "GrantPrivilegesToAccountRole",
    "database grant": "GrantPrivilegesToDatabaseRole",
    "share grant": "GrantPrivilegesToShare",
    "role grant": "GrantAccountRole",
    "database role grant": "GrantDatabaseRole",
    "application role grant": "GrantApplicationRole",
    "ownership": "GrantOwnership",
    "stage": "Stage",
    "s3": "StageExternalS3",
    "blob": "StageExternalAzure",
    "volume": "ExternalVolume",
    "integration": "StorageIntegration",
    "aws": "StorageIntegrationAws",
    "azure": "StorageIntegrationAzure",
    "gcs": "StorageIntegrationGcs",
    "pipe": "Pipe",
    "warehouse": "Warehouse",
    "adaptive": "WarehouseAdaptive",
    "interactive": "WarehouseInteractive",
    "execute": "Execute",
    "task": "Task",
}


def token(short: str) -> str:
    name = SHORT[short]
    return f"snowflake:index/{name[0].lower()}{name[1:]}:{name}"


PLACE = {"database": "RETAIL", "schema": "RAW"}
GOOD: dict[str, dict[str, Any]] = {
    "user": {"name": "ADA", "defaultRole": "ANALYST", "disableMfa": "false", "minsToBypassMfa": 0},
    "service": {
        "name": "LOADER",
        "rsaPublicKey": "MIIB",
        "networkPolicy": "OFFICE",
        "defaultSecondaryRolesOption": "NONE",
    },
    "legacy": {"name": "TOOL", "rsaPublicKey": "MIIB"},
    "account": {
        "adminName": "ADA",
        "adminRsaPublicKey": "MIIB",
        "edition": "ENTERPRISE",
        "email": "ada@example.org",
        "gracePeriodInDays": 30,
    },
    "rows": {
        **PLACE,
        "arguments": [{"name": "REGION", "type": "VARCHAR"}],
        "body": "CASE WHEN IS_ROLE_IN_SESSION('EU') THEN REGION = 'EU' ELSE TRUE END",
    },
    "database": {"name": "RETAIL", "dataRetentionTimeInDays": 1},
    "schema": {"name": "RAW", "database": "RETAIL", "dataRetentionTimeInDays": 1, "isTransient": "false"},
    "table": {**PLACE, "columns": [{"name": "ID", "type": "NUMBER"}]},
    "network": {"allowedIpLists": ["203.0.113.0/24"], "blockedIpLists": ["0.0.0.0/0"]},
    "rule": {**PLACE, "mode": "INGRESS", "type": "IPV4", "valueLists": ["203.0.113.7"]},
    "grant": {
        "accountRoleName": "ANALYST",
        "privileges": ["USAGE"],
        "onSchema": {"schemaName": "RETAIL.PUBLIC"},
    },
    "database grant": {"databaseRoleName": "RETAIL.READ", "privileges": ["USAGE"], "onDatabase": "RETAIL"},
    "share grant": {"toShare": "PARTNER", "privileges": ["SELECT"], "onView": "RETAIL.PUBLIC.SALES"},
    "role grant": {"roleName": "ANALYST", "parentRoleName": "SYSADMIN"},
    "database role grant": {"databaseRoleName": "RETAIL.READ", "parentRoleName": "ANALYST"},
    "application role grant": {"applicationRoleName": "APP.READ", "parentAccountRoleName": "ANALYST"},
    "ownership": {
        "accountRoleName": "TRANSFORMER",
        "on": {"objectType": "TABLE", "objectName": "RETAIL.RAW.POS"},
    },
    "stage": {
        **PLACE,
        "url": "s3://b/x/",
        "storageIntegration": "LANDING",
        "credentials": "AWS_ROLE='arn'",
        "encryption": "TYPE='AWS_SSE_KMS' KMS_KEY_ID='k'",
    },
    "s3": {
        **PLACE,
        "url": "s3://b/x/",
        "storageIntegration": "LANDING",
        "credentials": {"awsRole": "arn"},
        "encryption": {"awsSseKms": {"kmsKeyId": "k"}},
    },
    "blob": {**PLACE, "url": "azure://a.blob.core.windows.net/c/", "storageIntegration": "LANDING"},
    "volume": {
        "storageLocations": [
            {
                "storageLocationName": "x",
                "storageProvider": "S3",
                "storageBaseUrl": "s3://b/x/",
                "storageAwsRoleArn": "arn",
            }
        ]
    },
    "integration": {"storageAllowedLocations": ["s3://b/landing/"], "storageProvider": "S3"},
    "aws": {
        "enabled": True,
        "storageProvider": "S3",
        "storageAwsRoleArn": "arn",
        "storageAllowedLocations": ["s3://b/landing/", "s3gov://b/"],
    },
    "azure": {
        "enabled": True,
        "azureTenantId": "t",
        "storageAllowedLocations": ["azure://a.blob.core.windows.net/landing/"],
    },
    "gcs": {"enabled": True, "storageAllowedLocations": ["gcs://b/landing/"]},
    "pipe": {
        **PLACE,
        "copyStatement": "copy into RETAIL.RAW.POS from @RETAIL.RAW.LANDING on_error = skip_file",
        "errorIntegration": "ALARMS",
    },
    "warehouse": {"autoSuspend": 60, "resourceMonitor": "BUDGET"},
    "adaptive": {"resourceMonitor": "BUDGET"},
    "interactive": {"resourceMonitor": "BUDGET", "autoSuspend": 86400},
    "execute": {
        "execute": "GRANT USAGE ON SCHEMA RETAIL.PUBLIC TO ROLE ANALYST -- not: GRANT ALL TO ROLE PUBLIC",
        "revert": "SELECT 'PASSWORD = GRANT ALL ON x TO PUBLIC'",
    },
    "task": {
        **PLACE,
        "started": True,
        "sqlStatement": "CREATE PASSWORD POLICY P PASSWORD_MIN_LENGTH = 14; ALTER USER A SET MUST_CHANGE_PASSWORD = TRUE",
    },
}

PASSWORD = (
    "snowflake-user-disallow-password",
    "A user must not have a password: give it a key pair, or let the identity provider vouch for it.",
)
KEY = (
    "snowflake-serviceuser-missing-key-pair",
    "A service must have a key pair: set rsaPublicKey.",
)
NETWORK = (
    "snowflake-serviceuser-missing-network-policy",
    "A service should come from named networks: set networkPolicy.",
)
ROLES = (
    "snowflake-serviceuser-disable-secondary-roles",
    "A service should have one role at a time: set defaultSecondaryRolesOption to NONE.",
)
ROWS = (
    "snowflake-rowaccesspolicy-disallow-open",
    "A row access policy must ask who reads, or what is in the row: its body shows every row to all.",
)
PAST = (
    "snowflake-data-enable-time-travel",
    "What is changed or dropped should be there for a day at least: set dataRetentionTimeInDays.",
)
MFA = (
    "snowflake-user-disallow-mfa-bypass",
    "A user must not get around its second factor: set disableMfa to false and minsToBypassMfa to 0.",
)
ALL = (
    "snowflake-grant-disallow-all-privileges",
    "A grant must name its privileges: ALL also gives what Snowflake adds later.",
)
PUBLIC = (
    "snowflake-grant-disallow-public-role",
    "A grant must not go to PUBLIC: every user of the account has that role.",
)
INLINE = (
    "snowflake-stage-disallow-inline-credentials",
    "Snowflake must not be given an object store's secrets: let it assume a role by an integration.",
)
SUSPEND = (
    "snowflake-warehouse-configure-autosuspend",
    "A warehouse should suspend itself after 300 seconds or less: set autoSuspend.",
)
MONITOR = (
    "snowflake-warehouse-missing-monitor",
    "A warehouse should have a budget: set resourceMonitor.",
)
PIPE = (
    "snowflake-pipe-missing-error-integration",
    "A pipe should say when it cannot load: set errorIntegration, with ON_ERROR = SKIP_FILE.",
)


def anywhere(network: str) -> tuple[str, str]:
    return (
        "snowflake-networkpolicy-disallow-any-ip",
        f"A network must be named: {network} stands for almost any address.",
    )


def place(name: str) -> tuple[str, str]:
    return (
        "snowflake-storageintegration-disallow-wildcard-location",
        f"A storage integration must name its buckets or containers: {name!r} does not.",
    )


def administrator(role: str) -> tuple[str, str]:
    return (
        "snowflake-grant-disallow-admin-role",
        f"{role} must only be granted to the users that the policy's configuration names.",
    )


STATEMENT = (
    "snowflake-grant-disallow-admin-role",
    "A statement must not grant an administrator's role: grant it where it can be reviewed.",
)
# type, path of the property, its bad value (None: removed), the policy that must object and what it says
BROKEN: list[tuple[str, str, Any, tuple[str, str]]] = [
    ("user", "password", "pw", PASSWORD),
    ("user", "password", UNKNOWN, PASSWORD),
    ("user", "disableMfa", "true", MFA),
    ("user", "minsToBypassMfa", 30, MFA),
    ("service", "password", "pw", PASSWORD),
    ("service", "rsaPublicKey", None, KEY),
    ("service", "networkPolicy", None, NETWORK),
    ("service", "defaultSecondaryRolesOption", None, ROLES),
    ("service", "defaultSecondaryRolesOption", "ALL", ROLES),
    ("service", "defaultSecondaryRolesOption", 7, ROLES),
    ("rows", "body", "TRUE", ROWS),
    ("rows", "body", "(true) -- CURRENT_ROLE() = 'A'", ROWS),
    ("rows", "body", "NOT FALSE OR 'a' = 'b' AND TRUE", ROWS),
    ("database", "dataRetentionTimeInDays", 0, PAST),
    ("schema", "dataRetentionTimeInDays", 0, PAST),
    ("table", "dataRetentionTimeInDays", 0, PAST),
    ("legacy", "password", "pw", PASSWORD),
    ("account", "adminPassword", "pw", PASSWORD),
    ("execute", "execute", "create user A\n  login_name = 'a' password = 'x'", PASSWORD),
    ("execute", "execute", "ALTER USER A SET /* soon */ PASSWORD='x'", PASSWORD),
    ("execute", "execute", "CREATE ACCOUNT B ADMIN_NAME = a ADMIN_PASSWORD = 'x'", PASSWORD),
    ("task", "sqlStatement", "SELECT 1; ALTER USER A SET PASSWORD = 'x'", PASSWORD),
    ("network", "allowedIpLists", ["203.0.113.0/24", "0.0.0.0/0"], anywhere("0.0.0.0/0")),
    ("network", "allowedIpLists", [UNKNOWN, "0.0.0.0/0"], anywhere("0.0.0.0/0")),
    ("network", "allowedIpLists", ["0.0.0.0/1", "128.0.0.0/1"], anywhere("0.0.0.0/0")),
    ("network", "allowedIpLists", ["1.2.3.4/0"], anywhere("0.0.0.0/0")),
    ("network", "allowedIpLists", ["64.0.0.0/2"], anywhere("64.0.0.0/2")),
    ("rule", "valueLists", ["0.0.0.0/0"], anywhere("0.0.0.0/0")),
    ("rule", "valueLists", ["::/0"], anywhere("::/0")),
    ("rule", "valueLists", ["api.example.org:443", "0.0.0.0:443"], anywhere("0.0.0.0:443")),
    (
        "execute",
        "execute",
        "CREATE NETWORK POLICY p ALLOWED_IP_LIST = ('10.1.0.0/16','0.0.0.0/0')",
        anywhere("0.0.0.0/0"),
    ),
    ("grant", "allPrivileges", True, ALL),
    ("grant", "privileges", ["USAGE", "all privileges"], ALL),
    ("database grant", "allPrivileges", True, ALL),
    ("share grant", "privileges", ["ALL"], ALL),
    ("execute", "execute", "grant  all privileges on schema RETAIL.RAW to role ANALYST", ALL),
    ("execute", "revert", "GRANT ALL ON DATABASE RETAIL TO ROLE ANALYST", ALL),
    ("grant", "accountRoleName", "PUBLIC", PUBLIC),
    ("grant", "accountRoleName", '"PUBLIC"', PUBLIC),
    ("role grant", "parentRoleName", "public", PUBLIC),
    ("database role grant", "parentRoleName", "PUBLIC", PUBLIC),
    ("application role grant", "parentAccountRoleName", "PUBLIC", PUBLIC),
    ("ownership", "accountRoleName", "PUBLIC", PUBLIC),
    ("execute", "execute", "GRANT SELECT ON VIEW V TO ROLE PUBLIC", PUBLIC),
    ("task", "sqlStatement", 'grant role ANALYST to role "PUBLIC"', PUBLIC),
    ("role grant", "roleName", "ACCOUNTADMIN", administrator("ACCOUNTADMIN")),
    ("role grant", "roleName", "securityadmin", administrator("SECURITYADMIN")),
    ("execute", "execute", "GRANT ROLE ACCOUNTADMIN TO USER ADA", STATEMENT),
    ("stage", "credentials", "AWS_KEY_ID='a' AWS_SECRET_KEY='b'", INLINE),
    ("stage", "encryption", "TYPE='AWS_CSE' MASTER_KEY='k'", INLINE),
    ("s3", "credentials.awsSecretKey", "b", INLINE),
    ("s3", "credentials.awsKeyId", UNKNOWN, INLINE),
    ("s3", "credentials.awsToken", "b", INLINE),
    ("s3", "encryption", {"awsCse": {"masterKey": "k"}}, INLINE),
    ("blob", "credentials", {"azureSasToken": "t"}, INLINE),
    ("blob", "encryption", {"azureCse": {"masterKey": "k"}}, INLINE),
    (
        "volume",
        "storageLocations",
        [{"storageAwsRoleArn": "arn"}, {"storageAwsKeyId": "a", "storageAwsSecretKey": "b"}],
        INLINE,
    ),
    (
        "pipe",
        "copyStatement",
        "copy into T from 's3://b/' credentials = (aws_key_id = 'a' aws_secret_key = 'b')",
        INLINE,
    ),
    (
        "execute",
        "execute",
        "CREATE STAGE S URL='azure://a' CREDENTIALS=(AZURE_SAS_TOKEN='t')",
        INLINE,
    ),
    ("integration", "storageAllowedLocations", ["*"], place("*")),
    ("aws", "storageAllowedLocations", ["s3://b/landing/", "*"], place("*")),
    ("aws", "storageAllowedLocations", ["s3://"], place("s3://")),
    ("aws", "storageAllowedLocations", ["s3://*/"], place("s3://*/")),
    ("aws", "storageAllowedLocations", [UNKNOWN, "s3://b/*"], place("s3://b/*")),
    (
        "azure",
        "storageAllowedLocations",
        ["azure://a.blob.core.windows.net/"],
        place("azure://a.blob.core.windows.net/"),
    ),
    ("gcs", "storageAllowedLocations", ["gcs://*"], place("gcs://*")),
    ("pipe", "errorIntegration", None, PIPE),
    ("warehouse", "autoSuspend", None, SUSPEND),
    ("warehouse", "autoSuspend", 0, SUSPEND),
    ("warehouse", "autoSuspend", 301, SUSPEND),
    ("warehouse", "autoSuspend", -1, SUSPEND),
    ("warehouse", "autoSuspend", "60", SUSPEND),
    ("warehouse", "autoSuspend", True, SUSPEND),
    ("warehouse", "resourceMonitor", None, MONITOR),
    ("adaptive", "resourceMonitor", None, MONITOR),
    ("interactive", "resourceMonitor", None, MONITOR),
]


@pytest.mark.parametrize("short", GOOD)
def test_a_good_resource_passes(short: str) -> None:
    assert failures(token(short), GOOD[short]) == []
    assert findings(token(short), GOOD[short]) == {}


@pytest.mark.parametrize(("short", "path", "value", "expected"), BROKEN)
def test_each_weakness_is_named_by_its_policy_alone(
    short: str, path: str, value: Any, expected: tuple[str, str]
) -> None:
    assert findings(token(short), replaced(GOOD[short], path, value)) == dict([expected])


def test_every_policy_and_type_is_tried_above() -> None:
    assert {one.name for one in snowflake.POLICIES} == {name for *_, (name, _) in BROKEN}
    assert set(GOOD) == set(SHORT)


@pytest.mark.parametrize(
    ("short", "path"),
    [
        ("service", "defaultSecondaryRolesOption"),
        ("rows", "body"),
        ("database", "dataRetentionTimeInDays"),
        ("network", "allowedIpLists"),
        ("rule", "valueLists"),
        ("grant", "privileges"),
        ("grant", "accountRoleName"),
        ("role grant", "roleName"),
        ("s3", "credentials"),
        ("aws", "storageAllowedLocations"),
        ("pipe", "copyStatement"),
        ("pipe", "errorIntegration"),
        ("warehouse", "autoSuspend"),
        ("warehouse", "resourceMonitor"),
        ("execute", "execute"),
        ("user", "minsToBypassMfa"),
    ],
)
def test_what_is_not_known_yet_is_no_finding(short: str, path: str) -> None:
    assert findings(token(short), replaced(GOOD[short], path, UNKNOWN)) == {}


@pytest.mark.parametrize(
    ("short", "path"), [("user", "password"), ("s3", "credentials.awsSecretKey"), ("grant", "allPrivileges")]
)
def test_null_is_as_if_missing(short: str, path: str) -> None:
    props = replaced(GOOD[short], path, "x")
    *parents, last = path.split(".")
    target = props
    for key in parents:
        target = target[key]
    target[last] = None
    assert findings(token(short), props) == {}


def test_configuration_overrides() -> None:
    warehouse = token("warehouse")
    slow = replaced(GOOD["warehouse"], "autoSuspend", 600)
    missing = replaced(GOOD["warehouse"], "autoSuspend")
    assert findings(warehouse, slow, {SUSPEND[0]: {"maximumSeconds": 600}}) == {}
    assert findings(warehouse, missing, {SUSPEND[0]: {"maximumSeconds": 600}}) == {}
    assert findings(warehouse, GOOD["warehouse"], {SUSPEND[0]: {"maximumSeconds": 30}}) == {
        SUSPEND[0]: "A warehouse should suspend itself after 30 seconds or less: set autoSuspend."
    }
    network = anywhere("")[0]
    wide = replaced(GOOD["network"], "allowedIpLists", ["64.0.0.0/2"])
    assert findings(token("network"), wide, {network: {"minimumPrefixLength": 2}}) == {}
    assert findings(token("network"), GOOD["network"], {network: {"minimumPrefixLength": 25}}) == dict(
        [anywhere("203.0.113.0/24")]
    )
    grant = administrator("")[0]
    admin = {"roleName": "ACCOUNTADMIN", "userName": "ADA"}
    assert findings(token("role grant"), admin, {grant: {"users": ["ada"]}}) == {}
    assert findings(token("role grant"), admin, {grant: {"users": ["BOB"]}}) == dict(
        [administrator("ACCOUNTADMIN")]
    )


def test_remediation_mends_once_and_keeps_the_rest() -> None:
    tried = set()
    for short, path, value, (name, _) in BROKEN:
        if not mends(name):
            continue
        kept = {"comment": secret("hush"), "name": UNKNOWN}
        broken = {**replaced(GOOD[short], path, value), **kept}
        result = mended(name, token(short), broken)
        assert result is not None
        assert findings(token(short), result) == {}
        assert {key: result[key] for key in broken if key != path} == {
            key: broken[key] for key in broken if key != path
        }
        assert mended(name, token(short), result) is None
        tried.add(name)
    assert tried == {SUSPEND[0], MFA[0], ROLES[0], PAST[0]}
    assert mended(SUSPEND[0], token("warehouse"), {"autoSuspend": 0}, {"maximumSeconds": 120}) == {
        "autoSuspend": 120
    }
    assert mended(SUSPEND[0], token("warehouse"), {"autoSuspend": UNKNOWN}) is None


def test_what_is_made_to_be_thrown_away_needs_no_past() -> None:
    props = replaced(GOOD["schema"], "dataRetentionTimeInDays", 0)
    assert findings(token("schema"), replaced(props, "isTransient", "true")) == {}
    assert findings(token("schema"), replaced(props, "isTransient", UNKNOWN)) == {}
    assert findings(token("schema"), replaced(props, "isTransient")) == dict([PAST])


def test_a_password_is_never_repeated() -> None:
    for short, path in (("user", "password"), ("s3", "credentials.awsSecretKey")):
        said = findings(token(short), replaced(GOOD[short], path, "hush-hush"))
        assert said
        assert "hush-hush" not in json.dumps(said)


def _property_names() -> Iterator[tuple[str, str]]:
    """Yield every name in a policy's source that looks like a property, with where it stands."""
    for file in sorted(Path(snowflake.__file__).parent.glob("snowflake_*.py")):
        for name in re.findall(r'"([a-z]+[A-Z]\w+)"', file.read_text()):
            yield file.stem, name


CONFIGURATION = {"maximumSeconds", "minimumPrefixLength"}


def test_every_property_and_type_that_a_policy_names_is_one_of_the_sdk() -> None:
    known: set[str] = set()

    def gather(value: Any) -> None:
        for name, shape in value.properties.items():
            known.add(name)
            block = shape.item or shape
            if block.args:
                gather(_block(block.args))

    sources = "".join(file.read_text() for file in Path(snowflake.__file__).parent.glob("snowflake_*.py"))
    tokens = set(re.findall(r'"(snowflake:index/\w+:\w+)"', sources))
    assert tokens >= {token(short) for short in SHORT}
    for one in tokens:
        gather(resource_type(one).inputs)
    named_here = [*_property_names()]
    assert len(named_here) > 20
    assert [one for one in named_here if one[1] not in known | CONFIGURATION] == []


@settings(max_examples=300, deadline=None)
@given(short=st.sampled_from(sorted(GOOD)), data=st.data())
def test_policies_are_total(short: str, data: st.DataObject) -> None:
    names = [*GOOD[short], *dict.fromkeys(path.split(".")[0] for s, path, *_ in BROKEN if s == short)]
    props = {key: data.draw(ANYTHING, label=key) for key in names}
    for name, message in findings(token(short), props).items():
        assert message.endswith("."), name
    for policy in snowflake.POLICIES:
        if mends(policy.name):
            mended(policy.name, token(short), props)
