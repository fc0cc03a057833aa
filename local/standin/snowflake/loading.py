"""File formats, stages, pipes: the way in."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, ClassVar

from ..adapter import Computed, Inputs, Outputs, Place, invoke, register
from ..props import Props
from .account import Recorded
from .client import NAMED, SnowflakeAdapter, Warehouse, altered, as_given, base, holder, options, spelled
from .names import camel, literal, requalified, row, snake


@register
class FileFormatJson(SnowflakeAdapter):
    """A file format for JSON."""

    type = "snowflake:index/fileFormatJson:FileFormatJson"
    kind = "FILE FORMAT"
    words = frozenset({"compression", "binaryFormat"})
    said = (
        "compression",
        "dateFormat",
        "timeFormat",
        "timestampFormat",
        "binaryFormat",
        "trimSpace",
        "multiLine",
        "nullIfs",
        "fileExtension",
        "enableOctal",
        "allowDuplicate",
        "stripOuterArray",
        "stripNullValues",
        "replaceInvalidCharacters",
        "ignoreUtf8Errors",
        "skipByteOrderMark",
        "comment",
    )

    def statements(self, p: Props) -> list[str]:
        """Create it."""
        return [f"CREATE FILE FORMAT {holder(p)} TYPE = JSON{spelled(self._options(p))}"]

    def alterations(self, rid: str, old: Props, new: Props) -> list[str]:
        """Alter the options."""
        return altered(self.kind, rid, self._options(old), self._options(new))

    def _options(self, p: Props) -> dict[str, str]:
        said = options(p, *self.said, bare=self.words)
        names = {"NULL_IFS": "NULL_IF", "IGNORE_UTF8_ERRORS": "IGNORE_UTF8_ERRORS"}
        return {names.get(name, name): value for name, value in said.items()}

    def read(self, cloud: Warehouse, rid: str, inputs: Inputs) -> Outputs | None:
        """Show and describe it."""
        shown = self.shown(cloud, rid)
        if shown is None:
            return None
        said = {one["property"].upper(): one["property_value"] for one in self.described(cloud, rid)}
        values = {name: said.get(snake(name)) for name in self.said if name not in ("comment", "nullIfs")}
        nulls = str(said.get("NULL_IF") or "").strip("[]() ")
        return {
            **base(rid, shown),
            **values,
            "nullIfs": [one.strip().strip("'") for one in nulls.split(",") if one.strip()],
            "type": said.get("TYPE"),
            "describeOutputs": [{camel(name): value for name, value in said.items()}],
            "showOutputs": [row(shown)],
        }


@register
class StageExternalS3(SnowflakeAdapter):
    """A stage on S3."""

    type = "snowflake:index/stageExternalS3:StageExternalS3"
    kind = "STAGE"

    def statements(self, p: Props) -> list[str]:
        """Create it."""
        return [f"CREATE STAGE {holder(p)}{spelled(self._options(p))}"]

    def alterations(self, rid: str, old: Props, new: Props) -> list[str]:
        """Alter the options."""
        return altered(self.kind, rid, self._options(old), self._options(new))

    def _options(self, p: Props) -> dict[str, str]:
        said = options(p, "url")
        if integration := p.take("storageIntegration"):
            said["STORAGE_INTEGRATION"] = requalified(integration)
        if (form := p.block("fileFormat")) and (name := form.take("formatName")):
            said["FILE_FORMAT"] = f"(FORMAT_NAME = {literal(requalified(name))})"
        if directory := p.block("directory"):
            said["DIRECTORY"] = f"({spelled(options(directory, 'enable', 'autoRefresh')).strip()})"
        return {**said, **options(p, "comment")}

    def read(self, cloud: Warehouse, rid: str, inputs: Inputs) -> Outputs | None:
        """Show and describe it."""
        shown = self.shown(cloud, rid)
        if shown is None:
            return None
        seen: Outputs = {
            **base(rid, shown),
            "url": shown.get("url"),
            "storageIntegration": _as_name(
                inputs.get("storageIntegration"), shown.get("storage_integration")
            ),
            "stageType": shown.get("type"),
            "cloud": shown.get("cloud"),
            "showOutputs": [row(shown)],
        }
        said = self.described(cloud, rid)
        form = next((one["property_value"] for one in said if one["property"].upper() == "FORMAT_NAME"), None)
        if form:
            given = (inputs.get("fileFormat") or {}).get("formatName")
            seen["fileFormat"] = {"formatName": _as_name(given, form)}
        if directory := {
            camel(one["property"]): str(one["property_value"]).lower() == "true"
            for one in said
            if one.get("parent_property", "").upper() == "DIRECTORY"
        }:
            seen["directory"] = directory
        return seen


@register
class FileFormatAvro(Recorded, SnowflakeAdapter):
    """A file format for Avro."""

    type = "snowflake:index/fileFormatAvro:FileFormatAvro"
    kind = "FILE FORMAT"


@register
class StageExternalAzure(Recorded, SnowflakeAdapter):
    """A stage on a container of Azure."""

    type = "snowflake:index/stageExternalAzure:StageExternalAzure"
    kind = "STAGE"


def _as_name(given: str | None, seen: str | None) -> str | None:
    """Return a name as the program wrote it, if the service means the same."""
    if given and seen and requalified(given) == requalified(seen):
        return given
    return seen


@register
class Pipe(SnowflakeAdapter):
    """A pipe."""

    type = "snowflake:index/pipe:Pipe"
    kind = "PIPE"
    replace_on = frozenset(
        {"name", "database", "schema", "copyStatement", "autoIngest", "awsSnsTopicArn", "integration"}
    )
    unread: ClassVar[Mapping[str, str]] = {
        "awsSnsTopicArn": "what is shown is the queue that listens to the topic",
    }
    computed: ClassVar[Mapping[str, Computed]] = {
        **NAMED,
        "notificationChannel": lambda place, rid, inputs: _channel(place, inputs),
    }

    def statements(self, p: Props) -> list[str]:
        """Create it."""
        said = options(p, "autoIngest")
        if topic := p.take("awsSnsTopicArn"):
            said["AWS_SNS_TOPIC"] = literal(topic)
        copy = p.take("copyStatement")
        return [f"CREATE PIPE {holder(p)}{spelled({**said, **self._options(p)})} AS {copy}"]

    def alterations(self, rid: str, old: Props, new: Props) -> list[str]:
        """Alter what can be."""
        return altered(self.kind, rid, self._options(old), self._options(new))

    @staticmethod
    def _options(p: Props) -> dict[str, str]:
        errors = p.take("errorIntegration")
        named = {"ERROR_INTEGRATION": requalified(errors)} if errors else {}
        return {**named, **options(p, "comment")}

    def read(self, cloud: Warehouse, rid: str, inputs: Inputs) -> Outputs | None:
        """Show it."""
        shown = self.shown(cloud, rid)
        if shown is None:
            return None
        channel = shown.get("notification_channel") or ""
        return {
            **base(rid, shown),
            "copyStatement": as_given(inputs.get("copyStatement"), shown.get("definition")),
            "autoIngest": bool(channel),
            "awsSnsTopicArn": channel if ":sns:" in channel else inputs.get("awsSnsTopicArn"),
            "errorIntegration": _as_name(inputs.get("errorIntegration"), shown.get("error_integration")),
            "notificationChannel": channel,
            "owner": shown.get("owner"),
        }


def _channel(place: Place, inputs: Inputs) -> str:
    if not inputs.get("autoIngest"):
        return ""
    heard = inputs.get("awsSnsTopicArn") or inputs.get("integration")
    return heard or place.arn("sqs", "sf-snowpipe-laptop")


@invoke("snowflake:index/getSystemGetAwsSnsIamPolicy:getSystemGetAwsSnsIamPolicy")
def sns_iam_policy(place: Place, cloud: Warehouse | None, args: Inputs) -> Outputs:
    """Return the statement that lets Snowflake subscribe to a topic."""
    topic = args["awsSnsTopicArn"]
    if cloud is not None:
        (found,) = cloud.execute(f"SELECT SYSTEM$GET_AWS_SNS_IAM_POLICY({literal(topic)}) AS POLICY")
        return {"awsSnsTopicArn": topic, "awsSnsTopicPolicyJson": found["policy"], "id": topic}
    statement: dict[str, Any] = {
        "Sid": "1",
        "Effect": "Allow",
        "Principal": {"AWS": place.arn("iam", "user/snowflake", region="")},
        "Action": ["sns:Subscribe"],
        "Resource": [topic],
    }
    document = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    return {"awsSnsTopicArn": topic, "awsSnsTopicPolicyJson": document, "id": topic}
