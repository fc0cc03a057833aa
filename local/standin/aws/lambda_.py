"""Lambda: functions, event source mappings, permissions."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping
from typing import Any, ClassVar

from ..adapter import Computed, Inputs, Outputs, Place, StandInError, register
from .client import ID, TAGGED, Aws, AwsAdapter, Call, Props, call, lowered
from .package import package

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


def _invoke_arn(place: Place, arn: str) -> str:
    return (
        f"arn:{place.partition}:apigateway:{place.region}:lambda:path/2015-03-31/functions/{arn}/invocations"
    )
