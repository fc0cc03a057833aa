"""DynamoDB: tables can be set back in time, and are encrypted with a key of one's own."""

from collections.abc import Mapping, Sequence
from typing import Any, cast

from pulumi_policy import Severity

from policies.rules import Config, Props, own_key, resource_policy, section, sections

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
    if not _recoverable(props, config):
        return None
    replicas = props.get("replicas")
    if not isinstance(replicas, Sequence) or isinstance(replicas, str):
        replicas = ()
    made = [_recover_replica(part, config) or {} for part in cast(Sequence[Any], replicas)]
    return {"pointInTimeRecovery": {"enabled": True}, **({"replicas": made} if made else {})}


def _recover_replica(props: Any, config: Config) -> Props | None:
    if not isinstance(props, Mapping) or not _replica_recoverable(cast(Props, props), config):
        return None
    return {"pointInTimeRecovery": True}


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
