-- What re-identification opens: of every personal value its latest ciphertext and the key around it, by
-- token, kind, source, field and subject. Of events only the batch is read; a value seen before is touched in
-- place.
MERGE INTO {table} AS kept
USING (
    SELECT
        opened.TOKEN,
        opened.KIND,
        '{source}' AS SOURCE,
        opened.FIELD,
        opened.CIPHERTEXT,
        opened.DATA_KEY,
        MIN(opened.INGESTED_AT) OVER (
            PARTITION BY opened.TOKEN, opened.KIND, opened.FIELD, opened.SUBJECT_ID
        ) AS FIRST_SEEN,
        opened.INGESTED_AT AS LAST_SEEN,
        opened.SUBJECT_ID
    FROM (
        SELECT
            found.*,
            SPLIT_PART(found.PACKED, ':', 2) AS TOKEN,
            SPLIT_PART(found.PACKED, ':', 3) AS CIPHERTEXT,
            IFF(
                found.PACKED LIKE '2:%', LEFT(SPLIT_PART(found.PACKED, ':', 3), {subject_length}), ''
            ) AS SUBJECT_ID
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
        WHERE REGEXP_LIKE(found.PACKED, '{pattern}')
    ) AS opened
    QUALIFY
        ROW_NUMBER() OVER (
            PARTITION BY opened.TOKEN, opened.KIND, opened.FIELD, opened.SUBJECT_ID
            ORDER BY opened.INGESTED_AT DESC, opened.FILE_NAME DESC, opened.ROW_NUMBER DESC
        ) = 1
) AS batch
    ON
        kept.TOKEN = batch.TOKEN
        AND kept.KIND = batch.KIND
        AND kept.SOURCE = batch.SOURCE
        AND kept.FIELD = batch.FIELD
        AND COALESCE(kept.SUBJECT_ID, '') = batch.SUBJECT_ID
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
