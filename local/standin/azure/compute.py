"""Function apps and the plan that they run on."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from ..adapter import Computed, register
from .client import AzureAdapter, below


@register
class AppServicePlan(AzureAdapter):
    """A plan."""

    type = "azure-native:web:AppServicePlan"
    autoname = "name"
    path = "providers/Microsoft.Web/serverfarms/{name}"
    pattern = r"[A-Za-z0-9-]{1,60}"
    rule = "1 to 60 letters, digits or dashes"
    replace_on = below("name")
    computed: ClassVar[Mapping[str, Computed]] = {}


@register
class WebApp(AzureAdapter):
    """A function app."""

    type = "azure-native:web:WebApp"
    autoname = "name"
    path = "providers/Microsoft.Web/sites/{name}"
    pattern = r"[A-Za-z0-9][A-Za-z0-9-]{0,58}[A-Za-z0-9]"
    rule = "2 to 60 letters, digits or dashes"
    worldwide = True
    replace_on = below("name")
    computed: ClassVar[Mapping[str, Computed]] = {
        "defaultHostName": lambda place, rid, inputs: f"{inputs['name']}.azurewebsites.net",
    }


class Publishing(AzureAdapter):
    """Whether a password may publish."""

    computed: ClassVar[Mapping[str, Computed]] = {}
    replace_on = frozenset({"name", "resourceGroupName"})


@register
class WebAppFtpAllowed(Publishing):
    """By FTP."""

    type = "azure-native:web:WebAppFtpAllowed"
    path = "providers/Microsoft.Web/sites/{name}/basicPublishingCredentialsPolicies/ftp"


@register
class WebAppScmAllowed(Publishing):
    """By the source control site."""

    type = "azure-native:web:WebAppScmAllowed"
    path = "providers/Microsoft.Web/sites/{name}/basicPublishingCredentialsPolicies/scm"
