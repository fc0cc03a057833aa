"""DynamoDB: tables can be set back in time, are not deleted lightly, and have a key of one's own."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, cast

from pulumi_policy import PolicyConfigSchema, Severity

from policies.data import ENVIRONMENTS, environment_of
from policies.graph import UNKNOWN, Graph
from policies.rules import (
    Config,
    Fault,
    Props,
    own_key,
    resource_policy,
    section,
    sections,
    stack_policy,
)

TABLE = "aws:dynamodb/table:Table"
REPLICA = "aws:dynamodb/tableReplica:TableReplica"

_SET_BACK = "Each replica must be recoverable to a point in time: set its pointInTimeRecovery to true."
_ENCRYPTED = "Each replica must be encrypted with a key of its region: set its kmsKeyArn."


def _recoverable(props: Props, _: Config) -> str | None:
    if section(props, "pointInTimeRecovery").get("enabled") is not True:
        return "A table must be recoverable to a point in time: set pointInTimeRecovery to enabled."
    replicas = sections(props, "replicas")
    return next((fault for replica in replicas if (fault := _replica_recoverable(replica, {}))), None)


def _replica_recoverable(props: Props, _: Config) -> str | None:
    return None if props.get("pointInTimeRecovery") is True else _SET_BACK


def _recover(props: Props, config: Config) -> Props | None:
    changes: dict[str, Any] = {}
    if section(props, "pointInTimeRecovery").get("enabled") is not True:
        changes["pointInTimeRecovery"] = {"enabled": True}
    replicas = props.get("replicas")
    if isinstance(replicas, Sequence) and not isinstance(replicas, str):
        made = [_recover_replica(part, config) or {} for part in cast(Sequence[Any], replicas)]
        changes |= {"replicas": made} if any(made) else {}
    return changes or None


def _recover_replica(props: Any, config: Config) -> Props | None:
    if not isinstance(props, Mapping) or not _replica_recoverable(cast(Props, props), config):
        return None
    return {"pointInTimeRecovery": True}


def _kept(graph: Graph, config: Config) -> Iterator[Fault]:
    for table in graph.of(TABLE):
        kept = table.get("deletionProtectionEnabled")
        if kept not in (True, UNKNOWN) and (environment := environment_of(table, graph, config)):
            yield (
                table,
                f"A table in {environment} must not be deleted by one call: set deletionProtectionEnabled.",
            )


def _encrypted(props: Props, _: Config) -> str | None:
    encryption = section(props, "serverSideEncryption")
    if not own_key(encryption, "kmsKeyArn") or encryption.get("enabled") is not True:
        return "A table must be encrypted with a key of your own: set serverSideEncryption with kmsKeyArn."
    replicas = sections(props, "replicas")
    return next((fault for replica in replicas if (fault := _replica_encrypted(replica, {}))), None)


def _replica_encrypted(props: Props, _: Config) -> str | None:
    return None if own_key(props, "kmsKeyArn") else _ENCRYPTED


POLICIES = (
    resource_policy(
        "aws-dynamodb-table-enable-pitr",
        TABLE,
        description="Tables and their replicas can be set back to a point in time.",
        check=_recoverable,
        mend=_recover,
        steps="Set pointInTimeRecovery, of the table and of each replica.",
        severity=Severity.HIGH,
    ),
    resource_policy(
        "aws-dynamodb-replica-enable-pitr",
        REPLICA,
        description="Replicas that are resources of their own can be set back to a point in time.",
        check=_replica_recoverable,
        mend=_recover_replica,
        steps="Set pointInTimeRecovery to true.",
        severity=Severity.HIGH,
    ),
    stack_policy(
        "aws-dynamodb-table-enable-deletion-protection",
        description="In the environments that are named, DynamoDB itself refuses to delete a table.",
        check=_kept,
        # The option protect holds Pulumi back, and nobody else.
        steps="Set deletionProtectionEnabled to true.",
        severity=Severity.HIGH,
        config=PolicyConfigSchema({"environments": ENVIRONMENTS}),
    ),
    resource_policy(
        "aws-dynamodb-table-configure-kms",
        TABLE,
        description="Tables and their replicas are encrypted with a customer-managed KMS key.",
        check=_encrypted,
        steps="Set serverSideEncryption to enabled with kmsKeyArn, and kmsKeyArn of each replica.",
        severity=Severity.HIGH,
    ),
    resource_policy(
        "aws-dynamodb-replica-configure-kms",
        REPLICA,
        description="Replicas that are resources of their own are encrypted with a customer-managed KMS key.",
        check=_replica_encrypted,
        steps="Set kmsKeyArn to a key of the replica's region.",
        severity=Severity.HIGH,
    ),
)
