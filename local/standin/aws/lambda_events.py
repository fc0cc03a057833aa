"""What invokes a Lambda function: event source mappings and permissions."""

from __future__ import annotations

import json
import uuid
from collections.abc import Mapping
from typing import Any, ClassVar

from ..adapter import Computed, Inputs, Outputs, Place, register
from .client import EVERYWHERE, ID, TAGGED, Aws, AwsAdapter, Call, Props, call, lowered

MISSING = ("ResourceNotFoundException",)


@register
class EventSourceMapping(AwsAdapter):
    """What feeds a function from a stream or a queue."""

    type = "aws:lambda/eventSourceMapping:EventSourceMapping"
    service = "lambda"
    replace_on = frozenset({"eventSourceArn", "startingPosition", "startingPositionTimestamp", "region"})
    computed: ClassVar[Mapping[str, Computed]] = {
        **TAGGED,
        "uuid": lambda place, rid, inputs: rid,
        "arn": lambda place, rid, inputs: place.arn("lambda", f"event-source-mapping:{rid}"),
        "functionArn": lambda place, rid, inputs: _function_arn(place, inputs["functionName"]),
        "state": lambda place, rid, inputs: "Enabled" if inputs.get("enabled", True) else "Disabled",
    }

    def record_id(self, place: Place, urn_name: str, inputs: Inputs) -> str:
        """Return an id of the form that the service gives."""
        return str(uuid.uuid5(uuid.NAMESPACE_URL, f"{place.account}/{place.region}/mapping/{urn_name}"))

    def calls(self, p: Props) -> list[Call]:
        """Make the mapping."""
        starts = p.params(
            eventSourceArn="EventSourceArn",
            startingPosition="StartingPosition",
            startingPositionTimestamp="StartingPositionTimestamp",
        )
        return [call("create_event_source_mapping", **starts, **_settings(p), Tags=p.take("tags"))]

    def rid(self, aws: Aws, inputs: Inputs, answer: Mapping[str, Any]) -> str:
        """Return the mapping's id."""
        return answer["UUID"]

    def changes(self, old: Props, new: Props) -> list[Call]:
        """State all settings again."""
        return [call("update_event_source_mapping", UUID=ID, **_settings(new))]

    def read(self, cloud: Aws, rid: str, inputs: Inputs) -> Outputs | None:
        """Get the mapping."""
        found = cloud.ask("lambda", "get_event_source_mapping", UUID=rid, missing=MISSING)
        if found is None or found.get("State") == "Deleting":
            return None
        seen = lowered({key: value for key, value in found.items() if key != "ResponseMetadata"})
        failure = found.get("DestinationConfig", {}).get("OnFailure", {}).get("Destination")
        if failure:
            seen["destinationConfig"] = {"onFailure": {"destinationArn": failure}}
        arn = found["FunctionArn"]
        name = str(inputs.get("functionName", ""))
        return {
            **{key: value for key, value in seen.items() if key not in ("uUID", "lastModified")},
            "region": inputs.get("region", cloud.place.region),
            "uuid": rid,
            "arn": cloud.place.arn("lambda", f"event-source-mapping:{rid}"),
            "functionName": arn if name.startswith("arn:") else arn.rsplit(":", 1)[-1],
            "functionArn": arn,
            "enabled": found.get("State") in ("Enabled", "Enabling", "Creating", "Updating"),
            "tags": inputs.get("tags", {}),
            "tagsAll": inputs.get("tags", {}),
        }

    def removal(self, rid: str, inputs: Inputs) -> list[Call]:
        """Delete it."""
        return [call("delete_event_source_mapping", UUID=rid, allow=MISSING)]


def _settings(p: Props) -> dict[str, Any]:
    sent = p.params(
        functionName="FunctionName",
        enabled="Enabled",
        batchSize="BatchSize",
        maximumBatchingWindowInSeconds="MaximumBatchingWindowInSeconds",
        maximumRetryAttempts="MaximumRetryAttempts",
        maximumRecordAgeInSeconds="MaximumRecordAgeInSeconds",
        bisectBatchOnFunctionError="BisectBatchOnFunctionError",
        parallelizationFactor="ParallelizationFactor",
        functionResponseTypes="FunctionResponseTypes",
        tumblingWindowInSeconds="TumblingWindowInSeconds",
        kmsKeyArn="KMSKeyArn",
    )
    destination = p.block("destinationConfig").block("onFailure").take("destinationArn")
    if destination:
        sent["DestinationConfig"] = {"OnFailure": {"Destination": destination}}
    for name in ("filterCriteria", "metricsConfig", "scalingConfig"):
        if block := p.capitalised(name):
            sent[name[:1].upper() + name[1:]] = block
    return sent


def _function_arn(place: Place, name: str) -> str:
    return name if name.startswith("arn:") else place.arn("lambda", f"function:{name}")


@register
class Permission(AwsAdapter):
    """Leave for a service to invoke a function."""

    type = "aws:lambda/permission:Permission"
    service = "lambda"
    autoname = "statementId"
    replace_on = frozenset(
        {
            "action",
            "function",
            "principal",
            "sourceArn",
            "sourceAccount",
            "statementId",
            "qualifier",
            "region",
        }
    )
    exists = ("ResourceConflictException",)
    computed: ClassVar[Mapping[str, Computed]] = EVERYWHERE

    def identity(self, inputs: Inputs) -> str | None:
        """Return function and statement."""
        return f"{inputs['function']}/{inputs['statementId']}" if "function" in inputs else None

    def record_id(self, place: Place, urn_name: str, inputs: Inputs) -> str:
        """Return the statement's id."""
        return inputs["statementId"]

    def rid(self, aws: Aws, inputs: Inputs, answer: Mapping[str, Any]) -> str:
        """Return the statement's id."""
        return inputs["statementId"]

    def calls(self, p: Props) -> list[Call]:
        """Add the statement to the function's policy."""
        sent = p.params(
            action="Action",
            function="FunctionName",
            principal="Principal",
            sourceArn="SourceArn",
            sourceAccount="SourceAccount",
            statementId="StatementId",
            qualifier="Qualifier",
            principalOrgId="PrincipalOrgID",
        )
        return [call("add_permission", **sent)]

    def read(self, cloud: Aws, rid: str, inputs: Inputs) -> Outputs | None:
        """Find the statement in the function's policy."""
        where = {"FunctionName": inputs["function"]}
        found = cloud.ask("lambda", "get_policy", **where, missing=MISSING)
        statements = json.loads(found["Policy"])["Statement"] if found else []
        statement = next((one for one in statements if one["Sid"] == rid), None)
        if statement is None:
            return None
        condition = {
            key: value for test in statement.get("Condition", {}).values() for key, value in test.items()
        }
        principal = statement["Principal"]
        return {
            "region": inputs.get("region", cloud.place.region),
            "statementId": rid,
            "action": statement["Action"],
            "function": inputs["function"],
            "principal": principal if isinstance(principal, str) else next(iter(principal.values())),
            "sourceArn": _either(condition, "AWS:SourceArn"),
            "sourceAccount": _either(condition, "AWS:SourceAccount"),
            "principalOrgId": _either(condition, "aws:PrincipalOrgID"),
        }

    def removal(self, rid: str, inputs: Inputs) -> list[Call]:
        """Remove the statement."""
        return [call("remove_permission", FunctionName=inputs["function"], StatementId=rid, allow=MISSING)]


def _either(condition: Mapping[str, Any], name: str) -> Any:
    return next((value for key, value in condition.items() if key.lower() == name.lower()), None)
