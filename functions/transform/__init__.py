"""The transform: from a source's ingress stream to its protected stream, failing closed.

Every event is decoded, validated against its contract, identified, protected and encoded. What cannot be is
sealed, with the reason, and lands like any other record.
"""
