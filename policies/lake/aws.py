"""The parts of a lake on AWS: Kinesis, Lambda, Firehose, S3, KMS, and what watches them."""

from collections.abc import Mapping
from functools import cached_property
from typing import Any, ClassVar

from policies.graph import Graph, Node
from policies.lake import aws_access, aws_guard, aws_region, aws_trail, aws_watch
from policies.lake.grants import ROLE, Grant, grants
from policies.lake.parts import (
    CLASS,
    CONFIDENTIAL,
    Access,
    Channel,
    Delivery,
    Failure,
    Guard,
    Lake,
    Pipe,
    Plaintext,
    Queue,
    Sign,
    Trail,
    Transform,
    holds_personal_data,
)
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
PATIENCE = 24 * 60 * 60  # seconds: an outage is over by then, or somebody knows of it


class AwsLake(Lake):
    """A lake on AWS."""

    cloud: ClassVar[str] = "aws"

    @property
    def home(self) -> frozenset[str]:
        """The regions of AWS's providers."""
        return aws_region.home(self.graph)

    def regions(self, node: Node) -> list[str]:
        """Regions, and what ARNs and hosts say of them."""
        return aws_region.regions(node)

    @cached_property
    def _held(self) -> tuple[Grant, ...]:
        return grants(self.graph, STREAM, KEY)

    @property
    def runtimes(self) -> tuple[tuple[Node, str], ...]:
        """The runtimes of Lambda functions."""
        functions = self.graph.of(FUNCTION)
        return tuple((node, name) for node in functions if (name := node.text("runtime")))

    @cached_property
    def streams(self) -> tuple[Node, ...]:
        """Kinesis streams."""
        return tuple(self.graph.of(STREAM))

    @cached_property
    def transforms(self) -> tuple[Transform, ...]:
        """Functions with an event source mapping."""
        return _transforms(self.graph, self._held)

    @cached_property
    def deliveries(self) -> tuple[Delivery, ...]:
        """Firehoses."""
        return tuple(_delivery(self.graph, node, zone) for node, zone in _delivered(self.graph))

    @cached_property
    def readers(self) -> tuple[Access, ...]:
        """Who may get records, and what does."""
        return tuple(aws_access.readers(self.graph, self._held))

    @cached_property
    def writers(self) -> tuple[Access, ...]:
        """Who may put records, and what does."""
        return tuple(aws_access.writers(self.graph, self._held))

    @cached_property
    def zone_writers(self) -> tuple[Access, ...]:
        """Who may put objects."""
        return tuple(aws_access.zone_writers(self.graph, self.deliveries, self._held))

    @cached_property
    def failures(self) -> tuple[Failure, ...]:
        """The mappings' destinations on failure."""
        return tuple(_failure(self.graph, node, one) for one in self.transforms for node in _mappings(one))

    @cached_property
    def guards(self) -> tuple[Guard, ...]:
        """Object lock, and what the bucket's policy denies."""
        return tuple(aws_guard.guards(self.graph, self.deliveries))

    @cached_property
    def keys(self) -> tuple[Node, ...]:
        """KMS keys that transforms wrap data keys with."""
        found = (key for one in self.transforms for key in _keys(self.graph, one, self._held))
        return tuple(dict.fromkeys(found))

    @cached_property
    def plaintext(self) -> tuple[Plaintext, ...]:
        """Key policies, grants, and the policies of identities."""
        return tuple(aws_access.plaintext(self.graph, self.keys, self._held))

    @cached_property
    def channels(self) -> tuple[Channel, ...]:
        """The buckets' topics."""
        return tuple(aws_watch.channels(self.graph))

    @cached_property
    def pipes(self) -> tuple[Pipe, ...]:
        """Pipes over external stages on S3."""
        return tuple(
            pipes(
                self.graph,
                lambda stage: _staged(self.graph, stage),
                lambda pipe: self.graph.targets(pipe, "awsSnsTopicArn", TOPIC),
            )
        )

    @cached_property
    def trails(self) -> tuple[Trail, ...]:
        """Trails of CloudTrail."""
        return tuple(aws_trail.trails(self.graph))

    @cached_property
    def queues(self) -> tuple[Queue, ...]:
        """SQS queues."""
        return tuple(aws_watch.queues(self.graph))

    @cached_property
    def signs(self) -> Mapping[Node, frozenset[Sign]]:
        """CloudWatch's metric alarms."""
        return aws_watch.signs(self.graph)


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
    return Failure(
        node=mapping,
        of=transform.node,
        to=(*to, *buckets),
        keeps=True if buckets else keeps,
        hasty=_hasty(mapping),
    )


def _hasty(mapping: Node) -> str | None:
    """Return why a mapping gives up early; -1, as nothing, means never."""
    attempts, seconds = mapping.number("maximumRetryAttempts"), mapping.number("maximumRecordAgeInSeconds")
    if attempts is not None and attempts >= 0:
        return f"after {attempts:g} attempts"
    if seconds is not None and 0 <= seconds < PATIENCE:
        return f"after {seconds:g} seconds"
    return None


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
    return Delivery(
        node=node,
        party=frozenset({node, *roles}),
        sources=tuple(graph.targets(node, SOURCE, STREAM)),
        zone=zone,
        prefix=_folder(node.get(f"{TARGET}.prefix")),
    )


def _folder(prefix: Any) -> str | None:
    """Return the folder below which a prefix lies, whatever Firehose fills in (`!{timestamp:…}`)."""
    if isinstance(prefix, str):
        return "".join(prefix.partition("!{")[0].rpartition("/")[:2])
    return "" if prefix is None else None


def _staged(graph: Graph, stage: Node) -> tuple[Node | None, str | None]:
    """Return a stage's bucket, and the prefix below which it looks."""
    url = stage.text("url")
    if url is None:
        return next(iter(graph.depends(stage, "url", *BUCKETS)), None), None
    name, _, prefix = url.partition("://")[2].partition("/")
    return next((one for one in graph.of(*BUCKETS) if name in one.identifiers), None), prefix
