"""All that is asked of Snowflake: who gets in, what is granted and shown, what comes in, what it costs."""

from policies import (
    snowflake_compute,
    snowflake_data,
    snowflake_grants,
    snowflake_loading,
    snowflake_users,
)

POLICIES = (
    *snowflake_users.POLICIES,
    *snowflake_grants.POLICIES,
    *snowflake_data.POLICIES,
    *snowflake_loading.POLICIES,
    *snowflake_compute.POLICIES,
)
