-- What re-identification opens: of every personal value its latest ciphertext and the key around it, by
-- token, kind, source and field. Of events only the batch is read; a value seen before is touched in place.
MERGE INTO {table} AS kept
USING (
    SELECT
        SPLIT_PART(found.PACKED, ':', 2) AS TOKEN,
        found.KIND,
        '{source}' AS SOURCE,
        found.FIELD,
        SPLIT_PART(found.PACKED, ':', 3) AS CIPHERTEXT,
        found.DATA_KEY,
        MIN(found.INGESTED_AT) OVER (
            PARTITION BY SPLIT_PART(found.PACKED, ':', 2), found.KIND, found.FIELD
        ) AS FIRST_SEEN,
        found.INGESTED_AT AS LAST_SEEN
    FROM (
        SELECT
            personal.FIELD,
            personal.KIND,
            CASE personal.FIELD
                {packed}
            END AS PACKED,
            arrived.PAYLOAD:key::VARCHAR AS DATA_KEY,
            arrived.INGESTED_AT,
            arrived.FILE_NAME,
            arrived.ROW_NUMBER
        FROM {stream} AS arrived
        CROSS JOIN (
            VALUES
            {fields}
        ) AS personal (FIELD, KIND)
        WHERE
            arrived.EVENT_TYPE = '{event}'
            AND NOT (
                {broken}
            )
    ) AS found
    WHERE REGEXP_LIKE(found.PACKED, '1:[A-Za-z0-9_-]{{32}}:[A-Za-z0-9+/]+=*:[^:]*')
    QUALIFY
        ROW_NUMBER() OVER (
            PARTITION BY SPLIT_PART(found.PACKED, ':', 2), found.KIND, found.FIELD
            ORDER BY found.INGESTED_AT DESC, found.FILE_NAME DESC, found.ROW_NUMBER DESC
        ) = 1
) AS batch
    ON
        kept.TOKEN = batch.TOKEN
        AND kept.KIND = batch.KIND
        AND kept.SOURCE = batch.SOURCE
        AND kept.FIELD = batch.FIELD
WHEN MATCHED AND batch.LAST_SEEN > kept.LAST_SEEN THEN
    UPDATE SET
        CIPHERTEXT = batch.CIPHERTEXT,
        DATA_KEY = batch.DATA_KEY,
        FIRST_SEEN = LEAST(kept.FIRST_SEEN, batch.FIRST_SEEN),
        LAST_SEEN = batch.LAST_SEEN
WHEN MATCHED AND batch.FIRST_SEEN < kept.FIRST_SEEN THEN
    UPDATE SET FIRST_SEEN = batch.FIRST_SEEN
WHEN NOT MATCHED THEN INSERT (
    {columns}
) VALUES (
    {inserted}
);
