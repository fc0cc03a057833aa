"""The functions' zip as Azure wants it: beside the code two files that its host reads, and its clients."""

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import pulumi

from components.aws.package import ROOT, Package

REQUIREMENTS = ROOT / "requirements" / "functions-azure.txt"
# Where the host of Azure looks for wheels in a zip.
WHEELS = ".python_packages/lib/site-packages/"
LARGEST = 500 * 1024 * 1024
HOST = ROOT / "functions" / "azure"


@dataclass(frozen=True, kw_only=True)
class AzurePackage(Package):
    """The zip for Azure Functions."""

    requirements: Path = REQUIREMENTS
    wheels_under: str = WHEELS
    largest: int = LARGEST
    beside: tuple[tuple[str, Path], ...] = (
        ("function_app.py", HOST / "function_app.py"),
        ("host.json", HOST / "host.json"),
    )

    @cached_property
    def asset(self) -> pulumi.FileAsset:
        """The zip as it is, to be put into a container."""
        return pulumi.FileAsset(self.archive.path)
