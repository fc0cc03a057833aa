"""CloudWatch: log groups and alarms."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from ..adapter import Computed, Inputs, Outputs, Place, register
from .client import EVERYWHERE, ID, TAGGED, Aws, AwsAdapter, Call, Props, call, lowered, pairs, unpaired

MISSING = ("ResourceNotFoundException", "ResourceNotFound")


@register
class LogGroup(AwsAdapter):
    """A group of logs."""

    type = "aws:cloudwatch/logGroup:LogGroup"
    service = "logs"
    autoname = "name"
    replace_on = frozenset({"name", "logGroupClass", "region"})
    exists = ("ResourceAlreadyExistsException",)
    unread: ClassVar[Mapping[str, str]] = {"skipDestroy": "is used when the group is deleted"}
    computed: ClassVar[Mapping[str, Computed]] = {
        **TAGGED,
        "arn": lambda place, rid, inputs: place.arn("logs", f"log-group:{rid}"),
    }

    def calls(self, p: Props) -> list[Call]:
        """Make the group; then say how long it keeps."""
        p.take("skipDestroy")
        names = p.params(
            name="logGroupName",
            kmsKeyId="kmsKeyId",
            logGroupClass="logGroupClass",
            deletionProtectionEnabled="deletionProtectionEnabled",
        )
        calls = [call("create_log_group", **names, tags=p.take("tags"))]
        if days := p.take("retentionInDays"):
            off = call("delete_retention_policy", logGroupName=ID)
            calls.append(call("put_retention_policy", logGroupName=ID, retentionInDays=days, undo=off))
        return calls

    def update(self, cloud: Aws, rid: str, old: Inputs, new: Inputs) -> None:
        """Change retention, key and tags."""
        super().update(cloud, rid, old, new)
        if (key := new.get("kmsKeyId")) != old.get("kmsKeyId"):
            if key:
                cloud.ask("logs", "associate_kms_key", logGroupName=rid, kmsKeyId=key)
            else:
                cloud.ask("logs", "disassociate_kms_key", logGroupName=rid)
        before, after = old.get("tags", {}), new.get("tags", {})
        arn = cloud.place.arn("logs", f"log-group:{rid}")
        if gone := [*(before.keys() - after.keys())]:
            cloud.ask("logs", "untag_resource", resourceArn=arn, tagKeys=gone)
        if after and before != after:
            cloud.ask("logs", "tag_resource", resourceArn=arn, tags=after)

    def read(self, cloud: Aws, rid: str, inputs: Inputs) -> Outputs | None:
        """Find the group among those whose names begin so."""
        found = cloud.ask("logs", "describe_log_groups", logGroupNamePrefix=rid)["logGroups"]
        group = next((one for one in found if one["logGroupName"] == rid), None)
        if group is None:
            return None
        arn = group["arn"].removesuffix(":*")
        tags = cloud.ask("logs", "list_tags_for_resource", resourceArn=arn)["tags"]
        return {
            "region": inputs.get("region", cloud.place.region),
            "name": rid,
            "arn": arn,
            "retentionInDays": group.get("retentionInDays", 0),
            "kmsKeyId": group.get("kmsKeyId"),
            "logGroupClass": group.get("logGroupClass"),
            "deletionProtectionEnabled": group.get("deletionProtectionEnabled", False),
            "tags": tags,
            "tagsAll": tags,
        }

    def removal(self, rid: str, inputs: Inputs) -> list[Call]:
        """Delete it."""
        return (
            [] if inputs.get("skipDestroy") else [call("delete_log_group", logGroupName=rid, allow=MISSING)]
        )


class InGroup(AwsAdapter):
    """Something in a group of logs; its name is unique in its group only."""

    service = "logs"
    autoname = "name"
    replace_on = frozenset({"name", "logGroupName", "region"})
    computed: ClassVar[Mapping[str, Computed]] = EVERYWHERE

    def identity(self, inputs: Inputs) -> str | None:
        """Return group and name."""
        return f"{inputs['logGroupName']}:{inputs['name']}" if "logGroupName" in inputs else None

    def record_id(self, place: Place, urn_name: str, inputs: Inputs) -> str:
        """Return the name, as the provider does."""
        return inputs["name"]

    def rid(self, aws: Aws, inputs: Inputs, answer: Mapping[str, Any]) -> str:
        """Return the name, as the provider does."""
        return inputs["name"]


@register
class LogStream(InGroup):
    """A stream of a group of logs; its name is unique in its group only."""

    type = "aws:cloudwatch/logStream:LogStream"
    exists = ("ResourceAlreadyExistsException",)
    computed: ClassVar[Mapping[str, Computed]] = {
        **EVERYWHERE,
        "arn": lambda place, rid, inputs: place.arn(
            "logs", f"log-group:{inputs['logGroupName']}:log-stream:{inputs['name']}"
        ),
    }

    def calls(self, p: Props) -> list[Call]:
        """Make the stream."""
        return [call("create_log_stream", **p.params(name="logStreamName", logGroupName="logGroupName"))]

    def read(self, cloud: Aws, rid: str, inputs: Inputs) -> Outputs | None:
        """Find the stream among those whose names begin so."""
        group = inputs["logGroupName"]
        where = {"logGroupName": group, "logStreamNamePrefix": rid}
        found = cloud.ask("logs", "describe_log_streams", **where, missing=MISSING) or {"logStreams": []}
        stream = next((one for one in found["logStreams"] if one["logStreamName"] == rid), None)
        if stream is None:
            return None
        region = inputs.get("region", cloud.place.region)
        return {"region": region, "name": rid, "logGroupName": group, "arn": stream["arn"]}

    def removal(self, rid: str, inputs: Inputs) -> list[Call]:
        """Delete it."""
        group = inputs["logGroupName"]
        return [call("delete_log_stream", logGroupName=group, logStreamName=rid, allow=MISSING)]


@register
class MetricAlarm(AwsAdapter):
    """An alarm on a metric."""

    type = "aws:cloudwatch/metricAlarm:MetricAlarm"
    service = "cloudwatch"
    autoname = "name"
    makes = False
    replace_on = frozenset({"name", "region"})
    computed: ClassVar[Mapping[str, Computed]] = {
        **TAGGED,
        "arn": lambda place, rid, inputs: place.arn("cloudwatch", f"alarm:{rid}"),
    }
    names: ClassVar[Mapping[str, str]] = {
        "name": "AlarmName",
        "comparisonOperator": "ComparisonOperator",
        "evaluationPeriods": "EvaluationPeriods",
        "datapointsToAlarm": "DatapointsToAlarm",
        "threshold": "Threshold",
        "metricName": "MetricName",
        "namespace": "Namespace",
        "period": "Period",
        "statistic": "Statistic",
        "extendedStatistic": "ExtendedStatistic",
        "unit": "Unit",
        "treatMissingData": "TreatMissingData",
        "alarmDescription": "AlarmDescription",
        "actionsEnabled": "ActionsEnabled",
        "alarmActions": "AlarmActions",
        "okActions": "OKActions",
        "insufficientDataActions": "InsufficientDataActions",
        "thresholdMetricId": "ThresholdMetricId",
    }

    def calls(self, p: Props) -> list[Call]:
        """Put the alarm."""
        dimensions = pairs(p.take("dimensions"), "Name")
        queries = []
        for query in p.blocks("metricQueries"):
            sent = query.params(
                id="Id",
                expression="Expression",
                label="Label",
                period="Period",
                returnData="ReturnData",
                accountId="AccountId",
            )
            if metric := query.block("metric"):
                about = metric.params(metricName="MetricName", namespace="Namespace")
                about["Dimensions"] = pairs(metric.take("dimensions", {}), "Name") or []
                sent["MetricStat"] = {
                    "Metric": about,
                    **metric.params(period="Period", stat="Stat", unit="Unit"),
                }
            queries.append(sent)
        sent = p.params(**self.names)
        return [
            call(
                "put_metric_alarm",
                **sent,
                Dimensions=dimensions,
                Metrics=queries or None,
                Tags=pairs(p.take("tags")),
            )
        ]

    def update(self, cloud: Aws, rid: str, old: Inputs, new: Inputs) -> None:
        """Put the alarm again, and its tags by calls of their own: putting takes them only the first time."""
        super().update(cloud, rid, old, new)
        before, after = old.get("tags", {}), new.get("tags", {})
        arn = cloud.place.arn("cloudwatch", f"alarm:{rid}")
        if gone := [*(before.keys() - after.keys())]:
            cloud.ask("cloudwatch", "untag_resource", ResourceARN=arn, TagKeys=gone)
        if after and before != after:
            cloud.ask("cloudwatch", "tag_resource", ResourceARN=arn, Tags=pairs(after))

    def read(self, cloud: Aws, rid: str, inputs: Inputs) -> Outputs | None:
        """Describe the alarm."""
        found = cloud.ask("cloudwatch", "describe_alarms", AlarmNames=[rid])["MetricAlarms"]
        if not found:
            return None
        alarm = found[0]
        tags = unpaired(
            cloud.ask("cloudwatch", "list_tags_for_resource", ResourceARN=alarm["AlarmArn"])["Tags"]
        )
        return {
            "region": inputs.get("region", cloud.place.region),
            "arn": alarm["AlarmArn"],
            "dimensions": unpaired(alarm.get("Dimensions", []), "Name"),
            "metricQueries": [_query(one) for one in alarm.get("Metrics", [])],
            "tags": tags,
            "tagsAll": tags,
            **{name: alarm.get(api) for name, api in self.names.items()},
        }

    def removal(self, rid: str, inputs: Inputs) -> list[Call]:
        """Delete it."""
        return [call("delete_alarms", AlarmNames=[rid], allow=MISSING)]


def _query(one: dict) -> Outputs:
    seen = lowered({key: value for key, value in one.items() if key != "MetricStat"})
    if stat := one.get("MetricStat"):
        metric = stat["Metric"]
        seen["metric"] = {
            "metricName": metric.get("MetricName"),
            "namespace": metric.get("Namespace"),
            "dimensions": unpaired(metric.get("Dimensions", []), "Name"),
            **lowered({key: stat[key] for key in ("Period", "Stat", "Unit") if key in stat}),
        }
    return seen
