"""Snowflake's warehouses: they sleep when nobody asks, and somebody watches what they cost."""

from collections.abc import Mapping
from typing import Any

from pulumi_policy import EnforcementLevel, PolicyConfigSchema, Severity

from policies.rules import Props, given, number, resource_policy

WAREHOUSE = "snowflake:index/warehouse:Warehouse"
# An adaptive warehouse suspends itself; an interactive one is made to stay up.
WAREHOUSES = (
    WAREHOUSE,
    "snowflake:index/warehouseAdaptive:WarehouseAdaptive",
    "snowflake:index/warehouseInteractive:WarehouseInteractive",
)
DEFAULT_SECONDS = 600


def _awake(props: Props, config: Mapping[str, Any]) -> str | None:
    most = config.get("maximumSeconds", 300)
    default = 0 if given(props, "autoSuspend") else DEFAULT_SECONDS
    # Zero is never.
    if 0 < number(props, "autoSuspend", default) <= most:
        return None
    return f"A warehouse should suspend itself after {most:g} seconds or less: set autoSuspend."


def _suspend(props: Props, config: Mapping[str, Any]) -> dict[str, Any] | None:
    return {"autoSuspend": int(config.get("maximumSeconds", 300))} if _awake(props, config) else None


def _unwatched(props: Props, _: Mapping[str, Any]) -> str | None:
    if given(props, "resourceMonitor"):
        return None
    return "A warehouse should have a budget: set resourceMonitor."


POLICIES = (
    resource_policy(
        "snowflake-warehouse-configure-autosuspend",
        WAREHOUSE,
        description="Warehouses suspend themselves when they are idle.",
        check=_awake,
        mend=_suspend,
        steps="Set autoSuspend to a minute or a few.",
        severity=Severity.MEDIUM,
        level=EnforcementLevel.ADVISORY,
        config=PolicyConfigSchema({"maximumSeconds": {"type": "integer", "default": 300, "minimum": 30}}),
    ),
    resource_policy(
        "snowflake-warehouse-missing-monitor",
        *WAREHOUSES,
        description="Warehouses have a budget.",
        check=_unwatched,
        steps="Set resourceMonitor to a monitor that notifies and suspends.",
        severity=Severity.MEDIUM,
        level=EnforcementLevel.ADVISORY,
    ),
)
