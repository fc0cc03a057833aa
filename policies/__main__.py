"""Serve the policy pack to the Pulumi engine."""

import sys
from pathlib import Path

# The engine runs this folder as a program; the pack itself is a package of the project.
sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from pulumi_policy import EnforcementLevel, PolicyPack

from policies.pack import POLICIES

PolicyPack("retaillake", list(POLICIES), enforcement_level=EnforcementLevel.MANDATORY)
