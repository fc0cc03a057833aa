"""A finance team's database, its people, its compute, and what it loads."""

import pulumi
import pulumi_snowflake as snowflake

config = pulumi.Config()

database = snowflake.Database("finance", name="FINANCE", data_retention_time_in_days=7)
schema = snowflake.Schema("ledger", database=database.name, name="LEDGER")

monitor = snowflake.ResourceMonitor(
    "finance", name="FINANCE", credit_quota=50, notify_triggers=[80], suspend_trigger=100
)
snowflake.Warehouse(
    "reports", name="REPORTS", warehouse_size="XSMALL", auto_suspend=60, resource_monitor=monitor.name
)
snowflake.Warehouse("backfill", name="BACKFILL", warehouse_size="LARGE", auto_suspend=3600)
default = snowflake.Warehouse("adhoc", name="ADHOC", resource_monitor=monitor.name)

analyst = snowflake.AccountRole("analyst", name="FINANCE_ANALYST")
loader = snowflake.AccountRole("loader", name="FINANCE_LOADER")
snowflake.GrantPrivilegesToAccountRole(
    "analyst-database",
    account_role_name=analyst.name,
    privileges=["USAGE"],
    on_account_object={"object_type": "DATABASE", "object_name": database.name},
)
snowflake.GrantPrivilegesToAccountRole(
    "analyst-tables",
    account_role_name=analyst.name,
    privileges=["SELECT"],
    on_schema_object={
        "future": {"object_type_plural": "TABLES", "in_schema": schema.fully_qualified_name},
    },
)
snowflake.GrantPrivilegesToAccountRole(
    "loader-schema",
    account_role_name=loader.name,
    all_privileges=True,
    on_schema={"schema_name": schema.fully_qualified_name},
)
# Everyone should be able to look something up.
snowflake.GrantPrivilegesToAccountRole(
    "everyone",
    account_role_name="PUBLIC",
    privileges=["USAGE"],
    on_account_object={"object_type": "WAREHOUSE", "object_name": default.name},
)
snowflake.GrantAccountRole("analyst-sysadmin", role_name=analyst.name, parent_role_name="SYSADMIN")

ada = snowflake.User("ada", name="ADA", email="ada@example.org", default_role=analyst.name)
bob = snowflake.User(
    "bob",
    name="BOB",
    email="bob@example.org",
    password=config.get_secret("bobsPassword") or pulumi.Output.secret("Changeme-1"),
    must_change_password="true",
    mins_to_bypass_mfa=60,
)
snowflake.ServiceUser("loader", name="FINANCE_LOADER_SVC", rsa_public_key="MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8A")
snowflake.GrantAccountRole("ada-analyst", role_name=analyst.name, user_name=ada.name)
snowflake.GrantAccountRole("bob-admin", role_name="ACCOUNTADMIN", user_name=bob.name)

office = snowflake.NetworkRule(
    "office",
    database=database.name,
    schema=schema.name,
    name="OFFICE",
    mode="INGRESS",
    type="IPV4",
    value_lists=["203.0.113.0/24"],
)
snowflake.NetworkPolicy("people", name="PEOPLE", allowed_network_rule_lists=[office.fully_qualified_name])
snowflake.NetworkPolicy("tools", name="TOOLS", allowed_ip_lists=["198.51.100.7", "0.0.0.0/0"])
snowflake.NetworkRule(
    "rates",
    database=database.name,
    schema=schema.name,
    name="RATES",
    mode="EGRESS",
    type="HOST_PORT",
    value_lists=["rates.example.org:443"],
)

bank = snowflake.StorageIntegrationAws(
    "bank",
    name="BANK",
    enabled=True,
    storage_provider="S3",
    storage_aws_role_arn="arn:aws:iam::123456789012:role/bank",
    storage_allowed_locations=["s3://bank-statements/incoming/"],
)
snowflake.StorageIntegrationAws(
    "anything",
    name="ANYTHING",
    enabled=True,
    storage_provider="S3",
    storage_aws_role_arn="arn:aws:iam::123456789012:role/anything",
    storage_allowed_locations=["*"],
)
statements = snowflake.StageExternalS3(
    "statements",
    database=database.name,
    schema=schema.name,
    name="STATEMENTS",
    url="s3://bank-statements/incoming/",
    storage_integration=bank.name,
)
snowflake.StageExternalS3(
    "export",
    database=database.name,
    schema=schema.name,
    name="EXPORT",
    url="s3://auditors/",
    credentials={
        "aws_key_id": config.require("exportKey"),
        "aws_secret_key": config.get_secret("exportSecret") or pulumi.Output.secret("not-a-real-one"),
    },
)
table = snowflake.Table(
    "statements",
    database=database.name,
    schema=schema.name,
    name="STATEMENTS",
    columns=[{"name": "LINE", "type": "VARIANT"}],
)
snowflake.Pipe(
    "statements",
    database=database.name,
    schema=schema.name,
    name="STATEMENTS",
    copy_statement="COPY INTO FINANCE.LEDGER.STATEMENTS FROM @FINANCE.LEDGER.STATEMENTS",
    auto_ingest=True,
)
snowflake.Execute(
    "auditors",
    execute="GRANT ALL PRIVILEGES ON SCHEMA FINANCE.LEDGER TO ROLE AUDITORS",
    revert="REVOKE ALL PRIVILEGES ON SCHEMA FINANCE.LEDGER FROM ROLE AUDITORS",
)

pulumi.export("database", database.name)
