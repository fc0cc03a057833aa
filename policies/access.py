"""Who may use a resource, as its own policy document says: never whoever asks."""

from dataclasses import dataclass
from typing import Any

from pulumi_policy import Policy, Severity

from policies.documents import faulty, lets_anyone_in
from policies.rules import Config, Props, resource_policy


@dataclass(frozen=True, kw_only=True)
class Guarded:
    """What a policy document guards, and where the document is.

    Parameters
    ----------
    service
        What a policy's name calls it.
    thing
        What people call it.
    types
        The types of resource that can hold the document.
    key
        The property that holds it.
    """

    service: str
    thing: str
    types: tuple[str, ...]
    key: str = "policy"


GUARDED = (
    Guarded(service="sqs", thing="queue", types=("aws:sqs/queue:Queue", "aws:sqs/queuePolicy:QueuePolicy")),
    Guarded(service="sns", thing="topic", types=("aws:sns/topic:Topic", "aws:sns/topicPolicy:TopicPolicy")),
    Guarded(
        service="s3",
        thing="bucket",
        types=(
            "aws:s3/bucket:Bucket",
            "aws:s3/bucketPolicy:BucketPolicy",
            "aws:s3/accessPoint:AccessPoint",
            "aws:s3control/accessPointPolicy:AccessPointPolicy",
        ),
    ),
    Guarded(
        service="kms",
        thing="key",
        types=(
            "aws:kms/key:Key",
            "aws:kms/keyPolicy:KeyPolicy",
            "aws:kms/replicaKey:ReplicaKey",
            "aws:kms/externalKey:ExternalKey",
            "aws:kms/replicaExternalKey:ReplicaExternalKey",
        ),
    ),
    Guarded(service="kinesis", thing="stream", types=("aws:kinesis/resourcePolicy:ResourcePolicy",)),
    Guarded(service="dynamodb", thing="table", types=("aws:dynamodb/resourcePolicy:ResourcePolicy",)),
    Guarded(
        service="secretsmanager",
        thing="secret",
        types=("aws:secretsmanager/secret:Secret", "aws:secretsmanager/secretPolicy:SecretPolicy"),
    ),
    Guarded(service="glue", thing="data catalogue", types=("aws:glue/resourcePolicy:ResourcePolicy",)),
    Guarded(service="ecr", thing="repository", types=("aws:ecr/repositoryPolicy:RepositoryPolicy",)),
    Guarded(service="eventbus", thing="event bus", types=("aws:cloudwatch/eventBusPolicy:EventBusPolicy",)),
    Guarded(
        service="opensearch",
        thing="search domain",
        types=(
            "aws:opensearch/domainPolicy:DomainPolicy",
            "aws:elasticsearch/domainPolicy:DomainPolicy",
        ),
        key="accessPolicies",
    ),
)


STEPS = (
    "Name the principals, or narrow the statement by aws:SourceArn, aws:SourceAccount, "
    "aws:PrincipalOrgID or aws:PrincipalArn."
)


def open_to_anyone(thing: str, document: Any) -> str | None:
    """What is wrong with a document that lets in whoever asks, or None."""
    found = faulty(document, lets_anyone_in)
    if not found:
        return None
    return (
        f"The policy of a {thing} lets anyone in, by statement {', '.join(found)}: "
        "name the principals, or add a condition such as aws:SourceArn or aws:PrincipalOrgID."
    )


def _policy(guarded: Guarded) -> Policy:
    def check(props: Props, _: Config) -> str | None:
        return open_to_anyone(guarded.thing, props.get(guarded.key))

    return resource_policy(
        f"aws-{guarded.service}-policy-disallow-public",
        *guarded.types,
        description=f"The policy of a {guarded.thing} does not let in whoever asks.",
        check=check,
        steps=STEPS,
        severity=Severity.CRITICAL,
    )


POLICIES = tuple(_policy(guarded) for guarded in GUARDED)
