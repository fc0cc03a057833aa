"""The transform of a source: reads its ingress stream, writes its protected stream, fails closed.

A batch that cannot be protected stays on the ingress stream and is tried again until it is about to expire;
then its position, never its payload, goes to a queue.
"""

from dataclasses import dataclass

import pulumi
import pulumi_aws as aws

from components import naming
from components.aws import streams
from components.aws.alarms import Alarm, sound, waiting
from components.aws.context import Context
from components.aws.function import Function, FunctionArgs
from components.aws.iam import Statement, allow, via
from components.aws.keys import ENCRYPT_AND_DECRYPT, Keys, encryption_context
from components.aws.landing import OVERSIZE_PREFIX
from components.aws.package import Package
from components.aws.queues import queue
from components.aws.subjects import ENSURE
from components.aws.token_key import TokenKey
from components.pattern import ProtectionSpec, Stream

READ_STREAM = (
    "kinesis:DescribeStream",
    "kinesis:DescribeStreamSummary",
    "kinesis:GetRecords",
    "kinesis:GetShardIterator",
    "kinesis:ListShards",
)
METRICS = "RetailLake"  # what the function itself measures, through its log
HOUR = 60 * 60
OLDEST = 7 * 24 * HOUR  # the most that Lambda takes as the age of a record


@dataclass(frozen=True, kw_only=True)
class TransformArgs:
    """What a source's transform works with.

    Parameters
    ----------
    ingress
        What it reads.
    protected
        The logical name of the stream that it writes.
    subjects
        The table of the subjects' secrets, where a contract of the source says whose its values are.
    alarms
        The topic on which its alarms sound.
    """

    context: Context
    spec: ProtectionSpec
    ingress: Stream
    protected: str
    package: Package
    keys: Keys
    token_key: TokenKey
    subjects: aws.dynamodb.Table | None
    alarms: pulumi.Input[str]


class Transform(pulumi.ComponentResource):
    """A source's transform, and the stream of what it protected."""

    protected: Stream

    def __init__(self, name: str, args: TransformArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("retaillake:aws:Transform", name, {}, opts)
        context, spec, operations = args.context, args.spec, args.keys.operations.arn
        self.protected = streams.stream(
            args.protected,
            spec.source,
            context,
            spec.streams,
            key=operations,
            classification=naming.CONFIDENTIAL,
            parent=self,
        )
        expired = queue(f"{name}-expired", context, operations, self)
        made = Function(
            name,
            FunctionArgs(
                context=context,
                package=args.package,
                key=args.keys.operations,
                handler="functions.transform.handler.handler",
                purpose=f"Protects the records of {spec.source}",
                statements=_statements(args, self.protected, expired),
                environment={
                    "SOURCE": spec.source,
                    "PII_KEY_ARN": args.keys.pii.arn,
                    "TOKEN_KEY_SECRET_ARN": args.token_key.secret.arn,
                    "PROTECTED_STREAM": self.protected.name,
                    "LANDING_BUCKET": spec.oversize.name,
                    "DATA_KEY_SECONDS": str(spec.transform.data_key_seconds),
                    **({"SUBJECTS_TABLE": args.subjects.name} if args.subjects else {}),
                    **({"COUNTRY": country} if (country := spec.transform.country) else {}),
                },
                memory_mb=spec.transform.memory_mb,
                timeout_seconds=spec.transform.timeout_seconds,
            ),
            pulumi.ResourceOptions(parent=self),
        )
        self._map(name, args, made.function, expired)
        self._alarms(name, args, made.function, expired)
        self.register_outputs({"function": made.function.name, "protected": self.protected.name})

    def _map(
        self, name: str, args: TransformArgs, function: aws.lambda_.Function, expired: aws.sqs.Queue
    ) -> None:
        transform = args.spec.transform
        aws.lambda_.EventSourceMapping(
            name,
            event_source_arn=args.ingress.id,
            function_name=function.arn,
            starting_position="TRIM_HORIZON",
            batch_size=transform.batch_records,
            maximum_batching_window_in_seconds=transform.batch_seconds,
            parallelization_factor=transform.batches_per_shard,
            function_response_types=["ReportBatchItemFailures"],
            bisect_batch_on_function_error=True,
            maximum_retry_attempts=-1,
            # Before the stream forgets it, so that its position is kept.
            maximum_record_age_in_seconds=min(OLDEST, args.spec.streams.retention_hours * HOUR - HOUR),
            destination_config={"on_failure": {"destination_arn": expired.arn}},
            tags=args.context.tagged(naming.INTERNAL),
            opts=pulumi.ResourceOptions(parent=self, depends_on=[args.token_key]),
        )

    def _alarms(
        self, name: str, args: TransformArgs, function: aws.lambda_.Function, expired: aws.sqs.Queue
    ) -> None:
        source, settings = args.spec.source, args.context.settings.alarms
        of_function = {"FunctionName": function.name}
        alarms = {
            "late": Alarm(
                says=f"Records of {source} wait more than {settings.late_minutes} minutes to be protected",
                namespace="AWS/Lambda",
                metric="IteratorAge",
                dimensions=of_function,
                above=settings.late_minutes * 60 * 1000,
            ),
            "failing": Alarm(
                says=f"The transform of {source} fails, minute after minute",
                namespace="AWS/Lambda",
                metric="Errors",
                dimensions=of_function,
                statistic="Sum",
                periods=5,
            ),
            "expired": waiting(f"Records of {source} expired before they could be protected", expired),
            "quarantined": Alarm(
                says=f"Many records of {source} break their contract",
                namespace=METRICS,
                metric="Quarantined",
                dimensions={"service": "transform", "source": source},
                above=settings.quarantined_per_minute,
                statistic="Sum",
                periods=5,
            ),
            "throttled": Alarm(
                says=f"Producers of {source} are refused: its ingress stream is too small",
                namespace="AWS/Kinesis",
                metric="WriteProvisionedThroughputExceeded",
                dimensions={"StreamName": args.ingress.name},
                statistic="Sum",
                periods=5,
            ),
        }
        for kind, alarm in alarms.items():
            sound(f"{name}-{kind}", alarm, args.context, args.alarms, self)


def _statements(args: TransformArgs, protected: Stream, expired: aws.sqs.Queue) -> tuple[Statement, ...]:
    context, spec, keys = args.context, args.spec, args.keys
    oversize = pulumi.Output.concat(spec.oversize.id, "/", OVERSIZE_PREFIX, "*")
    return (
        allow("ReadIngress", READ_STREAM, args.ingress.id),
        allow("WriteProtected", ["kinesis:PutRecords"], protected.id),
        allow(
            "WrapDataKeys",
            ["kms:Encrypt"],
            keys.pii.arn,
            conditions=encryption_context(spec.source),
        ),
        allow("ReadTokenKey", ["secretsmanager:GetSecretValue"], args.token_key.secret.arn),
        # A transaction is allowed by what is in it; that a put replaces nothing, no policy can ask.
        *([allow("EnsureSubjects", ENSURE, args.subjects.arn)] if args.subjects else []),
        allow(
            "InMotion",
            ENCRYPT_AND_DECRYPT,
            keys.operations.arn,
            conditions=via(
                context, *(["dynamodb"] if args.subjects else []), "kinesis", "secretsmanager", "sqs"
            ),
        ),
        allow("PutOversize", ["s3:PutObject"], oversize),
        allow(
            "EncryptOversize",
            ["kms:GenerateDataKey"],
            keys.landing.arn,
            conditions=via(context, "s3"),
        ),
        allow("TellExpired", ["sqs:SendMessage"], expired.arn),
    )
