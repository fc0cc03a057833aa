-- Who read which personal column, when: Snowflake's own history of what queries accessed (it is up to three
-- hours behind), where a mask stood before the column, whatever it showed; and the vault, which has none.
SELECT
    reading.QUERY_START_TIME AS READ_AT,
    reading.USER_NAME,
    query.ROLE_NAME,
    source.VALUE:objectName::VARCHAR AS TABLE_NAME,
    member.VALUE:columnName::VARCHAR AS COLUMN_NAME,
    LOWER(REGEXP_REPLACE(mask.VALUE:policyName::VARCHAR, '^.*MASK_', '')) AS KIND,
    reading.QUERY_ID
FROM SNOWFLAKE.ACCOUNT_USAGE.ACCESS_HISTORY AS reading
INNER JOIN SNOWFLAKE.ACCOUNT_USAGE.QUERY_HISTORY AS query ON reading.QUERY_ID = query.QUERY_ID,
    LATERAL FLATTEN(INPUT => reading.POLICIES_REFERENCED) AS source,
    LATERAL FLATTEN(INPUT => source.VALUE:columns) AS member,
    LATERAL FLATTEN(INPUT => member.VALUE:policies) AS mask
WHERE STARTSWITH(mask.VALUE:policyName::VARCHAR, '{database}.GOVERNANCE.MASK_')
UNION ALL
SELECT
    reading.QUERY_START_TIME AS READ_AT,
    reading.USER_NAME,
    query.ROLE_NAME,
    source.VALUE:objectName::VARCHAR AS TABLE_NAME,
    member.VALUE:columnName::VARCHAR AS COLUMN_NAME,
    'vault' AS KIND,
    reading.QUERY_ID
FROM SNOWFLAKE.ACCOUNT_USAGE.ACCESS_HISTORY AS reading
INNER JOIN SNOWFLAKE.ACCOUNT_USAGE.QUERY_HISTORY AS query ON reading.QUERY_ID = query.QUERY_ID,
    LATERAL FLATTEN(INPUT => reading.BASE_OBJECTS_ACCESSED) AS source,
    LATERAL FLATTEN(INPUT => source.VALUE:columns) AS member
WHERE source.VALUE:objectName::VARCHAR = '{database}.GOVERNANCE.PII_VAULT'
