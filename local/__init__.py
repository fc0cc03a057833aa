"""The laptop lake: the same program, answered by stand-ins, with no account and no network."""
