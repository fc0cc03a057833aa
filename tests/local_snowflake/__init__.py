"""The laptop's Snowflake, tested."""
