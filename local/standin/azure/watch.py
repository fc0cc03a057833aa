"""Logs and alarms."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from ..adapter import Computed, register
from .client import AzureAdapter, below, guid, last

NAME = r"[^#<>%&:\\?/{}*+@]{1,260}"
NAME_RULE = r"1 to 260 characters, none of #<>%&:\?/{}*+@"


@register
class Workspace(AzureAdapter):
    """A workspace of logs."""

    type = "azure-native:operationalinsights:Workspace"
    autoname = "workspaceName"
    path = "providers/Microsoft.OperationalInsights/workspaces/{workspaceName}"
    pattern = r"[A-Za-z0-9][A-Za-z0-9-]{2,61}[A-Za-z0-9]"
    rule = "4 to 63 letters, digits or dashes"
    replace_on = below("workspaceName")
    computed: ClassVar[Mapping[str, Computed]] = {
        "name": last,
        "customerId": lambda place, rid, inputs: guid(f"workspace:{rid}"),
    }


@register
class Component(AzureAdapter):
    """What functions tell of themselves."""

    type = "azure-native:applicationinsights:Component"
    autoname = "resourceName"
    path = "providers/Microsoft.Insights/components/{resourceName}"
    replace_on = below("resourceName")
    computed: ClassVar[Mapping[str, Computed]] = {
        "name": last,
        "connectionString": lambda place, rid, inputs: f"InstrumentationKey={guid(f'insights:{rid}')}",
    }


@register
class ActionGroup(AzureAdapter):
    """Who hears of alarms."""

    type = "azure-native:monitor:ActionGroup"
    autoname = "actionGroupName"
    path = "providers/Microsoft.Insights/actionGroups/{actionGroupName}"
    pattern = NAME
    rule = NAME_RULE
    replace_on = below("actionGroupName")


@register
class DiagnosticSetting(AzureAdapter):
    """Where a resource's log is written to."""

    type = "azure-native:monitor:DiagnosticSetting"
    autoname = "name"
    path = "{resourceUri}/providers/Microsoft.Insights/diagnosticSettings/{name}"
    pattern = NAME
    rule = NAME_RULE
    replace_on = frozenset({"name", "resourceUri"})
    computed: ClassVar[Mapping[str, Computed]] = {}


@register
class MetricAlert(AzureAdapter):
    """An alarm on a metric."""

    type = "azure-native:monitor:MetricAlert"
    autoname = "ruleName"
    path = "providers/Microsoft.Insights/metricAlerts/{ruleName}"
    pattern = NAME
    rule = NAME_RULE
    replace_on = below("ruleName")


@register
class ScheduledQueryRule(AzureAdapter):
    """An alarm on what logs say."""

    type = "azure-native:monitor:ScheduledQueryRule"
    autoname = "ruleName"
    path = "providers/Microsoft.Insights/scheduledQueryRules/{ruleName}"
    pattern = NAME
    rule = NAME_RULE
    replace_on = below("ruleName")
