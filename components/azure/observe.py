"""What is seen of a stack: its log workspace, what is written to it, and the alarms."""

from dataclasses import dataclass

import pulumi
from pulumi_azure_native import applicationinsights, monitor, operationalinsights

from components import naming
from components.azure.context import Context


class Observation(pulumi.ComponentResource):
    """A stack's logs and the group of people who hear of alarms."""

    workspace: operationalinsights.Workspace
    insights: applicationinsights.Component
    people: monitor.ActionGroup

    def __init__(self, name: str, context: Context, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("retaillake:azure:Observation", name, {}, opts)
        options, tags = pulumi.ResourceOptions(parent=self), context.tagged(naming.INTERNAL)
        self.workspace = operationalinsights.Workspace(
            name,
            workspace_name=naming.fit(name, naming.WORKSPACE),
            resource_group_name=context.group.name,
            location=context.location,
            sku={"name": "PerGB2018"},
            retention_in_days=context.settings.logs.retention_days,
            features={"disable_local_auth": True, "enable_log_access_using_only_resource_permissions": True},
            tags=tags,
            opts=options,
        )
        self.insights = applicationinsights.Component(
            name,
            resource_name_=naming.fit(name, naming.WORKSPACE),
            resource_group_name=context.group.name,
            location=context.location,
            kind="other",
            application_type="other",
            ingestion_mode="LogAnalytics",
            workspace_resource_id=self.workspace.id,
            disable_local_auth=True,
            tags=tags,
            opts=options,
        )
        email = context.settings.alarms.email
        self.people = monitor.ActionGroup(
            name,
            action_group_name=naming.fit(name, naming.ALERT),
            resource_group_name=context.group.name,
            location="Global",
            enabled=True,
            group_short_name=naming.compact(name, naming.SHORT_NAME),
            email_receivers=[{"name": "alarms", "email_address": email, "use_common_alert_schema": True}]
            if email
            else [],
            tags=tags,
            opts=options,
        )
        self.register_outputs({"workspace": self.workspace.id})

    def logged(self, name: str, what: pulumi.Input[str], parent: pulumi.Resource) -> None:
        """Write all that a resource logs, and its metrics, to the workspace."""
        monitor.DiagnosticSetting(
            name,
            name="retaillake",
            resource_uri=what,
            workspace_id=self.workspace.id,
            log_analytics_destination_type="Dedicated",
            logs=[{"category_group": "allLogs", "enabled": True}],
            metrics=[{"category": "AllMetrics", "enabled": True}],
            opts=pulumi.ResourceOptions(parent=parent),
        )


@dataclass(frozen=True, kw_only=True)
class Alarm:
    """A metric of a resource, and the value above which somebody must look."""

    says: str
    of: pulumi.Input[str]
    namespace: str
    metric: str
    above: float = 0
    statistic: str = "Total"
    entity: str | None = None
    minutes: int = 5


def sound(
    name: str, alarm: Alarm, context: Context, to: Observation, parent: pulumi.Resource
) -> monitor.MetricAlert:
    """Make an alarm on a metric."""
    entity = [alarm.entity] if alarm.entity else []
    dimensions = [
        monitor.MetricDimensionArgs(name="EntityName", operator="Include", values=[name]) for name in entity
    ]
    return monitor.MetricAlert(
        name,
        rule_name=naming.fit(name, naming.ALERT),
        description=alarm.says,
        resource_group_name=context.group.name,
        location="Global",
        enabled=True,
        severity=1,
        scopes=[alarm.of],
        evaluation_frequency="PT1M",
        window_size=f"PT{alarm.minutes}M",
        auto_mitigate=True,
        criteria=monitor.MetricAlertSingleResourceMultipleMetricCriteriaArgs(
            odata_type="Microsoft.Azure.Monitor.SingleResourceMultipleMetricCriteria",
            all_of=[
                monitor.MetricCriteriaArgs(
                    criterion_type="StaticThresholdCriterion",
                    name="above",
                    metric_namespace=alarm.namespace,
                    metric_name=alarm.metric,
                    operator="GreaterThan",
                    threshold=alarm.above,
                    time_aggregation=alarm.statistic,
                    dimensions=dimensions,
                )
            ],
        ),
        actions=[{"action_group_id": to.people.id}],
        tags=context.tagged(naming.INTERNAL),
        opts=pulumi.ResourceOptions(parent=parent),
    )


@dataclass(frozen=True, kw_only=True)
class Question:
    """A question to the logs, every five minutes; any row that it answers with is an alarm."""

    says: str
    query: pulumi.Input[str]


def ask(
    name: str, question: Question, context: Context, to: Observation, parent: pulumi.Resource
) -> monitor.ScheduledQueryRule:
    """Make an alarm on what the logs say."""
    return monitor.ScheduledQueryRule(
        name,
        rule_name=naming.fit(name, naming.ALERT),
        description=question.says,
        resource_group_name=context.group.name,
        location=context.location,
        kind="LogAlert",
        enabled=True,
        severity=1,
        scopes=[to.workspace.id],
        evaluation_frequency="PT5M",
        window_size="PT5M",
        auto_mitigate=True,
        # The tables are born with their first row.
        skip_query_validation=True,
        criteria={
            "all_of": [
                {
                    "query": question.query,
                    "time_aggregation": "Count",
                    "operator": "GreaterThan",
                    "threshold": 0,
                    "failing_periods": {"number_of_evaluation_periods": 1, "min_failing_periods_to_alert": 1},
                }
            ]
        },
        actions={"action_groups": [to.people.id]},
        tags=context.tagged(naming.INTERNAL),
        opts=pulumi.ResourceOptions(parent=parent),
    )
