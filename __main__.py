"""The program: settings → cloud → lake → exports. It never asks where it runs."""

import gc

# What the program makes lives until it ends: to look for garbage in it would be a third of its time.
gc.disable()

from pathlib import Path

import pulumi

import contracts
import settings
from components import naming, pattern
from components.lake import RetailLake, RetailLakeArgs

catalogue = contracts.load()
config = settings.load(catalogue.sources)
project, stack = pulumi.get_project(), pulumi.get_stack()

lake = RetailLake(
    naming.base(project, stack),
    RetailLakeArgs(
        settings=config,
        catalogue=catalogue,
        cloud=pattern.cloud(config),
        tags=naming.tags(config, project, stack),
    ),
)

pulumi.export("cloud", config.cloud)
for name, value in lake.outputs.items():
    pulumi.export(name, value)
pulumi.export("readme", (Path(__file__).parent / "Pulumi.README.md").read_text())
