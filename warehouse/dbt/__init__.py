"""The dbt project, and what is generated for it from the data contracts."""
