"""What all resources of Azure have in common: an id that is a path, a name by rules, and no emulator."""

from __future__ import annotations

import re
import string
from collections.abc import Mapping
from typing import ClassVar
from uuid import NAMESPACE_URL, uuid5

from ..adapter import Adapter, Computed, Inputs, Place
from ..schema import Failure
from ..wire import UNKNOWN, has_unknown

SUBSCRIPTION = "11111111-2222-3333-4444-555555555555"
TENANT = "99999999-8888-7777-6666-555555555555"
DEPLOYER = "12121212-3434-5656-7878-909090909090"


def guid(text: str) -> str:
    """Return an id that is always the same for a text."""
    return str(uuid5(NAMESPACE_URL, text))


def last(place: Place, rid: str, inputs: Inputs) -> str:
    """Return a resource's name: the last part of its id."""
    return rid.rpartition("/")[2]


class AzureAdapter(Adapter):
    """A resource whose id is a path of names, which are its inputs."""

    #: below the resource group, or the whole path if it begins with a property: `{scope}/providers/…`
    path: ClassVar[str]
    #: what the service takes as a name, and how its documentation says that
    pattern: ClassVar[str] = r".{1,260}"
    rule: ClassVar[str] = "1 to 260 characters"
    #: whether the name is one in the whole world, not in its parent only
    worldwide: ClassVar[bool] = False
    computed: ClassVar[Mapping[str, Computed]] = {"name": last}
    recorded = True

    def made(self, name: str, digest: str) -> str:
        """Return the name as the provider makes it: eight hexadecimal digits at the end."""
        return f"{name}{digest[:8]}"

    def faults(self, inputs: Inputs) -> list[Failure]:
        """Check the name by the service's rule."""
        name = inputs.get(self.autoname) if self.autoname else None
        if not self.autoname or not isinstance(name, str) or name == UNKNOWN:
            return []
        if re.fullmatch(self.pattern, name):
            return []
        return [Failure(property=self.autoname, reason=f"expected {self.rule}, found {name!r}")]

    def told(self, inputs: Inputs) -> Inputs:
        """Return the inputs with the identities as Azure tells them: what was a list of ids is a mapping."""
        given = inputs.get("identity")
        if not isinstance(given, Mapping):
            return inputs
        ids = given.get("userAssignedIdentities")
        if not isinstance(ids, list):
            return inputs
        if has_unknown(ids):
            return {**inputs, "identity": UNKNOWN}
        known = {
            one: {"clientId": guid(f"client:{one}"), "principalId": guid(f"principal:{one}")} for one in ids
        }
        return {**inputs, "identity": {**given, "userAssignedIdentities": known}}

    def identity(self, inputs: Inputs) -> str | None:
        """Return the path; two names that differ in case only are one to Azure."""
        name = inputs.get(self.autoname) if self.autoname else None
        if self.worldwide:
            return str(name).lower() if name else None
        return self._path(inputs).lower()

    def record_id(self, place: Place, urn_name: str, inputs: Inputs) -> str:
        """Return the path."""
        return self._path(inputs)

    def unmapped(self, inputs: Inputs) -> list[Failure]:
        """Refuse to reach a service."""
        return [Failure(property="name", reason=f"{self.type} has no emulator: it can be previewed only")]

    def _path(self, inputs: Inputs) -> str:
        names = {field for _, field, _, _ in string.Formatter().parse(self.path) if field}
        given = self.path.format(**{name: inputs.get(name, "") for name in names})
        if self.path.startswith("{"):
            return given
        group = inputs.get("resourceGroupName", "")
        return f"/subscriptions/{SUBSCRIPTION}/resourceGroups/{group}/{given}".rstrip("/")


def below(name: str) -> frozenset[str]:
    """Return what a new resource is needed for: another name, group or place."""
    return frozenset({name, "resourceGroupName", "location"})
