"""Serve the policy pack to the Pulumi engine; with `python -m policies`, its hand for people."""

import sys
from pathlib import Path

# The engine runs this folder as a program; the pack itself is a package of the project.
sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

if __package__:
    from policies.cli import main

    main()
else:
    from pulumi_policy import PolicyPack

    from policies.pack import LEVEL, NAME, assemble

    PolicyPack(NAME, assemble(), enforcement_level=LEVEL)
