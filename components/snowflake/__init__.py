"""The warehouse: what Snowflake keeps, who may see it, and the SQL it runs."""
