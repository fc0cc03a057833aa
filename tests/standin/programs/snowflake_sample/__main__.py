"""One of each Snowflake resource that the lake uses, with the properties that it uses."""

import pulumi
import pulumi_snowflake as snowflake

config = pulumi.Config()
window = config.require_int("window")
topic = config.get("topic") or "arn:aws:sns:eu-west-1:000000000000:arrivals"

database = snowflake.Database(
    "lake",
    name="SHOP",
    comment="The sample's lake",
    data_retention_time_in_days=1,
    drop_public_schema_on_creation=True,
)
raw, governance = (
    snowflake.Schema(name, database=database.name, name=name.upper(), with_managed_access="true")
    for name in ("raw", "governance")
)
monitor = snowflake.ResourceMonitor(
    "budget",
    name="BUDGET",
    credit_quota=10,
    frequency="MONTHLY",
    start_timestamp="IMMEDIATELY",
    notify_triggers=[50, 80],
    suspend_trigger=100,
    suspend_immediate_trigger=110,
)
compute = snowflake.Warehouse(
    "load",
    name="LOAD",
    comment="loads",
    warehouse_size="XSMALL",
    auto_suspend=60,
    auto_resume="true",
    initially_suspended=True,
    statement_timeout_in_seconds=600,
    resource_monitor=monitor.name,
)

# Roles and their rights.
reader = snowflake.AccountRole("reader", name="RAW_R", comment="reads RAW")
analyst = snowflake.AccountRole("analyst", name="ANALYST", comment="asks")
snowflake.GrantAccountRole("analyst", role_name=reader.name, parent_role_name=analyst.name)
snowflake.GrantPrivilegesToAccountRole(
    "compute",
    account_role_name=analyst.name,
    privileges=["USAGE", "OPERATE"],
    on_account_object={"object_type": "WAREHOUSE", "object_name": compute.fully_qualified_name},
)
snowflake.GrantPrivilegesToAccountRole(
    "database",
    account_role_name=reader.name,
    privileges=["USAGE"],
    on_account_object={"object_type": "DATABASE", "object_name": database.fully_qualified_name},
)
snowflake.GrantPrivilegesToAccountRole(
    "schema",
    account_role_name=reader.name,
    privileges=["USAGE"],
    on_schema={"schema_name": raw.fully_qualified_name},
)
future = snowflake.GrantPrivilegesToAccountRole(
    "tables",
    account_role_name=reader.name,
    privileges=["SELECT"],
    on_schema_object={"future": {"object_type_plural": "TABLES", "in_schema": raw.fully_qualified_name}},
)

# The way in.
integration = snowflake.StorageIntegrationAws(
    "landing",
    name="LANDING",
    enabled=True,
    storage_provider="S3",
    storage_aws_role_arn="arn:aws:iam::000000000000:role/reader",
    storage_aws_external_id="sample",
    storage_allowed_locations=["s3://landing/landing/"],
    comment="the landing zone",
)
ndjson = snowflake.FileFormatJson(
    "ndjson", database=database.name, schema=raw.name, name="NDJSON", compression="AUTO", comment="lines"
)
stage = snowflake.StageExternalS3(
    "stage",
    database=database.name,
    schema=raw.name,
    name="LANDING",
    url="s3://landing/landing/",
    storage_integration=integration.name,
    file_format={"format_name": ndjson.fully_qualified_name},
    comment="the landing zone",
)
table = snowflake.Table(
    "pos",
    database=database.name,
    schema=raw.name,
    name="POS",
    columns=[
        {"name": "PAYLOAD", "type": "VARIANT", "nullable": True},
        {"name": "EVENT_ID", "type": "VARCHAR", "nullable": False},
        {"name": "EMAIL", "type": "VARCHAR", "nullable": True},
        {"name": "TOTAL", "type": "NUMBER(12,2)", "nullable": True},
        {"name": "LOADED_AT", "type": "TIMESTAMP_LTZ", "nullable": True},
    ],
    change_tracking=True,
    comment="as it came",
    opts=pulumi.ResourceOptions(depends_on=[future]),
)
pipe = snowflake.Pipe(
    "pos",
    database=database.name,
    schema=raw.name,
    name="POS_PIPE",
    copy_statement=pulumi.Output.format(
        "COPY INTO {0} (PAYLOAD, EVENT_ID) FROM (SELECT $1, $1:event_id::VARCHAR FROM @{1}/source=pos/)"
        " ON_ERROR = SKIP_FILE",
        table.fully_qualified_name,
        stage.fully_qualified_name,
    ),
    auto_ingest=True,
    aws_sns_topic_arn=topic,
    comment="loads",
)
stream = snowflake.StreamOnTable(
    "pos",
    database=database.name,
    schema=raw.name,
    name="POS_STREAM",
    table=table.fully_qualified_name,
    append_only="true",
    comment="what is new",
)
seen = snowflake.Table(
    "seen",
    database=database.name,
    schema=raw.name,
    name="SEEN",
    columns=[{"name": "EVENT_ID", "type": "VARCHAR", "nullable": True}],
)
given = snowflake.Table(
    "given",
    database=database.name,
    schema=raw.name,
    name="GIVEN",
    columns=[{"name": "EVENT_ID", "type": "VARCHAR", "nullable": True}],
)
snowflake.GrantOwnership(
    "given",
    account_role_name=reader.name,
    outbound_privileges="COPY",
    on={"object_type": "TABLE", "object_name": given.fully_qualified_name},
)
snowflake.Task(
    "pos",
    database=database.name,
    schema=raw.name,
    name="LOAD_POS",
    warehouse=compute.name,
    schedule={"minutes": window},
    when="SYSTEM$STREAM_HAS_DATA('SHOP.RAW.POS_STREAM')",
    sql_statement="INSERT INTO SHOP.RAW.SEEN (EVENT_ID) SELECT EVENT_ID FROM SHOP.RAW.POS_STREAM",
    started=True,
    comment="merges",
    opts=pulumi.ResourceOptions(depends_on=[stream, seen]),
)
snowflake.View(
    "seen",
    database=database.name,
    schema=raw.name,
    name="SEEN_SAFELY",
    is_secure="true",
    statement="SELECT EVENT_ID FROM SHOP.RAW.SEEN",
    comment="for others",
    opts=pulumi.ResourceOptions(depends_on=[seen]),
)

# Personal data.
mask = snowflake.MaskingPolicy(
    "email",
    database=database.name,
    schema=governance.name,
    name="MASK_EMAIL",
    arguments=[{"name": "VAL", "type": "VARCHAR"}],
    return_data_type="VARCHAR",
    body="CASE WHEN IS_ROLE_IN_SESSION('ANALYST') THEN SPLIT_PART(VAL, ':', 2) ELSE '***' END",
    comment="the face of an address",
)
tag = snowflake.Tag(
    "email",
    database=database.name,
    schema=governance.name,
    name="PII_EMAIL",
    masking_policies=[mask.fully_qualified_name],
    comment="personal",
)
snowflake.TagAssociation(
    "email",
    object_identifiers=[pulumi.Output.format('{0}."EMAIL"', table.fully_qualified_name)],
    object_type="COLUMN",
    tag_id=tag.fully_qualified_name,
    tag_value="email",
)

statement = snowflake.get_system_get_aws_sns_iam_policy_output(aws_sns_topic_arn=topic)
pulumi.export("table", table.fully_qualified_name)
pulumi.export("channel", pipe.notification_channel)
pulumi.export("trust", integration.describe_outputs.apply(lambda found: found[0].iam_user_arn))
pulumi.export("external", integration.describe_outputs.apply(lambda found: found[0].external_id))
pulumi.export("statement", statement.aws_sns_topic_policy_json)

rows = snowflake.RowAccessPolicy(
    "rows",
    database="SHOP",
    schema=governance.name,
    name="BY_STORE",
    arguments=[{"name": "STORE", "type": "VARCHAR"}],
    body="STORE = 's1' OR IS_ROLE_IN_SESSION('ANALYST')",
    comment="by store",
)
network = snowflake.NetworkPolicy(
    "network", name="OFFICE", allowed_ip_lists=["127.0.0.0/8", "10.1.0.0/16"], comment="where from"
)
user = snowflake.ServiceUser(
    "service",
    name="BI",
    login_name="BI",
    rsa_public_key="TUlJQg==",
    default_role="ANALYST",
    default_warehouse="LOAD",
    default_secondary_roles_option="NONE",
    network_policy=network.name,
    comment="reports",
)
snowflake.GrantAccountRole("service", role_name=analyst.name, user_name=user.name)
