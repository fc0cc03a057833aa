"""What weakens a lake on Azure: its vocabulary, who may do what, its flow, its apps, and what nobody set."""

from . import access, apps, flow, unset

OPERATORS = (access.mutants, flow.mutants, apps.mutants, unset.mutants)
