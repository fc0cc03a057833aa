"""The laptop's Snowflake: fakesnow on DuckDB, and a layer for what it lacks (see `session` for the inside)."""
