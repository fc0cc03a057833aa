"""The warehouse: what protects, and what does not."""

from __future__ import annotations

import re
from typing import Any

from local.standin.state import Resource

from ..graph import GONE
from ..weaker import Rule, Vocabulary, Weaker, gone, higher, lower, off, rule, to

#: a queue that is not ours
ELSEWHERE_QUEUE = "https://somebodyelses.queue.core.windows.net/landed"


def storage_root(_: Resource, value: Any) -> Weaker:
    """Open the whole bucket or account instead of a prefix."""
    if isinstance(value, str) and (match := re.match(r"(\w+://[^/]+/).+", value)):
        yield f"widened to {match[1]}", match[1]


def all_storage(_: Resource, value: Any) -> Weaker:
    """Open everything that the cloud's storage has."""
    schemes = sorted({f"{one.partition('://')[0]}://" for one in value})
    for new in (["*"], schemes):
        yield f"{new}", new


RULES: tuple[Rule, ...] = (
    rule("public", r"\b(allowedIpLists|allowedIps)$", to(["0.0.0.0/0"])),
    rule("loss", r"\bdataRetentionTimeInDays$", lower(0, GONE)),
    rule("access", r"\bstorageAwsExternalId$", gone),
    rule("access", r"\bstorageAllowedLocations$", all_storage),
    rule("access", r"\bstorageAllowedLocations\[\]$", storage_root),
    rule("access", r"\bstorageIntegration$", gone),
    rule("access", r"\bStageExternal\w+ url$", storage_root),
    rule("access", r"\bwithManagedAccess$", off),
    rule("access", r"\bdropPublicSchemaOnCreation$", off),
    rule("masking", r"\bmaskingPolicies$", gone),
    rule("masking", r"\browAccessPolicy:RowAccessPolicy body$", to("TRUE")),
    rule("masking", r"\bview:View isSecure$", off),
    rule("public", r"\bserviceUser:ServiceUser networkPolicy$", gone),
    rule("access", r"\bserviceUser:ServiceUser defaultSecondaryRolesOption$", to("ALL", GONE)),
    rule("flow", r"\bazureStorageQueuePrimaryUri$", to(ELSEWHERE_QUEUE)),
    # what a runaway costs
    rule("budget", r"\bautoSuspend$", to(0, GONE)),
    rule("budget", r"\bwarehouse:Warehouse resourceMonitor$", gone),
    rule("budget", r"\bstatementTimeoutInSeconds$", to(0, GONE)),
    rule("budget", r"\bcreditQuota$", higher(1000, GONE)),
    rule("budget", r"\b(suspendTrigger|suspendImmediateTrigger|notifyTriggers)$", gone),
)

ELSEWHERE: tuple[tuple[str, str], ...] = (
    (r"\bmaskingPolicy:MaskingPolicy body$", "warehouse"),
    (r"\btagAssociation:TagAssociation (objectIdentifiers|tagId)", "warehouse"),
    (r"\bgrantPrivilegesToAccountRole:\w+ (privileges|accountRoleName|.*\binSchema$)", "warehouse"),
    (r"\bgrantAccountRole:\w+ (roleName|parentRoleName)$", "warehouse"),
    (r"\bpipe:Pipe copyStatement$", "warehouse"),
)

NEUTRAL: dict[str, tuple[str, ...]] = {
    "words for people, or a name": (r"\b(comment|name)$",),
    "the place or the form of an object in the warehouse": (
        r"^snowflake:\S+ (schema|database|table|warehouse|fileFormat(\.formatName)?)$",
    ),
    "a reference: what the role or the other end may do is weakened there": (r"\bstorageAwsRoleArn$",),
    "whose consent the warehouse asks for: in another tenant it has no role": (r"\bazureTenantId$",),
    "without it nothing loads, which is seen; it protects nothing": (
        r"\b(autoIngest|awsSnsTopicArn)$",
        r"\bstorageIntegrationAws:\w+ storageProvider$",
        r"\b(storage|notification)Integration\w*:\w+ (enabled|type|notificationProvider)$",
    ),
    "on which object; what for is in its privileges, and whether on all of a schema in inSchema": (
        r"\bgrantPrivilegesToAccountRole:\w+ on\w+$",
        r"\bgrantPrivilegesToAccountRole:\w+ on\w+\.(objectName|objectType|schemaName|future)$",
        r"\bgrantPrivilegesToAccountRole:\w+ .*objectTypePlural$",
    ),
    "the period of the budget, and its first warnings": (
        r"\bresourceMonitor:ResourceMonitor (frequency|startTimestamp|notifyTriggers\[\])$",
    ),
    "capacity; autoSuspend and the monitor limit the cost": (
        r"\bwarehouse:Warehouse (warehouseSize|autoResume|initiallySuspended)$",
    ),
    "the form of a table or file; a personal column is protected by its tag, which is a mutant": (
        r"\b(columns(\[\].*)?|changeTracking|appendOnly|stripOuterArray|compression|returnDataType|arguments(\[\].*)?)$",
    ),
    "what a task does is tested against the warehouse": (
        r"\btask:Task (sqlStatement|when|schedule(\..*)?|started|allowOverlappingExecution)$",
        r"\btask:Task suspendTaskAfterNumFailures$",
    ),
    "what is tagged, and from which source; the tag itself decides the mask": (
        r"\btagAssociation:TagAssociation (objectType|tagValue)$",
    ),
    "what a view shows is tested against the warehouse": (r"\bview:View statement$",),
    "who a service is, and what it begins with; what it may is in the roles it is granted": (
        r"\bserviceUser:ServiceUser (rsaPublicKey|loginName|defaultRole|defaultWarehouse)$",
        r"\bgrantAccountRole:GrantAccountRole userName$",
    ),
    "only holds what is weakened inside or outside it": (r"\b(maskingPolicies|allowedIpLists)\[\]$",),
}

PROTECTING: tuple[tuple[str, str], ...] = (
    (r":(MaskingPolicy|Tag|TagAssociation|RowAccessPolicy)$", "masking"),
    (r":ResourceMonitor$", "budget"),
    (r":NetworkPolicy$", "public"),
    (r"^snowflake:index/pipe:", "flow"),
)

HARMLESS: tuple[tuple[str, str], ...] = (
    (r"^snowflake:index/(accountRole|serviceUser|grant\w+):", "a right: without it less is allowed"),
    (r"^snowflake:index/(database|schema|table|view|streamOnTable|task|warehouse|(stage|(storage|notification)Int|fileFormat)\w*):",
     "where data lies or passes: without it there is none"),
)  # fmt: skip

SNOWFLAKE = Vocabulary(
    rules=RULES, elsewhere=ELSEWHERE, neutral=NEUTRAL, protecting=PROTECTING, harmless=HARMLESS
)
