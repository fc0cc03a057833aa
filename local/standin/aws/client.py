"""How an AWS adapter says what it sends: calls as data, made from properties, then put to an emulator.

The AWS SDK is imported where it is used: a run that only records does without it.
"""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, ClassVar

from ..adapter import Adapter, Inputs, Place, StandInError
from ..props import Props, unmapped
from ..schema import Failure
from ..wire import has_unknown

#: stands in a call's parameters for the id which the first call returns
ID = "\0id"


@dataclass(frozen=True, kw_only=True)
class Call:
    """One call of a service's API."""

    operation: str
    params: Mapping[str, Any]
    #: what takes its effect back, when an update no longer makes this call
    undo: Call | None = None
    #: error codes that are as good as success
    allow: tuple[str, ...] = ()
    service: str = ""

    def __hash__(self) -> int:
        return hash(self.operation)


def call(operation: str, /, *, undo: Call | None = None, allow: tuple[str, ...] = (), **params: Any) -> Call:
    """Return a call without the parameters that are None."""
    sent = {name: value for name, value in params.items() if value is not None}
    return Call(operation=operation, params=sent, undo=undo, allow=allow)


def lowered(value: Any) -> Any:
    """Turn an answer's names into the provider's: the first letter lowered, at every depth."""
    if isinstance(value, Mapping):
        return {name[:1].lower() + name[1:]: lowered(item) for name, item in value.items()}
    return [lowered(item) for item in value] if isinstance(value, list) else value


def pairs(
    tags: Mapping[str, str] | None, key: str = "Key", value: str = "Value"
) -> list[dict[str, str]] | None:
    """Return tags as most services take them."""
    return [{key: name, value: text} for name, text in tags.items()] if isinstance(tags, Mapping) else None


def unpaired(tags: Iterable[Mapping[str, str]], key: str = "Key", value: str = "Value") -> dict[str, str]:
    """Return tags as the provider has them."""
    return {tag[key]: tag[value] for tag in tags}


def as_json(document: Any) -> Any:
    """Return a policy document as the text that the API takes; the provider takes it as an object too."""
    return json.dumps(document) if isinstance(document, Mapping) else document


class Aws:
    """Clients of one emulator in one account and region."""

    def __init__(self, endpoint: str, place: Place, root: Path) -> None:
        self.endpoint, self.place, self.root = endpoint, place, root
        self._clients: dict[str, Any] = {}
        self._lock = threading.Lock()

    def client(self, service: str) -> Any:
        """Return a client; it sends what it is told to the emulator and never anywhere else."""
        from botocore.config import Config  # noqa: PLC0415

        with self._lock, _SESSION:
            if service not in self._clients:
                self._clients[service] = _session().create_client(
                    service,
                    endpoint_url=self.endpoint,
                    region_name=self.place.region,
                    # The emulator asks for credentials and takes any.
                    aws_access_key_id="laptop",
                    aws_secret_access_key="laptop",  # noqa: S106
                    config=Config(
                        retries={"mode": "standard", "total_max_attempts": 3},
                        connect_timeout=5,
                        read_timeout=60,
                        max_pool_connections=16,
                        s3={"addressing_style": "path"},
                    ),
                )
            return self._clients[service]

    def call(self, service: str, what: Call, rid: str = "") -> dict[str, Any]:
        """Execute a call."""
        from botocore.exceptions import ClientError  # noqa: PLC0415

        operation = getattr(self.client(what.service or service), what.operation)
        try:
            return operation(**_bound(what.params, rid))
        except ClientError as error:
            if code(error) in what.allow:
                return {}
            raise

    def ask(self, service: str, operation: str, /, *, missing: tuple[str, ...] = (), **params: Any) -> Any:
        """Execute a reading call; return None where the error says that there is no such thing."""
        from botocore.exceptions import ClientError  # noqa: PLC0415

        try:
            return getattr(self.client(service), operation)(**params)
        except ClientError as error:
            if code(error) in missing:
                return None
            raise


def code(error: Any) -> str:
    """Return the code of a service's error."""
    return str(error.response.get("Error", {}).get("Code", ""))


def _bound(value: Any, rid: str) -> Any:
    if isinstance(value, Mapping):
        return {name: _bound(item, rid) for name, item in value.items()}
    if isinstance(value, list):
        return [_bound(item, rid) for item in value]
    return value.replace(ID, rid) if isinstance(value, str) else value


# A session loads each service's model once, which takes a tenth of a second; it is not made for threads.
_SESSION = threading.Lock()


@cache
def _session() -> Any:
    import botocore.session  # noqa: PLC0415

    # The user's own profile and configuration are nothing to the laptop's lake, even if they are broken.
    nothing = {"config_file": os.devnull, "credentials_file": os.devnull, "profile": None}
    variables = {name: (None, None, value, None) for name, value in nothing.items()}
    return botocore.session.Session(session_vars=variables)


@cache
def _model(service: str) -> Any:
    with _SESSION:
        return _session().get_service_model(service)


def invalid(service: str, what: Call) -> list[str]:
    """Say what the SDK's own model of the API has against a call."""
    from botocore import xform_name  # noqa: PLC0415
    from botocore.validate import ParamValidator  # noqa: PLC0415

    model = _model(what.service or service)
    names = {xform_name(name): name for name in model.operation_names}
    report = ParamValidator().validate(what.params, model.operation_model(names[what.operation]).input_shape)
    return [*report.generate_report().splitlines()] if report.has_errors() else []


class AwsAdapter(Adapter):
    """A resource type of AWS, told as the calls that make it."""

    service: ClassVar[str]
    #: whether the first call makes the resource; else every call states a setting and can be repeated
    makes: ClassVar[bool] = True
    #: error codes of the first call that say that the resource is there already
    exists: ClassVar[tuple[str, ...]] = ()

    def calls(self, p: Props) -> list[Call]:
        """Return the calls that make the resource as the properties say."""
        raise NotImplementedError

    def changes(self, old: Props, new: Props) -> list[Call]:
        """Return the calls that change it beyond those of `calls` that differ."""
        return []

    def removal(self, rid: str, inputs: Inputs) -> list[Call]:
        """Return the calls that remove it."""
        raise NotImplementedError

    def rid(self, aws: Aws, inputs: Inputs, answer: Mapping[str, Any]) -> str:
        """Return the id, from the inputs and the first call's answer (nothing, if it was there already)."""
        identity = self.identity(inputs)
        if identity is None:
            raise StandInError(f"{self.type}: the service names it, and there is one already")
        return identity

    def planned(self, inputs: Inputs) -> tuple[list[Call], list[str]]:
        """Return the calls and the paths of the properties that none of them sends."""
        p = Props(inputs)
        p.take("region")
        planned = self.calls(p)
        return planned, unmapped(p.left(), self.no_effect)

    def unmapped(self, inputs: Inputs) -> list[Failure]:
        """Name the properties that are neither sent nor without effect, and what botocore would refuse."""
        planned, left = self.planned(inputs)
        found = [Failure(property=path, reason="is not mapped by the laptop's stand-in") for path in left]
        if not has_unknown(inputs):
            for planned_call in planned:
                for line in invalid(self.service, planned_call):
                    found.append(Failure(property=planned_call.operation, reason=line))
        return found

    def create(self, cloud: Aws, inputs: Inputs) -> str:
        """Make the resource, or finish one that an interrupted deployment left."""
        from botocore.exceptions import ClientError  # noqa: PLC0415

        planned, _ = self.planned(inputs)
        answer: Mapping[str, Any] = {}
        if self.makes:
            try:
                answer = cloud.call(self.service, planned[0])
            except ClientError as error:
                if code(error) not in self.exists:
                    raise
            planned = planned[1:]
        rid = self.rid(cloud, inputs, answer)
        for planned_call in planned:
            cloud.call(self.service, planned_call, rid)
        return rid

    def update(self, cloud: Aws, rid: str, old: Inputs, new: Inputs) -> None:
        """Repeat the calls that differ, and take back those that are gone."""
        before, _ = self.planned(old)
        after, _ = self.planned(new)
        kept = {planned_call.operation for planned_call in after}
        todo = [gone.undo for gone in before if gone.undo and gone.operation not in kept]
        todo += self.changes(Props(old), Props(new))
        todo += [one for one in (after[1:] if self.makes else after) if one not in before]
        for planned_call in todo:
            cloud.call(self.service, planned_call, rid)

    def delete(self, cloud: Aws, rid: str, inputs: Inputs) -> None:
        """Remove the resource."""
        for planned_call in self.removal(rid, inputs):
            cloud.call(self.service, planned_call, rid)


def here(_place: Place, _rid: str, inputs: Inputs) -> Any:
    """Compute the region."""
    return inputs.get("region", _place.region)


def all_tags(_place: Place, _rid: str, inputs: Inputs) -> Any:
    """Compute all tags: the stand-ins have no default tags."""
    return inputs.get("tags", {})


EVERYWHERE = {"region": here}
TAGGED = {"region": here, "tagsAll": all_tags}
