"""A lake that is watched and can be mended: retries, queues, logs, alarms, runtimes, tags."""

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

from pulumi_policy import EnforcementLevel, PolicyConfigSchema, Severity

from policies.graph import Graph, Node
from policies.lake import azure_observed, azure_upkeep
from policies.lake.judged import by_cloud, lake_policy
from policies.lake.parts import CLASS, Lake
from policies.rules import Fault

MAPPING = "aws:lambda/eventSourceMapping:EventSourceMapping"
FUNCTION = "aws:lambda/function:Function"
STREAM = "aws:kinesis/stream:Stream"
QUEUE = "aws:sqs/queue:Queue"
LOGS = "aws:cloudwatch/logGroup:LogGroup"
ALARM = "aws:cloudwatch/metricAlarm:MetricAlarm"
FILTER = "aws:cloudwatch/logMetricFilter:LogMetricFilter"
KEY = "aws:kms/key:Key"
# Where a resource names the key that it is encrypted with.
KEYED = {
    QUEUE: "kmsMasterKeyId",
    "aws:sns/topic:Topic": "kmsMasterKeyId",
    STREAM: "kmsKeyId",
    LOGS: "kmsKeyId",
}
ENDED = [
    *("python3.6", "python3.7", "python3.8", "python3.9", "nodejs14.x", "nodejs16.x", "nodejs18.x"),
    *("functions~1", "functions~2", "functions~3"),
]
# What an alarm may wait for at most, by how its metric counts: milliseconds, seconds, things.
LIMITS = {"Milliseconds": 86_400_000.0, "IteratorAge": 86_400_000.0, "Freshness": 86_400.0, "": 1_000.0}
CLASSES = ["internal", "confidential", "restricted"]


def _retried(lake: Lake, _: Mapping[str, Any]) -> Iterator[Fault]:
    for transform in lake.transforms:
        for node in sorted((one for one in transform.party if one.type == MAPPING), key=lambda one: one.urn):
            yield from ((node, fault) for fault in _retry_faults(lake, node))


def _retry_faults(lake: Lake, node: Node) -> Iterator[str]:
    if "ReportBatchItemFailures" not in node.items("functionResponseTypes"):
        yield "A transform must say which records failed: set functionResponseTypes."
    if node.get("bisectBatchOnFunctionError") is not True:
        yield "A batch that fails must be halved: set bisectBatchOnFunctionError."
    retries = node.number("maximumRetryAttempts")
    if retries is not None and retries >= 0:
        yield "A transform must retry until a record is old: leave maximumRetryAttempts at -1."
    if node.text("startingPosition") not in (None, "TRIM_HORIZON"):
        yield "A transform must begin with the oldest record: set startingPosition to TRIM_HORIZON."
    age = node.number("maximumRecordAgeInSeconds")
    for stream in lake.graph.targets(node, "eventSourceArn", STREAM):
        hours = stream.number("retentionPeriod") or 24
        if age is not None and 0 <= age < hours * 3600 / 2:
            yield f"A transform gives a record up after {age:g} s; the stream keeps it for {hours:g} hours."


def _queued(lake: Lake, config: Mapping[str, Any]) -> Iterator[Fault]:
    least = config.get("minimumSeconds", 7 * 86_400)
    for queue in lake.queues:
        if queue.seconds is not None and queue.seconds < least:
            yield (
                queue.place,
                f"A queue must keep messages for {least:g} s or more: people are away at week-ends.",
            )


def _queued_everywhere(lake: Lake, config: Mapping[str, Any]) -> Iterator[Fault]:
    yield from _queued(lake, config)
    yield from by_cloud(azure=azure_upkeep.queued)(lake, config)


def _logged(lake: Lake, config: Mapping[str, Any]) -> Iterator[Fault]:
    least, elsewhere = config.get("minimumDays", 30), config.get("minimumDaysElsewhere", 7)
    for node in lake.graph.of(LOGS):
        days = node.number("retentionInDays")
        if node.tag("environment") == "prod" and days is not None and 0 < days < least:
            yield node, f"Logs in production must be kept for {least:g} days or more."
        elif days is not None and 0 < days < elsewhere:
            yield node, f"Logs must be kept for {elsewhere:g} days or more: people are away at week-ends."
    for node in lake.graph.of(FUNCTION):
        if node.get("loggingConfig.logGroup") is None or not lake.graph.targets(
            node, "loggingConfig.logGroup", LOGS
        ):
            yield node, "A function must log to a group of its stack, which has a key and an end."
        if node.text("loggingConfig.applicationLogLevel") in ("ERROR", "FATAL"):
            yield node, "A function must log more than its end: set applicationLogLevel to INFO or WARN."


def _current(lake: Lake, config: Mapping[str, Any]) -> Iterator[Fault]:
    ended: list[str] = config.get("ended", ENDED)
    for node, runtime in lake.runtimes:
        if runtime in ended:
            yield node, f"Nobody mends {runtime} any more: take a newer runtime."


def _own_keys(lake: Lake, _: Mapping[str, Any]) -> Iterator[Fault]:
    for type_, path in KEYED.items():
        for node in lake.graph.of(type_):
            value = node.text(path)
            if value is not None and not any(value in key.identifiers for key in lake.graph.of(KEY)):
                yield node, f"{value} is no key of this stack."
    if not lake.keys:
        yield from (
            (one.node, "A transform must have a key of personal data to encrypt with.")
            for one in lake.transforms
        )


def _kept(lake: Lake, config: Mapping[str, Any]) -> Iterator[Fault]:
    """In production a key can be had back for long, and what cannot be made anew for days is protected."""
    least = config.get("minimumDays", 30)
    for key in lake.graph.of(KEY):
        days = key.number("deletionWindowInDays")
        if key.tag("environment") == "prod" and days is not None and days < least:
            yield key, f"A key in production must wait {least:g} days before it is deleted."
    production = any(stream.tag("environment") == "prod" for stream in lake.streams)
    said: set[Node] = set()
    for pipe in lake.pipes if production else ():
        for node in (pipe.node, *pipe.listens):
            if not node.protect and node not in said:
                said.add(node)
                yield node, "Protect a pipe and its topic: a subscription cannot be made anew for 72 hours."


def _alarmed(lake: Lake, _: Mapping[str, Any]) -> Iterator[Fault]:
    for node in lake.graph.of(ALARM):
        metric, threshold = node.text("metricName") or "", node.number("threshold")
        most = next(limit for end, limit in LIMITS.items() if metric.endswith(end))
        if threshold is not None and threshold > most:
            yield node, f"An alarm on {metric} above {threshold:g} is never raised: {most:g} or less."
        if node.text("treatMissingData") == "ignore":
            yield node, "An alarm that ignores missing data stays as it was: say notBreaching or breaching."
        if node.get("actionsEnabled") is False or not node.get("alarmActions"):
            yield node, "An alarm must tell somebody: set alarmActions, and leave them enabled."
        if not node.get("dimensions") and not _counted(lake.graph, node):
            yield node, "An alarm must say of which resource: set dimensions."


def _counted(graph: Graph, alarm: Node) -> bool:
    """Say whether a filter of the stack makes the alarm's metric: its log is what the alarm is about."""
    metric = (alarm.text("namespace"), alarm.text("metricName"))
    made = (one.section("metricTransformation") for one in graph.of(FILTER))
    return any((one.get("namespace"), one.get("name")) == metric for one in made)


def _tagged(lake: Lake, config: Mapping[str, Any]) -> Iterator[Fault]:
    """A lake's tags come from one place: what most of its resources carry, all do."""
    classes: list[str] = config.get("classes", CLASSES)
    tagged = [node for node in lake.graph.nodes if node.section("tags")]
    carried = Counter(key for node in tagged for key in node.section("tags"))
    usual = [key for key, count in carried.items() if count * 2 > len(tagged)]
    for node in tagged:
        tags = node.section("tags")
        missing = [key for key in usual if key not in tags]
        empty = sorted(key for key, value in tags.items() if value == "")
        if missing:
            yield node, f"What all others of the stack carry is missing: {', '.join(missing)}."
        if empty:
            yield node, f"Tags say nothing: {', '.join(empty)}."
        if CLASS in tags and isinstance(tags[CLASS], str) and tags[CLASS] not in (*classes, ""):
            yield node, f"Nothing of a lake is {tags[CLASS]}: {CLASS} is {', '.join(classes)}."


def _texts(default: list[str]) -> dict[str, Any]:
    return {"type": "array", "items": {"type": "string"}, "default": default}


POLICIES = (
    lake_policy(
        "lake-transform-configure-batches",
        description="A transform tries again until a record is old, and only what failed.",
        check=by_cloud(aws=_retried, azure=azure_upkeep.retried),
        steps="Report single failures, bisect, retry without end, begin at TRIM_HORIZON.",
        severity=Severity.HIGH,
    ),
    lake_policy(
        "lake-queue-configure-retention",
        description="Queues of a lake keep messages until somebody has seen to them.",
        check=_queued_everywhere,
        steps="Raise messageRetentionSeconds.",
        severity=Severity.MEDIUM,
        level=EnforcementLevel.ADVISORY,
        config=PolicyConfigSchema({"minimumSeconds": {"type": "number", "default": 604_800, "minimum": 60}}),
    ),
    lake_policy(
        "lake-logs-configure",
        description="What a lake's functions do can be looked up for long enough.",
        check=by_cloud(aws=_logged, azure=azure_observed.logged),
        steps="Set loggingConfig.logGroup to a log group of the stack, and its retention.",
        severity=Severity.MEDIUM,
        config=PolicyConfigSchema(
            {
                "minimumDays": {"type": "number", "default": 30, "minimum": 1},
                "minimumDaysElsewhere": {"type": "number", "default": 7, "minimum": 1},
            }
        ),
    ),
    lake_policy(
        "lake-function-disallow-ended-runtime",
        description="Functions run on what is still mended.",
        check=_current,
        steps="Take a newer runtime.",
        severity=Severity.MEDIUM,
        config=PolicyConfigSchema({"ended": _texts(ENDED)}),
    ),
    lake_policy(
        "lake-key-enforce-own",
        description="What a lake encrypts, it encrypts with keys of its own stack.",
        check=by_cloud(aws=_own_keys, azure=azure_upkeep.own_keys),
        steps="Set the key to one of the stack's.",
        severity=Severity.HIGH,
    ),
    lake_policy(
        "lake-production-enforce-protect",
        description="In production keys, pipes and their topics are not deleted by accident, or not soon.",
        check=by_cloud(aws=_kept, azure=azure_upkeep.protected),
        steps="Raise deletionWindowInDays, and protect the pipe and its topic.",
        severity=Severity.HIGH,
        config=PolicyConfigSchema({"minimumDays": {"type": "number", "default": 30, "minimum": 7}}),
    ),
    lake_policy(
        "lake-alarm-configure",
        description="The alarms of a lake can be raised, and tell somebody.",
        check=by_cloud(aws=_alarmed, azure=azure_observed.alarmed),
        steps="Set threshold, dimensions, alarmActions and treatMissingData.",
        severity=Severity.MEDIUM,
    ),
    lake_policy(
        "lake-tags-configure",
        description="All that a lake is made of carries the same tags, and each says something.",
        check=_tagged,
        steps="Pass the stack's tags to the resource, and its classification.",
        severity=Severity.MEDIUM,
        config=PolicyConfigSchema({"classes": _texts(CLASSES)}),
    ),
)
