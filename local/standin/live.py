"""Stand-ins that ask emulators: what is sent is read back, and what an emulator did not keep is an error."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from . import compare
from .adapter import Adapter, Inputs, Outputs, Place, StandInError
from .aws.client import Aws
from .snowflake.client import Warehouse


class Live:
    """AWS by an emulator's endpoint, Snowflake by the laptop's warehouse."""

    live = True

    def __init__(
        self, *, root: Path, aws_endpoint: str | None = None, warehouse: tuple[str, int] | None = None
    ) -> None:
        self._root, self._endpoint = root, aws_endpoint
        self._warehouse = Warehouse(*warehouse) if warehouse else None
        self._aws: dict[str, Aws] = {}
        self._lock = threading.Lock()

    def place(self, package: str, config: Mapping[str, str]) -> Place:
        """Return the emulator's account, and the configured region."""
        if self._endpoint is None:
            return Place()
        return self._in(config.get("region") or Place().region).place

    def create(self, what: Adapter, place: Place, name: str, inputs: Inputs) -> tuple[str, Outputs]:
        """Make a resource and read it back."""
        cloud = self._cloud(what.type, place, inputs)
        rid = what.create(cloud, inputs)
        return rid, self._verified(what, cloud, rid, inputs)

    def read(
        self, what: Adapter, place: Place, rid: str, inputs: Inputs, *, outputs: Outputs
    ) -> Outputs | None:
        """Ask for a resource."""
        return what.read(self._cloud(what.type, place, inputs), rid, inputs)

    def update(
        self, what: Adapter, place: Place, rid: str, old: Inputs, new: Inputs, *, outputs: Outputs
    ) -> Outputs:
        """Change a resource and read it back."""
        cloud = self._cloud(what.type, place, new)
        what.update(cloud, rid, old, new)
        return self._verified(what, cloud, rid, new)

    def delete(self, what: Adapter, place: Place, rid: str, inputs: Inputs) -> None:
        """Remove a resource."""
        what.delete(self._cloud(what.type, place, inputs), rid, inputs)

    def invoke(self, function: Callable[..., Outputs], place: Place, args: Inputs, token: str) -> Outputs:
        """Answer a data source."""
        return function(place, self._cloud(token, place, args), args)

    def close(self) -> None:
        """End the warehouse's session."""
        if self._warehouse is not None:
            self._warehouse.close()

    def _cloud(self, token: str, place: Place, inputs: Inputs) -> Any:
        package = token.split(":", maxsplit=1)[0]
        if package == "aws":
            if self._endpoint is None:
                raise StandInError(f"{token}: no AWS emulator was given")
            return self._in(inputs.get("region") or place.region)
        if self._warehouse is None:
            raise StandInError(f"{token}: no warehouse was given")
        return self._warehouse

    def _in(self, region: str) -> Aws:
        with self._lock:
            if region not in self._aws:
                asking = Aws(str(self._endpoint), Place(region=region), self._root)
                account = asking.ask("sts", "get_caller_identity")["Account"]
                self._aws[region] = Aws(
                    str(self._endpoint), Place(region=region, account=account), self._root
                )
            return self._aws[region]

    @staticmethod
    def _verified(what: Adapter, cloud: Any, rid: str, inputs: Inputs) -> Outputs:
        """Return what the service says; what it was told and does not say must have a reason."""
        seen = what.read(cloud, rid, inputs)
        if seen is None:
            raise StandInError(f"{rid} was made and cannot be found")
        lost = [*compare.differences(inputs, seen, skip={*what.no_effect, *what.unread})]
        if lost:
            raise StandInError(f"{rid}: sent and not kept by the emulator: {', '.join(lost)}")
        return seen
