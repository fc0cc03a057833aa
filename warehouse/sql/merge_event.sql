MERGE INTO {table} AS staged
USING (
    SELECT
        {values}
    FROM {stream} AS arrived
    WHERE
        arrived.EVENT_TYPE = '{event}'
        AND NOT (
            {broken}
        )
    QUALIFY
        ROW_NUMBER() OVER (
            PARTITION BY arrived.EVENT_ID, arrived.SOURCE
            ORDER BY arrived.INGESTED_AT, arrived.FILE_NAME, arrived.ROW_NUMBER
        ) = 1
) AS batch
    ON
        staged.EVENT_ID = batch.EVENT_ID
        AND staged.SOURCE = batch.SOURCE
        AND staged.PRODUCER_TS BETWEEN :lo AND :hi
WHEN NOT MATCHED THEN INSERT (
    {columns}
) VALUES (
    {inserted}
);
