"""What weakens a lake on AWS: its vocabulary, its documents, its flow, and what nobody set."""

from . import documents, flow, unset

OPERATORS = (documents.mutants, flow.mutants, unset.mutants)
