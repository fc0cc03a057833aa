"""What a function of a lake on Azure is told of lies in the stack: its settings say where data goes."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from pulumi_policy import Severity

from policies.graph import UNKNOWN
from policies.lake.azure_flow import PACKAGE, settings, told
from policies.lake.azure_places import ACCOUNT, APP, HUB, INSIGHTS, KEY, Places, host_of
from policies.lake.azure_rights import of_azure
from policies.lake.judged import by_cloud, lake_policy
from policies.lake.parts import Lake
from policies.rules import Fault

# A connection of the functions' host by name: to whom, and as whom.
_ACCOUNT = re.compile(r".*__accountName")
_CLIENT = re.compile(r".*__clientId|AZURE_CLIENT_ID")
_CREDENTIAL = re.compile(r".*__credential")
_KEYED = re.compile(r"(SharedAccessKey|AccountKey)=|[?&]sig=", re.IGNORECASE)
TRACES = "APPLICATIONINSIGHTS_CONNECTION_STRING"


def _elsewhere(lake: Lake, _: Mapping[str, Any]) -> Iterator[Fault]:
    here = of_azure(lake)
    for app in here.graph.of(APP):
        for name, value in settings(here.graph, app).items():
            if isinstance(value, str) and (fault := _fault(here.places, name, value)):
                yield app, f"The setting {name} {fault}."
    for transform in here.transforms:
        app = transform.node
        for name, value in settings(here.graph, app).items():
            # What reads with another identity than its own has rights that nobody has looked at.
            if _CLIENT.fullmatch(name) and isinstance(value, str):
                own = {one.text("clientId") for one in here.places.identities(app)}
                if value not in own and UNKNOWN not in own:
                    yield app, f"The setting {name} names an identity that {app.name} does not have."
        hubs = told(here.graph, here.places, app, HUB)
        if len(hubs) > len({*transform.reads, *transform.writes}):
            yield app, "A transform must be told of the hubs that it reads and writes, and of no other."


def _fault(places: Places, name: str, value: str) -> str | None:
    """Say what is wrong with the value of a setting, without saying it."""
    host = host_of(value)
    code = name == PACKAGE and value not in ("0", "1") and not places.hosted(value)
    faults = {
        "takes code from what is not in the stack": code,
        "holds a key: connect as an identity": bool(_KEYED.search(value)),
        "must say managedidentity": bool(_CREDENTIAL.fullmatch(name)) and value.lower() != "managedidentity",
        "names an account that is none of the stack": bool(_ACCOUNT.fullmatch(name))
        and not _called(places, value),
        "names what is not in the stack": host is not None and not places.hosted(value),
        "names a key that is not in the stack": host is not None
        and host[1:2] == ("vault",)
        and host[2].startswith("keys/")
        and not _key(places, value),
        "sends traces to what is not in the stack": name == TRACES and not _traced(places, value),
    }
    return next((fault for fault, found in faults.items() if found), None)


def _called(places: Places, name: str) -> bool:
    return any(places.name(one) == name for one in places.graph.of(ACCOUNT))


def _key(places: Places, value: str) -> bool:
    host = host_of(value)
    named = host[2].split("/")[1] if host else ""
    owners = places.hosted(value)
    return any(
        (places.name(one) or "").lower() == named for owner in owners for one in places.inside(owner, KEY)
    )


def _traced(places: Places, value: str) -> bool:
    said = [one.get("connectionString") for one in places.graph.of(INSIGHTS)]
    return value in said or UNKNOWN in said or None in said


POLICIES = (
    lake_policy(
        "lake-function-configure-settings",
        description="What a function is told of lies in its stack, and is opened by its own identity.",
        check=by_cloud(azure=_elsewhere),
        steps="Name the stack's own vault, key, account, namespace and identity in the app's settings.",
        severity=Severity.HIGH,
    ),
)
