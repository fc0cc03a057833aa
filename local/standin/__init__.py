"""Stand-ins for the clouds' providers, and the two engines that deploy the program with them.

`deploy`, `refresh` and `destroy` work on emulators; `preview` needs none. `run_in_process` is what tests use:
the whole program in this process, answered by recordings.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .engines import DeployError, Deployment, deploy, destroy, preview, refresh
    from .inprocess import Run, run_in_process

__all__ = ["DeployError", "Deployment", "Run", "deploy", "destroy", "preview", "refresh", "run_in_process"]

_IN = {"Run": "inprocess", "run_in_process": "inprocess"}


def __getattr__(name: str) -> Any:
    """Import an engine when it is first asked for: the SDKs behind it take their time."""
    if name not in __all__:
        raise AttributeError(f"module {__name__} has no attribute {name}")
    return getattr(importlib.import_module(f".{_IN.get(name, 'engines')}", __name__), name)
