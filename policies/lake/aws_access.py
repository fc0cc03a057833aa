"""Who can read and write what in a lake on AWS, and who can get plaintext with its keys."""

from collections.abc import Iterator

from policies.graph import Graph, Node
from policies.lake.grants import Grant
from policies.lake.parts import Access, Delivery, Plaintext
from policies.statements import Statement, statements

STREAM = "aws:kinesis/stream:Stream"
STREAM_POLICY = "aws:kinesis/resourcePolicy:ResourcePolicy"
# What reads a stream, and the property that says which.
FIREHOSE = "aws:kinesis/firehoseDeliveryStream:FirehoseDeliveryStream"
READERS = {
    "aws:kinesis/analyticsApplication:AnalyticsApplication": "inputs",
    FIREHOSE: "kinesisSourceConfiguration.kinesisStreamArn",
    "aws:kinesis/streamConsumer:StreamConsumer": "streamArn",
    "aws:kinesisanalyticsv2/application:Application": "applicationConfiguration",
    "aws:lambda/eventSourceMapping:EventSourceMapping": "eventSourceArn",
    "aws:pipes/pipe:Pipe": "source",
}
# What writes to a stream, likewise.
WRITERS = {
    "aws:cloudwatch/eventTarget:EventTarget": "arn",
    "aws:cloudwatch/logSubscriptionFilter:LogSubscriptionFilter": "destinationArn",
    "aws:dms/endpoint:Endpoint": "kinesisSettings.streamArn",
    "aws:dynamodb/kinesisStreamingDestination:KinesisStreamingDestination": "streamArn",
    "aws:iot/topicRule:TopicRule": "kineses",
    "aws:pipes/pipe:Pipe": "target",
}
OBJECTS = (
    "aws:s3/bucketObject:BucketObject",
    "aws:s3/bucketObjectv2:BucketObjectv2",
    "aws:s3/objectCopy:ObjectCopy",
)

READ = ("kinesis:GetRecords", "kinesis:SubscribeToShard")
PUT = ("kinesis:PutRecord", "kinesis:PutRecords")
PUT_OBJECT = ("s3:PutObject", "s3:ReplicateObject")
# GenerateDataKey hands out a plaintext key, ReEncrypt moves a ciphertext to a key that can be used, and a
# grant passes the right on.
PLAINTEXT = (
    "kms:CreateGrant",
    "kms:Decrypt",
    "kms:GenerateDataKey",
    "kms:GenerateDataKeyPair",
    "kms:ReEncryptFrom",
)


def readers(graph: Graph, held: tuple[Grant, ...]) -> Iterator[Access]:
    """Yield every way in which a stream can be read."""
    yield from _of_streams(graph, READERS, READ, held)


def writers(graph: Graph, held: tuple[Grant, ...]) -> Iterator[Access]:
    """Yield every way in which a stream can be written."""
    yield from _of_streams(graph, WRITERS, PUT, held)


def _of_streams(
    graph: Graph, types: dict[str, str], actions: tuple[str, ...], held: tuple[Grant, ...]
) -> Iterator[Access]:
    for type_, path in types.items():
        for node in graph.of(type_):
            for stream in graph.targets(node, path, STREAM):
                yield Access(node=node, of=stream, who=_named(node), party=frozenset({node}))
    for stream in graph.of(STREAM):
        for grant in held:
            if grant.allows(actions, stream.text("arn")):
                who = f"the role {grant.who}" if grant.holders else f"the policy {grant.who}"
                yield Access(node=grant.node, of=stream, who=who, party=grant.holders)
        for node in graph.companions(stream, "resourceArn", STREAM_POLICY):
            for statement in statements(node.get("policy")) or ():
                if statement.allows and statement.of(actions):
                    who = ", ".join(statement.callers)
                    yield Access(node=node, of=stream, who=who, party=frozenset())


def _named(node: Node) -> str:
    return f"the {node.type.rpartition(':')[2]} {node.name}"


def zone_writers(graph: Graph, deliveries: tuple[Delivery, ...], held: tuple[Grant, ...]) -> Iterator[Access]:
    """Yield every way in which objects can be put below the prefix of a delivery, `of` being the delivery."""
    for delivery in deliveries:
        arn, prefix = delivery.zone.text("arn"), delivery.prefix
        if prefix is None:
            continue
        for node in graph.of(*OBJECTS):
            if delivery.zone in graph.targets(node, "bucket", delivery.zone.type) and (
                node.text("key") or ""
            ).startswith(prefix):
                yield Access(node=node, of=delivery.node, who=_named(node), party=frozenset({node}))
        for grant in held:
            if arn and grant.allows(PUT_OBJECT, f"{arn}/{prefix}*"):
                yield Access(
                    node=grant.node, of=delivery.node, who=f"the role {grant.who}", party=grant.holders
                )


def plaintext(graph: Graph, keys: tuple[Node, ...], held: tuple[Grant, ...]) -> Iterator[Plaintext]:
    """Yield everybody who can get plaintext with a key: by its policy, a grant, or an identity's policy."""
    for key in keys:
        yield from _by_policy(graph, key)
        for node in graph.companions(key, "keyId", "aws:kms/grant:Grant"):
            named = [f"kms:{one}" for one in node.items("operations") if isinstance(one, str)]
            if actions := tuple(one for one in named if one in PLAINTEXT):
                who = node.text("granteePrincipal") or node.name
                yield Plaintext(node=node, key=key, who=who, actions=actions)
        for grant in held:
            if actions := tuple(grant.allows(PLAINTEXT, key.text("arn"))):
                for who in sorted({one.text("arn") or one.name for one in grant.holders} or {grant.who}):
                    yield Plaintext(node=grant.node, key=key, who=who, actions=actions, party=grant.holders)


def _by_policy(graph: Graph, key: Node) -> Iterator[Plaintext]:
    policies = graph.companions(key, "keyId", "aws:kms/keyPolicy:KeyPolicy")
    documents = [(node, node.get("policy")) for node in (key, *policies) if node.get("policy")]
    if not documents:
        # KMS then lets everybody in whom the account's IAM lets.
        yield Plaintext(node=key, key=key, who="the whole account (the key has no policy)", actions=PLAINTEXT)
    for node, document in documents:
        for statement in statements(document) or ():
            yield from _by_statement(node, key, statement)


def _by_statement(node: Node, key: Node, statement: Statement) -> Iterator[Plaintext]:
    if statement.allows and (actions := tuple(statement.of(PLAINTEXT))):
        for who in statement.callers:
            yield Plaintext(node=node, key=key, who=who, actions=actions)
