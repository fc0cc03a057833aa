"""CloudTrail, and the filters that make metrics of what stands in a log.

The emulator keeps what a trail is told and writes no files: on a laptop nothing is recorded, and no filter
counts anything.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from ..adapter import Computed, Inputs, Outputs, Place, register
from .client import ID, TAGGED, Aws, AwsAdapter, Call, Props, call, pairs, unpaired
from .watch import InGroup

NO_TRAIL = ("TrailNotFoundException",)
NO_FILTER = ("ResourceNotFoundException",)
# What is recorded where nothing is said.
MANAGEMENT = [{"ReadWriteType": "All", "IncludeManagementEvents": True}]
FIELDS = {
    "field": "Field",
    "equals": "Equals",
    "notEquals": "NotEquals",
    "startsWiths": "StartsWith",
    "notStartsWiths": "NotStartsWith",
    "endsWiths": "EndsWith",
    "notEndsWiths": "NotEndsWith",
}
BASIC = {
    "readWriteType": "ReadWriteType",
    "includeManagementEvents": "IncludeManagementEvents",
    "excludeManagementEventSources": "ExcludeManagementEventSources",
}


@register
class Trail(AwsAdapter):
    """A trail; its id is its ARN."""

    type = "aws:cloudtrail/trail:Trail"
    service = "cloudtrail"
    autoname = "name"
    replace_on = frozenset({"name", "region"})
    exists = ("TrailAlreadyExistsException",)
    computed: ClassVar[Mapping[str, Computed]] = {
        **TAGGED,
        "arn": lambda place, rid, inputs: rid,
        "homeRegion": lambda place, rid, inputs: inputs.get("region", place.region),
    }
    names: ClassVar[Mapping[str, str]] = {
        "name": "Name",
        "s3BucketName": "S3BucketName",
        "s3KeyPrefix": "S3KeyPrefix",
        "snsTopicName": "SnsTopicName",
        "includeGlobalServiceEvents": "IncludeGlobalServiceEvents",
        "isMultiRegionTrail": "IsMultiRegionTrail",
        "isOrganizationTrail": "IsOrganizationTrail",
        "kmsKeyId": "KmsKeyId",
        "cloudWatchLogsGroupArn": "CloudWatchLogsLogGroupArn",
        "cloudWatchLogsRoleArn": "CloudWatchLogsRoleArn",
        "enableLogFileValidation": "EnableLogFileValidation",
    }

    def record_id(self, place: Place, urn_name: str, inputs: Inputs) -> str:
        """Return the ARN."""
        return place.arn("cloudtrail", f"trail/{inputs['name']}")

    def rid(self, aws: Aws, inputs: Inputs, answer: Mapping[str, Any]) -> str:
        """Return the ARN."""
        return self.record_id(aws.place, "", inputs)

    def calls(self, p: Props) -> list[Call]:
        """Make the trail, say what it records, and start it."""
        told = p.params(**self.names)
        # The emulator keeps where the log is only of an update.
        calls = [call("create_trail", **told), call("update_trail", **told)]
        selectors = self._selectors(p)
        if selectors:
            off = call("put_event_selectors", TrailName=ID, EventSelectors=MANAGEMENT)
            calls.append(call("put_event_selectors", TrailName=ID, **selectors, undo=off))
        if p.take("enableLogging", True):
            calls.append(call("start_logging", Name=ID, undo=call("stop_logging", Name=ID)))
        if tags := pairs(p.take("tags")):
            calls.append(call("add_tags", ResourceId=ID, TagsList=tags))
        return calls

    def _selectors(self, p: Props) -> dict[str, Any]:
        advanced = [
            {
                **one.params(name="Name"),
                "FieldSelectors": [each.params(**FIELDS) for each in one.blocks("fieldSelectors")],
            }
            for one in p.blocks("advancedEventSelectors")
        ]
        basic = [
            {
                **one.params(**BASIC),
                "DataResources": [
                    each.params(type="Type", values="Values") for each in one.blocks("dataResources")
                ],
            }
            for one in p.blocks("eventSelectors")
        ]
        given = {"AdvancedEventSelectors": advanced, "EventSelectors": basic}
        return {name: value for name, value in given.items() if value}

    def changes(self, old: Props, new: Props) -> list[Call]:
        """Take tags away."""
        gone = old.take("tags", {}).keys() - new.take("tags", {}).keys()
        return [call("remove_tags", ResourceId=ID, TagsList=[{"Key": key} for key in gone])] if gone else []

    def read(self, cloud: Aws, rid: str, inputs: Inputs) -> Outputs | None:
        """Ask for the trail, what it records, whether it does, and its tags."""
        found = cloud.ask("cloudtrail", "get_trail", Name=rid, missing=NO_TRAIL)
        if found is None:
            return None
        trail = {**found["Trail"], "EnableLogFileValidation": found["Trail"]["LogFileValidationEnabled"]}
        tagged = cloud.ask("cloudtrail", "list_tags", ResourceIdList=[rid])["ResourceTagList"]
        tags = unpaired(tagged[0]["TagsList"])
        selectors = cloud.ask("cloudtrail", "get_event_selectors", TrailName=rid)
        basic = [_basic(one) for one in selectors.get("EventSelectors", [])]
        return {
            "region": inputs.get("region", cloud.place.region),
            "arn": trail["TrailARN"],
            "homeRegion": trail["HomeRegion"],
            **{name: trail.get(api) for name, api in self.names.items()},
            "enableLogging": cloud.ask("cloudtrail", "get_trail_status", Name=rid)["IsLogging"],
            "advancedEventSelectors": [_advanced(one) for one in selectors.get("AdvancedEventSelectors", [])],
            "eventSelectors": basic if "eventSelectors" in inputs else [],
            "tags": tags,
            "tagsAll": tags,
        }

    def removal(self, rid: str, inputs: Inputs) -> list[Call]:
        """Delete it; its files stay."""
        return [call("delete_trail", Name=rid, allow=NO_TRAIL)]


def _advanced(one: Mapping[str, Any]) -> Outputs:
    fields = [
        {name: each[api] for name, api in FIELDS.items() if api in each} for each in one["FieldSelectors"]
    ]
    return {"name": one.get("Name"), "fieldSelectors": fields}


def _basic(one: Mapping[str, Any]) -> Outputs:
    resources = [{"type": each["Type"], "values": each["Values"]} for each in one.get("DataResources", [])]
    return {**{name: one.get(api) for name, api in BASIC.items()}, "dataResources": resources}


@register
class MetricFilter(InGroup):
    """A filter over a log."""

    type = "aws:cloudwatch/logMetricFilter:LogMetricFilter"
    makes = False

    def calls(self, p: Props) -> list[Call]:
        """Put the filter."""
        block = p.block("metricTransformation")
        metric = block.params(
            name="metricName", namespace="metricNamespace", value="metricValue", unit="unit"
        )
        metric |= block.params(dimensions="dimensions")
        # The provider has the number as text.
        if (default := block.take("defaultValue")) is not None:
            metric["defaultValue"] = float(default)
        names = p.params(
            name="filterName",
            logGroupName="logGroupName",
            pattern="filterPattern",
            applyOnTransformedLogs="applyOnTransformedLogs",
        )
        return [call("put_metric_filter", **names, metricTransformations=[metric])]

    def read(self, cloud: Aws, rid: str, inputs: Inputs) -> Outputs | None:
        """Find the filter among those of its group whose names begin so."""
        group = inputs["logGroupName"]
        where = {"logGroupName": group, "filterNamePrefix": rid}
        found = cloud.ask("logs", "describe_metric_filters", **where, missing=NO_FILTER)
        filters = found["metricFilters"] if found else []
        one = next((each for each in filters if each["filterName"] == rid), None)
        if one is None:
            return None
        (metric,) = one["metricTransformations"]
        default = metric.get("defaultValue")
        return {
            "region": inputs.get("region", cloud.place.region),
            "name": rid,
            "logGroupName": group,
            "pattern": one["filterPattern"],
            "applyOnTransformedLogs": one.get("applyOnTransformedLogs"),
            "metricTransformation": {
                "name": metric["metricName"],
                "namespace": metric["metricNamespace"],
                "value": metric["metricValue"],
                "defaultValue": None if default is None else f"{default:g}",
                "unit": metric.get("unit"),
                "dimensions": metric.get("dimensions"),
            },
        }

    def removal(self, rid: str, inputs: Inputs) -> list[Call]:
        """Delete it."""
        group = inputs["logGroupName"]
        return [call("delete_metric_filter", logGroupName=group, filterName=rid, allow=NO_FILTER)]
