"""Stand-ins of the Snowflake resources that the program uses."""

from . import access, account, governance, loading, tables

__all__ = ["access", "account", "governance", "loading", "tables"]
