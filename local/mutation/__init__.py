"""How much the policy pack would notice: the deployed graph is weakened in one place at a time, and judged.

`graph` reads and edits what a run declared. `properties`, `deletion`, `tagging` and `placing` weaken it for
all providers alike; `aws`, `azure` and `snowflake` have a vocabulary and operators of their own: all by the
names of the SDKs' properties, and never by the policies. `judge` runs the pack; `score` counts, and `report`
tells. `python -m local.mutation` is the hand on it.
"""
