"""The verbs of ``python -m local``, and what they do."""
