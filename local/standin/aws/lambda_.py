"""Lambda: functions, event source mappings, permissions."""

from __future__ import annotations

import base64
import hashlib
import io
import json
import uuid
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar

from ..adapter import Computed, Inputs, Outputs, Place, StandInError, register
from .client import EVERYWHERE, ID, TAGGED, Aws, AwsAdapter, Call, Props, call, lowered

MISSING = ("ResourceNotFoundException",)
# Stands in a call for the package, which is read only when the call is made.
CODE = "\0code"


@register
class Function(AwsAdapter):
    """A function, with its package."""

    type = "aws:lambda/function:Function"
    service = "lambda"
    autoname = "name"
    replace_on = frozenset({"name", "region", "packageType"})
    exists = ("ResourceConflictException",)
    unread: ClassVar[Mapping[str, str]] = {
        "code": "is read again as its digest, sourceCodeHash",
        "publish": "is a property of the call, not of the function",
    }
    no_effect: ClassVar[Mapping[str, str]] = {"skipDestroy": "a laptop keeps nothing"}
    computed: ClassVar[Mapping[str, Computed]] = {
        **TAGGED,
        "arn": lambda place, rid, inputs: place.arn("lambda", f"function:{rid}"),
        "invokeArn": lambda place, rid, inputs: _invoke_arn(place, place.arn("lambda", f"function:{rid}")),
        "qualifiedArn": lambda place, rid, inputs: place.arn("lambda", f"function:{rid}:$LATEST"),
        "version": lambda place, rid, inputs: "$LATEST",
    }

    def calls(self, p: Props) -> list[Call]:
        """Make the function; then its reserve of concurrency."""
        p.take("sourceCodeHash")
        code = {"ZipFile": CODE.encode()} if p.take("code") else {}
        code |= p.params(s3Bucket="S3Bucket", s3Key="S3Key", s3ObjectVersion="S3ObjectVersion")
        calls = [
            call(
                "create_function",
                Code=code,
                Tags=p.take("tags"),
                **p.params(publish="Publish", packageType="PackageType", architectures="Architectures"),
                **_configuration(p),
            )
        ]
        if (reserved := p.take("reservedConcurrentExecutions", -1)) >= 0:
            off = call("delete_function_concurrency", FunctionName=ID)
            calls.append(
                call(
                    "put_function_concurrency",
                    FunctionName=ID,
                    ReservedConcurrentExecutions=reserved,
                    undo=off,
                )
            )
        return calls

    def create(self, cloud: Aws, inputs: Inputs) -> str:
        """Make the function from its package."""
        return super().create(_Packaged(cloud, inputs), inputs)

    def update(self, cloud: Aws, rid: str, old: Inputs, new: Inputs) -> None:
        """Change the package, the configuration and the tags, each if it differs."""
        if any(
            old.get(name) != new.get(name)
            for name in ("code", "sourceCodeHash", "architectures", "s3ObjectVersion")
        ):
            sent = call(
                "update_function_code",
                FunctionName=rid,
                ZipFile=CODE.encode(),
                Architectures=new.get("architectures"),
            )
            _Packaged(cloud, new).call("lambda", sent)
        before, after = _configuration(Props(old)), _configuration(Props(new))
        if before != after:
            # What is no longer said goes back to nothing; the API keeps what it is not told.
            gone = {
                "Environment": {"Variables": {}},
                "DeadLetterConfig": {"TargetArn": ""},
                "Description": "",
            }
            reset = {name: value for name, value in gone.items() if name in before and name not in after}
            cloud.ask("lambda", "update_function_configuration", **after, **reset)
        arn = cloud.place.arn("lambda", f"function:{rid}")
        tags, old_tags = new.get("tags", {}), old.get("tags", {})
        if removed := [*(old_tags.keys() - tags.keys())]:
            cloud.ask("lambda", "untag_resource", Resource=arn, TagKeys=removed)
        if tags and tags != old_tags:
            cloud.ask("lambda", "tag_resource", Resource=arn, Tags=tags)
        super().update(cloud, rid, old, new)

    def read(self, cloud: Aws, rid: str, inputs: Inputs) -> Outputs | None:
        """Get the function."""
        found = cloud.ask("lambda", "get_function", FunctionName=rid, missing=MISSING)
        if found is None:
            return None
        function = found["Configuration"]
        reserved = found.get("Concurrency", {}).get("ReservedConcurrentExecutions")
        same = {
            "role": "Role",
            "handler": "Handler",
            "runtime": "Runtime",
            "timeout": "Timeout",
            "memorySize": "MemorySize",
            "description": "Description",
            "architectures": "Architectures",
            "kmsKeyArn": "KMSKeyArn",
            "packageType": "PackageType",
            "sourceCodeHash": "CodeSha256",
            "codeSha256": "CodeSha256",
            "sourceCodeSize": "CodeSize",
            "lastModified": "LastModified",
            "version": "Version",
        }
        arn = function["FunctionArn"]
        return {
            "region": inputs.get("region", cloud.place.region),
            "name": function["FunctionName"],
            "arn": arn,
            "invokeArn": _invoke_arn(cloud.place, arn),
            "qualifiedArn": f"{arn}:{function['Version']}",
            "reservedConcurrentExecutions": -1 if reserved is None else reserved,
            "environment": {"variables": function.get("Environment", {}).get("Variables", {})},
            "layers": [layer["Arn"] for layer in function.get("Layers", [])],
            "tags": found.get("Tags", {}),
            "tagsAll": found.get("Tags", {}),
            **{name: function.get(api) for name, api in same.items()},
            **{
                name: lowered(function.get(name[:1].upper() + name[1:]))
                for name in (
                    "deadLetterConfig",
                    "tracingConfig",
                    "ephemeralStorage",
                    "loggingConfig",
                    "vpcConfig",
                    "snapStart",
                )
            },
        }

    def removal(self, rid: str, inputs: Inputs) -> list[Call]:
        """Delete it."""
        return [call("delete_function", FunctionName=rid, allow=MISSING)]


def _configuration(p: Props) -> dict[str, Any]:
    sent = p.params(
        name="FunctionName",
        role="Role",
        handler="Handler",
        runtime="Runtime",
        timeout="Timeout",
        memorySize="MemorySize",
        description="Description",
        kmsKeyArn="KMSKeyArn",
        layers="Layers",
    )
    environment = p.block("environment")
    if environment:
        sent["Environment"] = {"Variables": environment.take("variables", {})}
    for name in (
        "deadLetterConfig",
        "tracingConfig",
        "ephemeralStorage",
        "loggingConfig",
        "vpcConfig",
        "snapStart",
    ):
        if block := p.capitalised(name):
            sent[name[:1].upper() + name[1:]] = block
    return sent


class _Packaged(Aws):
    """An AWS that puts the package into the calls that send it."""

    def __init__(self, cloud: Aws, inputs: Inputs) -> None:
        self._cloud, self._inputs = cloud, inputs
        self.endpoint, self.place, self.root = cloud.endpoint, cloud.place, cloud.root

    def client(self, service: str) -> Any:
        """Return the client."""
        return self._cloud.client(service)

    def call(self, service: str, what: Call, rid: str = "") -> dict[str, Any]:
        """Execute a call, with the package in it."""
        params = dict(what.params)
        if params.get("ZipFile") == CODE.encode():
            params["ZipFile"] = self._package()
        if params.get("Code", {}).get("ZipFile") == CODE.encode():
            params["Code"] = {**params["Code"], "ZipFile": self._package()}
        made = Call(operation=what.operation, params=params, allow=what.allow, service=what.service)
        return super().call(service, made, rid)

    def _package(self) -> bytes:
        data = package(self._inputs["code"], self.root)
        digest = base64.b64encode(hashlib.sha256(data).digest()).decode()
        said = self._inputs.get("sourceCodeHash")
        if said and said != digest:
            raise StandInError(
                f"function {self._inputs['name']}: sourceCodeHash is {said}, its package has {digest}"
            )
        return data


def package(archive: Mapping[str, Any], root: Path) -> bytes:
    """Return an archive as the bytes of a zip file, the same for the same content."""
    if path := archive.get("path"):
        found = root / path
        if found.is_file():
            return found.read_bytes()
        members = {
            str(one.relative_to(found)): one.read_bytes() for one in sorted(found.rglob("*")) if one.is_file()
        }
        if not members:
            raise StandInError(f"the archive {found} is neither a file nor a directory with files in it")
        return _zip(members)
    if assets := archive.get("assets"):
        return _zip({name: _asset(name, asset, root) for name, asset in sorted(assets.items())})
    raise StandInError(
        "an archive has neither a path nor assets: archives from the network are not for a laptop"
    )


def _asset(name: str, asset: Mapping[str, Any], root: Path) -> bytes:
    if "text" in asset and asset["text"] is not None:
        return str(asset["text"]).encode()
    if path := asset.get("path"):
        return (root / path).read_bytes()
    raise StandInError(f"the asset {name} has neither a text nor a path")


def _zip(members: Mapping[str, bytes]) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in members.items():
            info = zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0))
            info.external_attr = 0o644 << 16
            info.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(info, data)
    return out.getvalue()


def _invoke_arn(place: Place, arn: str) -> str:
    return (
        f"arn:{place.partition}:apigateway:{place.region}:lambda:path/2015-03-31/functions/{arn}/invocations"
    )


@register
class Mapping_(AwsAdapter):  # noqa: N801 (Mapping is collections.abc's)
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
