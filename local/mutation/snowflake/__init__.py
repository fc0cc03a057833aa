"""What weakens the warehouse: its vocabulary, and masks, tags, grants and what it reads."""

from . import warehouse

OPERATORS = (warehouse.mutants,)
