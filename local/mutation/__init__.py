"""How much the policy pack would notice: the deployed graph is weakened in one place at a time, and judged.

`graph` reads and edits what a run declared; `vocabulary`, `deletion`, `documents`, `warehouse`, `tagging`,
`flow` and `placing` say what weakens it, from the names of the SDKs' properties and never from the policies;
`judge` runs the pack; `score` counts, and `report` tells. `python -m local.mutation` is the hand on it.
"""
