"""The audit trail: CloudTrail into a locked bucket of its own, and into a log that alarms watch.

It records every management event, KMS among them (each use of a key is one), and what is done to the landing
zone's objects. CloudTrail never waits for who reads it: a file follows within minutes, a log event sooner.
"""

from dataclasses import dataclass

import pulumi
import pulumi_aws as aws

from components import naming
from components.aws.alarms import Alarm, sound
from components.aws.buckets import BucketArgs, nobody_deletes, only_tls, safe_bucket
from components.aws.context import Context
from components.aws.iam import Statement, allow, role, trust
from components.aws.keys import Keys
from components.aws.watched import Guarded, watched
from components.pattern import AuditSpec, AuditTrail, LandingZone

SERVICE = "cloudtrail"


@dataclass(frozen=True, kw_only=True)
class AuditArgs:
    """How the trail is kept, what it looks at, and where its alarms sound."""

    context: Context
    spec: AuditSpec
    zone: LandingZone
    keys: Keys
    alarms: pulumi.Input[str]


class Audit(pulumi.ComponentResource):
    """A trail with its bucket, its log, and the alarms on what it says."""

    trail: AuditTrail

    def __init__(self, name: str, args: AuditArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("retaillake:aws:Audit", name, {}, opts)
        if args.keys.audit is None:
            raise ValueError("a stack without a trail has no key for one")
        context, key = args.context, args.keys.audit
        bucket, ready = self._bucket(name, args, key)
        group = aws.cloudwatch.LogGroup(
            name,
            name=f"/aws/cloudtrail/{context.trail_name}",
            retention_in_days=context.settings.logs.retention_days,
            kms_key_id=args.keys.operations.arn,
            tags=context.tagged(naming.INTERNAL),
            opts=pulumi.ResourceOptions(parent=self),
        )
        writer, policy = role(
            name,
            context,
            trust=trust(SERVICE, _only_the_trail(context)),
            purpose="Writes the audit trail to its log",
            statements=[
                allow(
                    "Log",
                    ["logs:CreateLogStream", "logs:PutLogEvents"],
                    pulumi.Output.concat(group.arn, ":log-stream:", context.account, "_CloudTrail_*"),
                )
            ],
            parent=self,
        )
        trail = aws.cloudtrail.Trail(
            name,
            name=context.trail_name,
            s3_bucket_name=bucket.bucket,
            kms_key_id=key.arn,
            enable_logging=True,
            enable_log_file_validation=True,
            is_multi_region_trail=args.spec.audit.multi_region,
            include_global_service_events=True,
            cloud_watch_logs_group_arn=pulumi.Output.concat(group.arn, ":*"),
            cloud_watch_logs_role_arn=writer.arn,
            advanced_event_selectors=_selectors(args.zone),
            tags=context.tagged(naming.INTERNAL),
            opts=pulumi.ResourceOptions(parent=self, depends_on=[*ready, policy]),
        )
        self._watch(name, args, bucket, group)
        self.trail = AuditTrail(
            name=trail.name,
            url=pulumi.Output.concat("s3://", bucket.bucket, "/AWSLogs/", context.account, "/"),
            log=group.name,
        )
        self.register_outputs({"trail": trail.arn, "bucket": bucket.bucket})

    def _bucket(
        self, name: str, args: AuditArgs, key: aws.kms.Key
    ) -> tuple[aws.s3.Bucket, tuple[pulumi.Resource, ...]]:
        audit = args.spec.audit
        retention = {
            "id": "retention",
            "status": "Enabled",
            "filter": {"prefix": ""},
            "abort_incomplete_multipart_upload": {"days_after_initiation": 7},
            # A day later than the lock, which a rule could not end.
            "expiration": {"days": audit.retention_days + 1},
            "noncurrent_version_expiration": {"noncurrent_days": 1},
        }
        return safe_bucket(
            name,
            BucketArgs(
                key=key,
                statements=lambda bucket: _statements(bucket, args),
                lock=(audit.lock_mode, audit.retention_days),
                lifecycle=[retention],
                force_destroy=audit.force_destroy,
                protect=args.spec.protect,
                tags=args.context.tagged(naming.INTERNAL),
            ),
            self,
        )

    def _watch(
        self, name: str, args: AuditArgs, bucket: aws.s3.Bucket, group: aws.cloudwatch.LogGroup
    ) -> None:
        """Sound an alarm for each thing that somebody must hear of, when the trail's log tells of it."""
        context = args.context
        guarded = pulumi.Output.all(
            pii=args.keys.pii.key_id,
            keys=[key.key_id for key in args.keys.all],
            zone=args.zone.name,
            bucket=bucket.bucket,
            log=group.name,
            trail=context.trail_name,
            roles=context.role_prefix,
        ).apply(lambda known: Guarded(**known))
        for watch in watched(guarded):
            aws.cloudwatch.LogMetricFilter(
                f"{name}-{watch.name}",
                name=f"{name}-{watch.name}",
                log_group_name=group.name,
                pattern=watch.pattern,
                metric_transformation={"name": watch.name, "namespace": name, "value": "1"},
                opts=pulumi.ResourceOptions(parent=self),
            )
            alarm = Alarm(
                says=watch.says,
                namespace=name,
                metric=watch.name,
                dimensions={},
                statistic="Sum",
                # An event may be some minutes on its way.
                minutes=5,
            )
            sound(f"{name}-{watch.name}", alarm, context, args.alarms, self)


def _selectors(zone: LandingZone) -> list[aws.cloudtrail.TrailAdvancedEventSelectorArgsDict]:
    """Return what is recorded: no management event is left out, those of KMS least of all."""
    return [
        {
            "name": "What is done to the account, its keys included",
            "field_selectors": [{"field": "eventCategory", "equals": ["Management"]}],
        },
        {
            "name": "What is done to the landing zone's objects",
            "field_selectors": [
                {"field": "eventCategory", "equals": ["Data"]},
                {"field": "resources.type", "equals": ["AWS::S3::Object"]},
                {"field": "resources.ARN", "starts_withs": [pulumi.Output.concat(zone.id, "/")]},
            ],
        },
    ]


def _only_the_trail(context: Context) -> dict[str, dict[str, str]]:
    return {"StringEquals": {"aws:SourceArn": context.trail_arn}}


def _statements(bucket: aws.s3.Bucket, args: AuditArgs) -> list[Statement]:
    context, service = args.context, {"Service": f"{SERVICE}.amazonaws.com"}
    trail = _only_the_trail(context)
    files = pulumi.Output.concat(bucket.arn, "/AWSLogs/", context.account, "/*")
    owned = {"s3:x-amz-acl": "bucket-owner-full-control"}
    statements = [
        only_tls(bucket),
        allow("Look", ["s3:GetBucketAcl"], bucket.arn, principal=service, conditions=trail),
        allow(
            "Write",
            ["s3:PutObject"],
            files,
            principal=service,
            conditions={"StringEquals": {**trail["StringEquals"], **owned}},
        ),
    ]
    if not args.spec.audit.force_destroy:
        statements.append(nobody_deletes(bucket))
    return statements
