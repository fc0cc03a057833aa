"""All policies over a lake, in the order in which data flows."""

from policies.lake import (
    audit,
    azure_settings,
    coverage,
    decryption,
    flow,
    immutable,
    landing,
    protection,
    residency,
    rights,
    service,
    sizing,
    trail_files,
    upkeep,
    warehouse_faces,
    warehouse_rights,
)

# What holds single properties of a lake's resources: one broken thing is often found by one of these as well.
STRICT = (
    *rights.POLICIES,
    *immutable.POLICIES,
    *trail_files.POLICIES,
    *service.POLICIES,
    *upkeep.POLICIES,
    *warehouse_rights.POLICIES,
    *warehouse_faces.POLICIES,
    *azure_settings.POLICIES,
)
POLICIES = (
    *flow.POLICIES,
    *landing.POLICIES,
    *decryption.POLICIES,
    *protection.POLICIES,
    *coverage.POLICIES,
    *audit.POLICIES,
    *residency.POLICIES,
    *sizing.POLICIES,
    *STRICT,
)
