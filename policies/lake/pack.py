"""All policies over a lake, in the order in which data flows."""

from policies.lake import coverage, decryption, flow, landing, protection, residency, sizing

POLICIES = (
    *flow.POLICIES,
    *landing.POLICIES,
    *decryption.POLICIES,
    *protection.POLICIES,
    *coverage.POLICIES,
    *residency.POLICIES,
    *sizing.POLICIES,
)
