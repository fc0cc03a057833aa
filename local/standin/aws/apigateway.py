"""API Gateway: REST APIs, and what they are made of.

All but an API, a deployment and a stage are settings of the API: each is put whole, read back, and deleted.
The service names APIs, resources and deployments; all below an API is told by the API's id and its own.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from typing import Any, ClassVar

from ..adapter import Computed, Inputs, Outputs, Place, register
from ..wire import UNKNOWN
from .client import EVERYWHERE, TAGGED, Aws, AwsAdapter, Call, Props, as_json, call

MISSING = ("NotFoundException",)


def _made_up(place: Place, name: str) -> str:
    """Return an id of the form that the service gives."""
    return uuid.uuid5(uuid.NAMESPACE_URL, f"{place.account}/{place.region}/{name}").hex[:10]


def _patch(path: str, value: Any, op: str = "replace") -> dict[str, str]:
    text = str(value).lower() if isinstance(value, bool) else str(value)
    return {"op": op, "path": path, "value": text}


class Part(AwsAdapter):
    """Something of an API; its id is the API's and its own."""

    service = "apigateway"
    makes = False
    api: ClassVar[str] = "restApi"
    computed: ClassVar[Mapping[str, Computed]] = EVERYWHERE
    #: the inputs that, with the API, name it, and the names that calls have for them
    named: ClassVar[Mapping[str, str]] = {}
    #: the call that deletes it; what is a setting has a removal of its own
    deletes: ClassVar[str] = ""

    def identity(self, inputs: Inputs) -> str | None:
        """Return the API and what names it there."""
        parts = [inputs.get(name) for name in (self.api, *self.named)]
        return "/".join(map(str, parts)) if all(parts) and UNKNOWN not in parts else None

    def at(self, rid: str) -> dict[str, Any]:
        """Return the parameters of a call that is about it."""
        api, *rest = rid.split("/", len(self.named))
        return {"restApiId": api, **dict(zip(self.named.values(), rest, strict=True))}

    def where(self, p: Props) -> dict[str, Any]:
        """Return the same from properties."""
        return p.params(**{self.api: "restApiId"}, **self.named)

    def seen(self, cloud: Aws, inputs: Inputs, **more: Any) -> Outputs:
        """Return what names it, as the provider has it, and more."""
        region = inputs.get("region", cloud.place.region)
        return {"region": region, **{name: inputs[name] for name in (self.api, *self.named)}, **more}

    def removal(self, rid: str, inputs: Inputs) -> list[Call]:
        """Delete it, or give it back to the gateway."""
        return [call(self.deletes, **self.at(rid), allow=MISSING)]


@register
class RestApi(AwsAdapter):
    """A REST API."""

    type = "aws:apigateway/restApi:RestApi"
    service = "apigateway"
    autoname = "name"
    replace_on = frozenset({"region"})
    computed: ClassVar[Mapping[str, Computed]] = {
        **TAGGED,
        "arn": lambda place, rid, inputs: _arn(place, f"/restapis/{rid}"),
        "executionArn": lambda place, rid, inputs: place.arn("execute-api", rid),
        "rootResourceId": lambda place, rid, inputs: _made_up(place, f"{rid}/"),
    }

    def identity(self, inputs: Inputs) -> str | None:
        """Return nothing: the service names it, and two may have one name."""
        return None

    def record_id(self, place: Place, urn_name: str, inputs: Inputs) -> str:
        """Return an id of the form that the service gives."""
        return _made_up(place, urn_name)

    def calls(self, p: Props) -> list[Call]:
        """Make the API."""
        types = p.block("endpointConfiguration").take("types")
        return [
            call(
                "create_rest_api",
                **p.params(name="name", description="description", tags="tags"),
                endpointConfiguration={"types": [types]} if types else None,
            )
        ]

    def rid(self, aws: Aws, inputs: Inputs, answer: Mapping[str, Any]) -> str:
        """Return the API's id."""
        return answer["id"]

    def update(self, cloud: Aws, rid: str, old: Inputs, new: Inputs) -> None:
        """Change name, description and tags."""
        patches = [
            _patch(f"/{name}", new.get(name, ""))
            for name in ("name", "description")
            if new.get(name) != old.get(name)
        ]
        if patches:
            cloud.ask("apigateway", "update_rest_api", restApiId=rid, patchOperations=patches)
        _tag(cloud, f"/restapis/{rid}", old, new)

    def read(self, cloud: Aws, rid: str, inputs: Inputs) -> Outputs | None:
        """Get the API and its root."""
        found = cloud.ask("apigateway", "get_rest_api", restApiId=rid, missing=MISSING)
        if found is None:
            return None
        resources = cloud.ask("apigateway", "get_resources", restApiId=rid, limit=500)["items"]
        tags = _tags(cloud, f"/restapis/{rid}", found)
        return {
            "region": inputs.get("region", cloud.place.region),
            "name": found["name"],
            "description": found.get("description", ""),
            "endpointConfiguration": {"types": (found["endpointConfiguration"]["types"] or [None])[0]},
            "arn": _arn(cloud.place, f"/restapis/{rid}"),
            "executionArn": cloud.place.arn("execute-api", rid),
            "rootResourceId": next(one["id"] for one in resources if one["path"] == "/"),
            "tags": tags,
            "tagsAll": tags,
        }

    def removal(self, rid: str, inputs: Inputs) -> list[Call]:
        """Delete it."""
        return [call("delete_rest_api", restApiId=rid, allow=MISSING)]


@register
class RestApiPolicy(Part):
    """Who may call an API."""

    type = "aws:apigateway/restApiPolicy:RestApiPolicy"
    api = "restApiId"
    replace_on = frozenset({"restApiId", "region"})

    def calls(self, p: Props) -> list[Call]:
        """Put the policy."""
        patch = _patch("/policy", as_json(p.take("policy")))
        return [call("update_rest_api", **self.where(p), patchOperations=[patch])]

    def read(self, cloud: Aws, rid: str, inputs: Inputs) -> Outputs | None:
        """Get the policy, which the service tells with its quotes escaped."""
        found = cloud.ask("apigateway", "get_rest_api", restApiId=rid, missing=MISSING) or {}
        if not (policy := found.get("policy")):
            return None
        return self.seen(cloud, inputs, policy=policy.replace('\\"', '"'))

    def removal(self, rid: str, inputs: Inputs) -> list[Call]:
        """Take the policy away."""
        patch = _patch("/policy", "", op="remove")
        return [call("update_rest_api", restApiId=rid, patchOperations=[patch], allow=MISSING)]


@register
class Resource(AwsAdapter):
    """A part of an API's paths."""

    type = "aws:apigateway/resource:Resource"
    service = "apigateway"
    exists = ("ConflictException",)
    replace_on = frozenset({"restApi", "parentId", "pathPart", "region"})
    computed: ClassVar[Mapping[str, Computed]] = EVERYWHERE

    def record_id(self, place: Place, urn_name: str, inputs: Inputs) -> str:
        """Return an id of the form that the service gives."""
        return _made_up(place, f"{inputs.get('restApi')}/{urn_name}")

    def calls(self, p: Props) -> list[Call]:
        """Make it."""
        return [
            call("create_resource", **p.params(restApi="restApiId", parentId="parentId", pathPart="pathPart"))
        ]

    def rid(self, aws: Aws, inputs: Inputs, answer: Mapping[str, Any]) -> str:
        """Return its id."""
        if "id" in answer:
            return answer["id"]
        found = aws.ask("apigateway", "get_resources", restApiId=inputs["restApi"], limit=500)["items"]
        wanted = (inputs["parentId"], inputs["pathPart"])
        return next(one["id"] for one in found if (one.get("parentId"), one.get("pathPart")) == wanted)

    def read(self, cloud: Aws, rid: str, inputs: Inputs) -> Outputs | None:
        """Get it."""
        found = cloud.ask(
            "apigateway", "get_resource", restApiId=inputs["restApi"], resourceId=rid, missing=MISSING
        )
        if found is None:
            return None
        same = {name: found.get(name) for name in ("parentId", "pathPart", "path")}
        return {"region": inputs.get("region", cloud.place.region), "restApi": inputs["restApi"], **same}

    def removal(self, rid: str, inputs: Inputs) -> list[Call]:
        """Delete it."""
        return [call("delete_resource", restApiId=inputs["restApi"], resourceId=rid, allow=MISSING)]


@register
class Method(Part):
    """A method of a resource."""

    type = "aws:apigateway/method:Method"
    replace_on = frozenset(
        {"restApi", "resourceId", "httpMethod", "region", "authorization", "apiKeyRequired"}
    )
    named: ClassVar[Mapping[str, str]] = {"resourceId": "resourceId", "httpMethod": "httpMethod"}
    deletes = "delete_method"

    def calls(self, p: Props) -> list[Call]:
        """Put it."""
        about = p.params(authorization="authorizationType", apiKeyRequired="apiKeyRequired")
        return [call("put_method", **self.where(p), **about)]

    def read(self, cloud: Aws, rid: str, inputs: Inputs) -> Outputs | None:
        """Get it."""
        found = cloud.ask("apigateway", "get_method", **self.at(rid), missing=MISSING)
        if found is None:
            return None
        return self.seen(
            cloud,
            inputs,
            authorization=found["authorizationType"],
            apiKeyRequired=found.get("apiKeyRequired", False),
        )


@register
class Integration(Part):
    """What answers a method."""

    type = "aws:apigateway/integration:Integration"
    replace_on = frozenset({"restApi", "resourceId", "httpMethod", "region"})
    named: ClassVar[Mapping[str, str]] = {"resourceId": "resourceId", "httpMethod": "httpMethod"}
    deletes = "delete_integration"
    about: ClassVar[Mapping[str, str]] = {
        "type": "type",
        "integrationHttpMethod": "integrationHttpMethod",
        "uri": "uri",
        "timeoutMilliseconds": "timeoutInMillis",
    }

    def calls(self, p: Props) -> list[Call]:
        """Put it."""
        return [call("put_integration", **self.where(p), **p.params(**self.about))]

    def read(self, cloud: Aws, rid: str, inputs: Inputs) -> Outputs | None:
        """Get it; what is told as `httpMethod` is that of the call to what answers."""
        found = cloud.ask("apigateway", "get_integration", **self.at(rid), missing=MISSING)
        if found is None:
            return None
        told = {name: found.get(api) for name, api in self.about.items()}
        return self.seen(cloud, inputs, **{**told, "integrationHttpMethod": found.get("httpMethod")})


@register
class Response(Part):
    """What the gateway answers by itself."""

    type = "aws:apigateway/response:Response"
    api = "restApiId"
    replace_on = frozenset({"restApiId", "responseType", "region"})
    named: ClassVar[Mapping[str, str]] = {"responseType": "responseType"}
    deletes = "delete_gateway_response"
    about: ClassVar[Mapping[str, str]] = {
        "statusCode": "statusCode",
        "responseParameters": "responseParameters",
        "responseTemplates": "responseTemplates",
    }

    def calls(self, p: Props) -> list[Call]:
        """Put it."""
        return [call("put_gateway_response", **self.where(p), **p.params(**self.about))]

    def read(self, cloud: Aws, rid: str, inputs: Inputs) -> Outputs | None:
        """Get it, unless it is the gateway's own."""
        found = cloud.ask("apigateway", "get_gateway_response", **self.at(rid), missing=MISSING)
        if found is None or found.get("defaultResponse"):
            return None
        return self.seen(cloud, inputs, **{name: found.get(api) for name, api in self.about.items()})


@register
class Deployment(AwsAdapter):
    """A copy of an API as it was."""

    type = "aws:apigateway/deployment:Deployment"
    service = "apigateway"
    replace_on = frozenset({"restApi", "triggers", "region"})
    unread: ClassVar[Mapping[str, str]] = {"triggers": "says when to make another; the service never sees it"}
    computed: ClassVar[Mapping[str, Computed]] = EVERYWHERE

    def record_id(self, place: Place, urn_name: str, inputs: Inputs) -> str:
        """Return an id of the form that the service gives."""
        return _made_up(place, f"{inputs.get('restApi')}/{urn_name}/{inputs.get('triggers')}")

    def calls(self, p: Props) -> list[Call]:
        """Make it."""
        p.take("triggers")
        return [call("create_deployment", **p.params(restApi="restApiId", description="description"))]

    def rid(self, aws: Aws, inputs: Inputs, answer: Mapping[str, Any]) -> str:
        """Return its id."""
        return answer["id"]

    def read(self, cloud: Aws, rid: str, inputs: Inputs) -> Outputs | None:
        """Get it."""
        found = cloud.ask(
            "apigateway", "get_deployment", restApiId=inputs["restApi"], deploymentId=rid, missing=MISSING
        )
        if found is None:
            return None
        return {
            "region": inputs.get("region", cloud.place.region),
            "restApi": inputs["restApi"],
            "description": found.get("description") or "",
            "triggers": inputs.get("triggers"),
        }

    def removal(self, rid: str, inputs: Inputs) -> list[Call]:
        """Delete it."""
        return [call("delete_deployment", restApiId=inputs["restApi"], deploymentId=rid, allow=MISSING)]


@register
class Stage(Part):
    """A deployment that can be called."""

    type = "aws:apigateway/stage:Stage"
    makes = True
    exists = ("ConflictException",)
    replace_on = frozenset({"restApi", "stageName", "region"})
    named: ClassVar[Mapping[str, str]] = {"stageName": "stageName"}
    deletes = "delete_stage"
    computed: ClassVar[Mapping[str, Computed]] = {
        **TAGGED,
        "arn": lambda place, rid, inputs: _stage_arn(place, inputs),
        "executionArn": lambda place, rid, inputs: place.arn("execute-api", rid),
        "invokeUrl": lambda place, rid, inputs: _url(place, inputs),
    }

    def calls(self, p: Props) -> list[Call]:
        """Make it; then say where its log goes, which only an update takes."""
        about = p.params(
            deployment="deploymentId",
            description="description",
            xrayTracingEnabled="tracingEnabled",
            tags="tags",
        )
        calls = [call("create_stage", **self.where(p), **about)]
        log = p.block("accessLogSettings").params(destinationArn="destinationArn", format="format")
        if log:
            patches = [_patch(f"/accessLogSettings/{name}", value) for name, value in log.items()]
            off = _staged(_patch("/accessLogSettings", "", op="remove"))
            calls.append(_staged(*patches, undo=off))
        return [_with_names(one, calls[0]) for one in calls]

    def update(self, cloud: Aws, rid: str, old: Inputs, new: Inputs) -> None:
        """Point it to another deployment, change what differs, and the tags."""
        super().update(cloud, rid, old, new)
        names = {
            "deployment": "deploymentId",
            "description": "description",
            "xrayTracingEnabled": "tracingEnabled",
        }
        patches = [
            _patch(f"/{api}", new.get(name, ""))
            for name, api in names.items()
            if new.get(name) != old.get(name)
        ]
        if patches:
            cloud.ask("apigateway", "update_stage", **self.at(rid), patchOperations=patches)
        _tag(cloud, _stage_path(new), old, new)

    def read(self, cloud: Aws, rid: str, inputs: Inputs) -> Outputs | None:
        """Get it."""
        found = cloud.ask("apigateway", "get_stage", **self.at(rid), missing=MISSING)
        if found is None:
            return None
        tags = _tags(cloud, _stage_path(inputs), found)
        return self.seen(
            cloud,
            inputs,
            deployment=found["deploymentId"],
            description=found.get("description", ""),
            xrayTracingEnabled=found.get("tracingEnabled", False),
            accessLogSettings=found.get("accessLogSettings", {}),
            arn=_stage_arn(cloud.place, inputs),
            executionArn=cloud.place.arn("execute-api", rid),
            # The host that AWS has; on a laptop the same path is below the emulator's own address.
            invokeUrl=f"{cloud.endpoint}/_aws/execute-api/{rid}",
            tags=tags,
            tagsAll=tags,
        )


@register
class MethodSettings(Part):
    """How a stage's methods are throttled, measured and logged."""

    type = "aws:apigateway/methodSettings:MethodSettings"
    replace_on = frozenset({"restApi", "stageName", "methodPath", "region"})
    named: ClassVar[Mapping[str, str]] = {"stageName": "stageName", "methodPath": "methodPath"}
    # The path below a method's in a patch, and the name by which the stage tells it.
    about: ClassVar[Mapping[str, tuple[str, str]]] = {
        "metricsEnabled": ("metrics/enabled", "metricsEnabled"),
        "loggingLevel": ("logging/loglevel", "loggingLevel"),
        "dataTraceEnabled": ("logging/dataTrace", "dataTraceEnabled"),
        "throttlingRateLimit": ("throttling/rateLimit", "throttlingRateLimit"),
        "throttlingBurstLimit": ("throttling/burstLimit", "throttlingBurstLimit"),
    }

    def calls(self, p: Props) -> list[Call]:
        """Put the settings that are given."""
        at, settings = self.where(p), p.block("settings")
        given = {name: settings.take(name) for name in self.about}
        path = at.pop("methodPath", "")
        patches = [
            _patch(f"/{path}/{self.about[name][0]}", value)
            for name, value in given.items()
            if value is not None
        ]
        return [call("update_stage", **at, patchOperations=patches)]

    def read(self, cloud: Aws, rid: str, inputs: Inputs) -> Outputs | None:
        """Find them in the stage."""
        api, stage, path = rid.split("/", 2)
        found = cloud.ask("apigateway", "get_stage", restApiId=api, stageName=stage, missing=MISSING) or {}
        settings = found.get("methodSettings", {}).get(path)
        if settings is None:
            return None
        told = {name: settings.get(told) for name, (_, told) in self.about.items()}
        return self.seen(cloud, inputs, settings=told)

    def removal(self, rid: str, inputs: Inputs) -> list[Call]:
        """Take them away."""
        api, stage, path = rid.split("/", 2)
        patch = {"op": "remove", "path": f"/{path.replace('~', '~0').replace('/', '~1')}"}
        return [call("update_stage", restApiId=api, stageName=stage, patchOperations=[patch], allow=MISSING)]


def _staged(*patches: Mapping[str, str], undo: Call | None = None) -> Call:
    return call("update_stage", patchOperations=[*patches], undo=undo)


def _with_names(one: Call, first: Call) -> Call:
    """Return a call with the API and the stage of the first one."""
    if one is first:
        return one
    names = {name: first.params[name] for name in ("restApiId", "stageName") if name in first.params}
    undo = _with_names(one.undo, first) if one.undo else None
    return Call(operation=one.operation, params={**names, **one.params}, undo=undo, allow=one.allow)


def _stage_arn(place: Place, inputs: Inputs) -> str:
    return _arn(place, _stage_path(inputs))


def _stage_path(inputs: Inputs) -> str:
    return f"/restapis/{inputs.get('restApi')}/stages/{inputs.get('stageName')}"


def _arn(place: Place, path: str) -> str:
    return f"arn:{place.partition}:apigateway:{place.region}::{path}"


def _url(place: Place, inputs: Inputs) -> str:
    return (
        f"https://{inputs.get('restApi')}.execute-api.{place.region}.amazonaws.com/{inputs.get('stageName')}"
    )


def _tags(cloud: Aws, path: str, found: Mapping[str, Any]) -> Any:
    """Return the tags; the emulator tells those that came later by their own call only."""
    later = cloud.ask("apigateway", "get_tags", resourceArn=_arn(cloud.place, path), missing=MISSING) or {}
    return later.get("tags") or found.get("tags", {})


def _tag(cloud: Aws, path: str, old: Inputs, new: Inputs) -> None:
    before, after = old.get("tags", {}), new.get("tags", {})
    arn = _arn(cloud.place, path)
    if gone := [*(before.keys() - after.keys())]:
        cloud.ask("apigateway", "untag_resource", resourceArn=arn, tagKeys=gone)
    if after and before != after:
        cloud.ask("apigateway", "tag_resource", resourceArn=arn, tags=after)
