"""One session of the laptop's Snowflake, and how other modules of this package plug into it.

Running SQL from inside the process (what a task, a pipe or a scripting block does)::

    session = engine.session(role="SYSADMIN", database="RETAIL_LOCAL", schema="RAW")
    result = session.execute("SELECT * FROM POS WHERE SOURCE = ?", ["pos"])     # binds: list, or None
    result.columns        # ("PAYLOAD", "EVENT_ID", …)
    result.rows           # list of tuples of Python values (VARIANT comes as JSON text)
    result.rowcount       # rows returned, or rows changed by DML
    session.close()

Faults are `snowflake.connector.errors.ProgrammingError` with Snowflake's message, `errno` and `sqlstate`.
`BEGIN [TRANSACTION]`, `COMMIT`, `ROLLBACK` work as statements; `session.in_transaction` tells. A consumed stream's
offset is written in the transaction of the DML that read it, whoever executes it. A write conflict (two consumers of
one stream) is a `ProgrammingError` with errno 625 and has rolled the transaction back: try again.

Plugging in. `scripting`, `tasks` and `pipes` each define ``install(engine: Engine) -> None``, which `Engine` calls
after the catalogue was restored and before the port opens:

* ``engine.register(prefix, handler)``: `handler(session, statement) -> Result` answers statements that begin with
  the prefix, e.g. ``"CREATE TASK"``, ``"ALTER PIPE"``, ``"SHOW TASKS"``, ``"EXECUTE TASK"``, ``"DESCRIBE PIPE"``
  (DESC is the same), ``"EXECUTE IMMEDIATE"``. For CREATE the words OR REPLACE, and for all IF [NOT] EXISTS, are
  already taken: ``statement.replace``, ``statement.if_not_exists``, ``statement.if_exists``. See `commands.Statement`
  for reading the rest: ``.name(session)``, ``.word()``, ``.string()``, ``.accept("WORD", …)``, ``.expect(…)``,
  ``.properties()``, ``.rest()`` (the remaining text, as written), ``.end()``.
* ``engine.register_block(handler)``: `handler(session, sql) -> Result` for anonymous blocks (``BEGIN … END``,
  ``DECLARE … END``), recognised by the session.
* ``engine.register_function(name, handler)``: a scalar system function of literal arguments such as
  SYSTEM$PIPE_STATUS: `handler(session, *arguments) -> str | int | float | bool | None`, evaluated before the statement.
* ``engine.register_table_function(name, handler)``: an INFORMATION_SCHEMA table function such as TASK_HISTORY:
  `handler(session, arguments: dict[str, object], database: str) -> Result`; named arguments by their upper-case name,
  positional ones by "0", "1", …; `arguments` values are Python literals.
* ``engine.service(name, run)``: `run(stop: threading.Event)` runs in a thread between `engine.start()` and
  `engine.stop()`; it must look at `stop` often (`stop.wait(seconds)`), and may not raise.
* ``engine.on_commit(listener)``: `listener(database)` is called after a transaction that changed data (a stream may
  have data now); it must return at once (set an event).

Keeping things. `engine.catalog` holds every object, persisted with the database it lives in::

    catalog.put(session, Entry(kind="TASK", name=name, owner=session.role, properties={…}))   # insert or replace
    catalog.get("TASK", name) -> Entry | None            # name: names.Name(database, schema, name)
    catalog.all("TASK", database=…, schema=…) -> list[Entry]
    catalog.drop(session, "TASK", name) -> bool
    catalog.record(session, "TASK", name, {...})         # append to its history (kept in the same database)
    catalog.history("TASK", database="DB", name=name, limit=10000) -> list[dict]  # oldest first

`properties` is anything JSON can hold. Inside an open transaction these writes belong to it. Privileges:
``session.require("OPERATE", "TASK", name)`` raises Snowflake's "does not exist or not authorized".
``Result.of(columns, rows)`` makes an answer; ``Result.status("Task … successfully created.")`` a one-liner.
"""
