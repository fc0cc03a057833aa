"""What holds data is not deleted by accident where that would hurt, and what is deleted can be had back."""

from collections.abc import Iterator, Mapping
from typing import Any

from pulumi_policy import PolicyConfigSchema, Severity

from policies.graph import Graph, Node
from policies.rules import GraphFault, graph_policy

PROTECTED = ["prod"]
# What holds data that nothing else holds, or without which data cannot be read. Held against the SDKs by a
# test. Buffers and caches (queues, topics, Firehose) are not among them: what is in them is on its way.
HOLDS_DATA = {
    "aws:backup/vault:Vault": "backups",
    "aws:cognito/userPool:UserPool": "accounts",
    "aws:docdb/cluster:Cluster": "a database",
    "aws:dynamodb/table:Table": "a table",
    "aws:efs/fileSystem:FileSystem": "files",
    "aws:kinesis/stream:Stream": "a stream",
    "aws:kms/key:Key": "a key",
    "aws:msk/cluster:Cluster": "streams",
    "aws:neptune/cluster:Cluster": "a database",
    "aws:opensearch/domain:Domain": "an index",
    "aws:rds/cluster:Cluster": "a database",
    "aws:rds/instance:Instance": "a database",
    "aws:redshift/cluster:Cluster": "a database",
    "aws:s3/bucket:Bucket": "objects",
    "aws:s3/bucketV2:BucketV2": "objects",
    "aws:secretsmanager/secret:Secret": "a secret",
    "azure-native:dbforpostgresql:Server": "a database",
    "azure-native:documentdb:DatabaseAccount": "a database",
    "azure-native:eventhub:EventHub": "a stream",
    "azure-native:eventhub:Namespace": "streams",
    "azure-native:keyvault:Key": "a key",
    "azure-native:keyvault:Secret": "a secret",
    "azure-native:keyvault:Vault": "keys",
    "azure-native:sql:Database": "a database",
    "azure-native:storage:BlobContainer": "objects",
    "azure-native:storage:StorageAccount": "objects",
    "snowflake:index/database:Database": "a database",
    "snowflake:index/hybridTable:HybridTable": "a table",
    "snowflake:index/schema:Schema": "a schema",
    "snowflake:index/stageInternal:StageInternal": "files",
    "snowflake:index/table:Table": "a table",
}
# By what property it can be had back after it was deleted, and what the service takes where nothing is given
# (None: what lies above it says, as a schema does for its tables).
RETAINED = {
    "aws:docdb/cluster:Cluster": ("backupRetentionPeriod", 1),
    "aws:kms/key:Key": ("deletionWindowInDays", 30),
    "aws:neptune/cluster:Cluster": ("backupRetentionPeriod", 1),
    "aws:rds/cluster:Cluster": ("backupRetentionPeriod", 1),
    "aws:rds/instance:Instance": ("backupRetentionPeriod", 0),
    "aws:redshift/cluster:Cluster": ("automatedSnapshotRetentionPeriod", 1),
    "aws:secretsmanager/secret:Secret": ("recoveryWindowInDays", 30),
    "azure-native:keyvault:Vault": ("properties.softDeleteRetentionInDays", 90),
    "snowflake:index/database:Database": ("dataRetentionTimeInDays", 1),
    "snowflake:index/hybridTable:HybridTable": ("dataRetentionTimeInDays", None),
    "snowflake:index/schema:Schema": ("dataRetentionTimeInDays", None),
    "snowflake:index/table:Table": ("dataRetentionTimeInDays", None),
}


def environments(graph: Graph) -> frozenset[str]:
    """Return what the stack's tags say of its environment.

    Not everything takes tags: what does speaks for what does not.
    """
    said = {value for node in graph.nodes if (value := node.tag("environment"))}
    return frozenset(said | {value for key, value in graph.stack_tags.items() if key == "environment"})


def environment_of(node: Node, graph: Graph, config: Mapping[str, Any]) -> str | None:
    """Return the environment of a resource if it is one of those that the configuration names."""
    own = node.tag("environment")
    named = set(config.get("environments", PROTECTED)) & ({own} if own else environments(graph))
    return min(named, default=None)


def _protected(graph: Graph, config: Mapping[str, Any]) -> Iterator[GraphFault]:
    for node in graph.of(*HOLDS_DATA):
        if not node.protect and (environment := environment_of(node, graph, config)):
            yield node, f"What holds {HOLDS_DATA[node.type]} in {environment} must have the option protect."


def _retained(graph: Graph, config: Mapping[str, Any]) -> Iterator[GraphFault]:
    least = config.get("days", DAYS)
    for node in graph.of(*RETAINED):
        path, default = RETAINED[node.type]
        given = node.get(path)
        days = default if given is None else node.number(path)
        # Snowflake's provider says -1 for what lies above it.
        if days is None or days < 0 or not (environment := environment_of(node, graph, config)):
            continue
        if days < least:
            yield (
                node,
                f"What holds {HOLDS_DATA[node.type]} in {environment} must be recoverable for {least:g} days "
                f"or more: {path} is {days:g}.",
            )


DAYS = 7
ENVIRONMENTS: dict[str, Any] = {"type": "array", "items": {"type": "string"}, "default": PROTECTED}

POLICIES = (
    graph_policy(
        "data-enforce-protect",
        description="In the environments that are named, no deployment can delete what holds data.",
        check=_protected,
        steps="Set the resource option protect.",
        severity=Severity.HIGH,
        config=PolicyConfigSchema({"environments": ENVIRONMENTS}),
    ),
    graph_policy(
        "data-configure-retention",
        description="What holds data can be had back for a time after it was deleted.",
        check=_retained,
        steps="Raise the property that the finding names.",
        severity=Severity.MEDIUM,
        config=PolicyConfigSchema(
            {"environments": ENVIRONMENTS, "days": {"type": "number", "default": DAYS, "minimum": 1}}
        ),
    ),
)
