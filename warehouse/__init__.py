"""What runs in the warehouse: the SQL of pipes and tasks, the dbt project, the dashboard."""
