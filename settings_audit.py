"""What must hold of the trail of who did what."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from settings_reader import Rule

if TYPE_CHECKING:
    from settings import Settings


def rules(settings: Settings) -> Iterator[Rule]:
    """Yield what holds for a stack that has a trail of its own."""
    audit, prod = settings.audit, settings.environment == "prod"
    if not audit.trail:
        return
    mode, destroy = "audit.lockMode", "audit.forceDestroy"
    yield (
        audit.lock_mode != "none" or not prod,
        (mode, "environment"),
        "expected governance or compliance in environment prod",
    )
    yield (
        audit.multi_region or not prod,
        ("audit.multiRegion", "environment"),
        "expected true in environment prod: IAM and the root user are recorded in one region, "
        "whatever region a stack is in",
    )
    yield (
        audit.retention_days >= 90 or not prod,
        ("audit.retentionDays", "environment"),
        "expected 90 or more in environment prod",
    )
    yield not audit.force_destroy or not prod, (destroy, "environment"), "expected false in environment prod"
    yield (
        not audit.force_destroy or not settings.protect,
        (destroy, "protect"),
        "expected false, or protect: false",
    )
    yield (
        not audit.force_destroy or audit.lock_mode != "compliance",
        (destroy, mode),
        "expected false: what is locked in mode compliance cannot be deleted by anyone",
    )
