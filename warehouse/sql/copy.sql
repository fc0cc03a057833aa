-- What the pipe of a source runs for every object under its prefix. It does not depend on the contract:
-- a changed contract never replaces a pipe.
COPY INTO {database}.RAW.{table} ({columns})
FROM (
    SELECT
        {values}
    FROM @{database}.RAW.LANDING/source={source}/
)
ON_ERROR = SKIP_FILE
