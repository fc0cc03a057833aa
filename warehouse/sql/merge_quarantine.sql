-- Whatever is in no event's table is here, with the reason: what the transform sealed, and what it passed
-- and the warehouse has no place for. No window: this table is small, or something is badly wrong.
MERGE INTO {table} AS kept
USING (
    SELECT judged.*
    FROM (
        SELECT
            {values}
        FROM {stream} AS arrived
    ) AS judged
    WHERE judged.REASON IS NOT NULL
    QUALIFY
        ROW_NUMBER() OVER (
            PARTITION BY judged.EVENT_ID, judged.SOURCE
            ORDER BY judged.RECEIVED_AT, judged.FILE_NAME, judged.ROW_NUMBER
        ) = 1
) AS batch
    ON
        kept.EVENT_ID = batch.EVENT_ID
        AND kept.SOURCE = batch.SOURCE
WHEN NOT MATCHED THEN INSERT (
    {columns}
) VALUES (
    {inserted}
);
