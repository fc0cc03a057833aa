"""The parts of a lake on AWS: Kinesis, Lambda, Firehose, S3, KMS, and what watches them."""

from dataclasses import replace

from policies.graph import Graph, Node
from policies.lake import aws_access, aws_watch
from policies.lake.grants import ROLE, Grant, grants
from policies.lake.parts import CLASS, CONFIDENTIAL, Delivery, Failure, Lake, Transform, holds_personal_data
from policies.lake.warehouse import STAGES, pipes
from policies.s3 import BUCKETS
from policies.sqs import QUEUE

STREAM = "aws:kinesis/stream:Stream"
CONSUMER = "aws:kinesis/streamConsumer:StreamConsumer"
FIREHOSE = "aws:kinesis/firehoseDeliveryStream:FirehoseDeliveryStream"
MAPPING = "aws:lambda/eventSourceMapping:EventSourceMapping"
FUNCTION = "aws:lambda/function:Function"
KEY = "aws:kms/key:Key"
TOPIC = "aws:sns/topic:Topic"
PUT = ("kinesis:PutRecord", "kinesis:PutRecords")


def find(graph: Graph) -> Lake:
    """Return the parts of the lake that a graph is, if it is one."""
    held = grants(graph, STREAM, KEY)
    transforms = _transforms(graph, held)
    deliveries = tuple(_delivery(graph, node, zone) for node, zone in _delivered(graph))
    keys = tuple(dict.fromkeys(key for one in transforms for key in _keys(graph, one, held)))
    lake = Lake(
        graph=graph,
        streams=tuple(graph.of(STREAM)),
        transforms=transforms,
        deliveries=deliveries,
        failures=tuple(_failure(graph, node, one) for one in transforms for node in _mappings(one)),
        keys=keys,
        plaintext=tuple(aws_access.plaintext(graph, keys, held)),
        channels=tuple(aws_watch.channels(graph)),
        pipes=tuple(pipes(graph, lambda stage: _staged(graph, stage), TOPIC)),
        queues=tuple(aws_watch.queues(graph)),
        signs=aws_watch.signs(graph),
    )
    return replace(
        lake,
        readers=tuple(aws_access.readers(graph, held)),
        writers=tuple(aws_access.writers(graph, held)),
        zone_writers=tuple(aws_access.zone_writers(graph, deliveries, held)),
    )


def _mappings(transform: Transform) -> list[Node]:
    return sorted((node for node in transform.party if node.type == MAPPING), key=lambda node: node.urn)


# --- transforms -----------------------------------------------------------------------------------------


def _transforms(graph: Graph, held: tuple[Grant, ...]) -> tuple[Transform, ...]:
    """Return the functions that read a stream and may put to one that is protected, or delivered."""
    onward = {
        stream
        for stream in graph.of(STREAM)
        if stream.tag(CLASS) == CONFIDENTIAL or graph.companions(stream, SOURCE, FIREHOSE)
    }
    found: list[Transform] = []
    for function in graph.of(FUNCTION):
        mappings = graph.companions(function, "functionName", MAPPING)
        reads = {stream: None for node in mappings for stream in source_streams(graph, node)}
        roles = graph.targets(function, "role", ROLE)
        puts = {stream: None for role in roles for stream in _puts(graph, role, held)}
        writes = tuple(stream for stream in puts if stream in onward and stream not in reads)
        if reads and writes:
            party = frozenset({function, *roles, *mappings})
            found.append(Transform(node=function, party=party, reads=tuple(reads), writes=writes))
    return tuple(found)


def source_streams(graph: Graph, mapping: Node) -> list[Node]:
    """Return the streams of a mapping: itself its source, or through a consumer of its own."""
    consumers = graph.targets(mapping, "eventSourceArn", CONSUMER)
    through = [stream for one in consumers for stream in graph.targets(one, "streamArn", STREAM)]
    return through or graph.targets(mapping, "eventSourceArn", STREAM)


def _puts(graph: Graph, role: Node, held: tuple[Grant, ...]) -> list[Node]:
    """Return the streams a role may put to; while its policies are not known, those that they name."""
    own = [grant for grant in held if role in grant.holders]
    return [
        stream
        for stream in graph.of(STREAM)
        if any(
            stream in grant.names if grant.says is None else grant.allows(PUT, stream.text("arn"))
            for grant in own
        )
    ]


def _keys(graph: Graph, transform: Transform, held: tuple[Grant, ...]) -> list[Node]:
    """Return the keys of personal data: those that a transform is told of, or else may encrypt with."""
    function = transform.node
    told = [
        key
        for name in function.section("environment.variables")
        for key in graph.targets(function, f"environment.variables.{name}", KEY)
    ]
    own = [grant for grant in held if grant.holders & transform.party]
    return told or [
        key for key in graph.of(KEY) if any(grant.allows(["kms:Encrypt"], key.text("arn")) for grant in own)
    ]


def _failure(graph: Graph, mapping: Node, transform: Transform) -> Failure:
    path = "destinationConfig.onFailure.destinationArn"
    to = (*graph.targets(mapping, path, QUEUE), *graph.targets(mapping, path, TOPIC))
    arn = mapping.text(path)
    # A queue or a topic is told the position in the stream; a bucket is given the records.
    keeps = arn.split(":")[2:3] not in (["sqs"], ["sns"]) if arn else None
    buckets = graph.targets(mapping, path, *BUCKETS)
    return Failure(node=mapping, of=transform.node, to=(*to, *buckets), keeps=True if buckets else keeps)


# --- deliveries -----------------------------------------------------------------------------------------

SOURCE = "kinesisSourceConfiguration.kinesisStreamArn"
TARGET = "extendedS3Configuration"


def _delivered(graph: Graph) -> list[tuple[Node, Node]]:
    """Return each delivery stream with its landing zone.

    A landing zone is a bucket that the warehouse reads, that holds personal data, or into which protected
    records are delivered.
    """
    read = {zone for stage in graph.of(*STAGES) if (zone := _staged(graph, stage)[0])}
    found = [
        (node, bucket)
        for node in graph.of(FIREHOSE)
        for bucket in graph.targets(node, f"{TARGET}.bucketArn", *BUCKETS)
    ]
    protected = {
        zone
        for node, zone in found
        if any(stream.tag(CLASS) == CONFIDENTIAL for stream in graph.targets(node, SOURCE, STREAM))
    }
    return [(node, zone) for node, zone in found if zone in read | protected or holds_personal_data(zone)]


def _delivery(graph: Graph, node: Node, zone: Node) -> Delivery:
    roles = [
        role
        for path in (f"{TARGET}.roleArn", "kinesisSourceConfiguration.roleArn")
        for role in graph.targets(node, path, ROLE)
    ]
    prefix = node.get(f"{TARGET}.prefix")
    return Delivery(
        node=node,
        party=frozenset({node, *roles}),
        sources=tuple(graph.targets(node, SOURCE, STREAM)),
        zone=zone,
        # What Firehose fills in (`!{timestamp:…}`) lies below it.
        prefix=prefix.partition("!{")[0] if isinstance(prefix, str) else "" if prefix is None else None,
    )


def _staged(graph: Graph, stage: Node) -> tuple[Node | None, str | None]:
    """Return a stage's bucket, and the prefix below which it looks."""
    url = stage.text("url")
    if url is None:
        return next(iter(graph.depends(stage, "url", *BUCKETS)), None), None
    name, _, prefix = url.partition("://")[2].partition("/")
    return next((one for one in graph.of(*BUCKETS) if name in one.identifiers), None), prefix
