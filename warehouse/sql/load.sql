-- What the task of a source runs. There is no semicolon behind END: Snowflake keeps the text without it, and
-- a task that differed from its definition would be changed at every deployment.
BEGIN
    BEGIN TRANSACTION;
    -- Inside a transaction every statement sees the same batch of the stream, and COMMIT consumes it.
    -- producer_ts never changes for an event, so a repeat lies in the batch's days, give or take the window.
    LET lo TIMESTAMP_NTZ := (
        SELECT DATEADD('day', -{window_days}, MIN(arrived.PRODUCER_TS))
        FROM {stream} AS arrived
        WHERE arrived.PAYLOAD:quarantine IS NULL
    );
    LET hi TIMESTAMP_NTZ := (
        SELECT DATEADD('day', {window_days}, MAX(arrived.PRODUCER_TS))
        FROM {stream} AS arrived
        WHERE arrived.PAYLOAD:quarantine IS NULL
    );
    {merges}
    COMMIT;
EXCEPTION
    WHEN OTHER THEN
        ROLLBACK;
        RAISE;
END
