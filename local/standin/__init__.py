"""Stand-ins for the clouds' providers, and the two engines that deploy the program with them."""

from .inprocess import Run, run_in_process

__all__ = ["Run", "run_in_process"]
