"""Stand-ins of the Snowflake resources that the program uses."""

from . import access, account, governance, loading, sharing, tables, users

__all__ = ["access", "account", "governance", "loading", "sharing", "tables", "users"]
