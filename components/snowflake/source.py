"""A source in Snowflake: pipe → RAW → stream and task → STAGING, with every personal column tagged."""

from collections.abc import Sequence
from dataclasses import dataclass

import pulumi
import pulumi_snowflake as snowflake

import contracts
from components.pattern import Form, NotificationChannel
from components.snowflake import sql
from components.snowflake.landing import Stage
from components.snowflake.tables import table
from components.snowflake.warehouse import Warehouse
from contracts import Event
from settings import Settings


@dataclass(frozen=True, kw_only=True)
class SourceArgs:
    """Which source, from which stage, into which warehouse."""

    settings: Settings
    source: str
    events: tuple[Event, ...]
    warehouse: Warehouse
    stage: Stage
    channel: NotificationChannel
    form: Form
    listener: snowflake.NotificationIntegration | None


class Source(pulumi.ComponentResource):
    """All tables of a source, and what moves its records from one to the next."""

    def __init__(self, name: str, args: SourceArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("retaillake:snowflake:Source", name, {}, opts)
        # Grants on what is to come are there before it comes.
        after_grants = pulumi.ResourceOptions(
            parent=self, protect=args.settings.protect, depends_on=[args.warehouse.access]
        )
        raw = table(
            f"{name}-raw",
            args.warehouse.schemas["RAW"],
            contracts.raw_table(args.source),
            contracts.RAW_COLUMNS,
            comment=f"What {args.source} sent, protected, as it landed",
            change_tracking=True,  # a stream needs it
            opts=after_grants,
        )
        # A pipe is bound to its queue when it is made, and cannot be before it may listen.
        if args.channel.trusted:
            self._pipe(name, args, raw)
        stream = self._stream(name, args, raw)
        staging = {
            event.table: table(
                f"{name}-{event.name.replace('_', '-')}",
                args.warehouse.schemas["STAGING"],
                event.table,
                (*contracts.ENVELOPE_COLUMNS, *event.columns),
                comment=f"{args.source}.{event.name}, one row per event",
                opts=after_grants,
            )
            for event in args.events
        }
        tagged = self._tag(name, args, staging)
        # Nothing is written to a column that is not masked yet.
        shared = [args.warehouse.quarantine, args.warehouse.governance.vault]
        self._task(name, args, [raw, stream, *shared, *staging.values(), *tagged])
        self.register_outputs({"raw": raw.fully_qualified_name})

    def _pipe(self, name: str, args: SourceArgs, raw: snowflake.Table) -> None:
        settings = args.settings.snowflake
        snowflake.Pipe(
            name,
            database=raw.database,
            schema=raw.schema,
            name=f"{contracts.raw_table(args.source)}_PIPE",
            copy_statement=sql.copy_statement(settings.database, args.source, args.form),
            auto_ingest=True,
            aws_sns_topic_arn=None if args.listener else args.channel.address,
            integration=args.listener.name if args.listener else None,
            comment=f"Loads the objects of {args.source} as they land",
            opts=pulumi.ResourceOptions(
                parent=self,
                protect=args.settings.protect,
                depends_on=[raw, args.stage, *args.channel.ready],
                # A pipe whose stage was made anew loads nothing, and says nothing.
                replace_with=[args.stage],
            ),
        )

    def _stream(self, name: str, args: SourceArgs, raw: snowflake.Table) -> snowflake.StreamOnTable:
        return snowflake.StreamOnTable(
            name,
            database=raw.database,
            schema=raw.schema,
            name=f"{contracts.raw_table(args.source)}_STREAM",
            table=raw.fully_qualified_name,
            append_only="true",
            comment=f"Records of {args.source} that are not staged yet",
            opts=pulumi.ResourceOptions(parent=self),
        )

    def _tag(
        self, name: str, args: SourceArgs, staging: dict[str, snowflake.Table]
    ) -> list[snowflake.TagAssociation]:
        """Tag every personal column with its kind; the tag masks it."""
        columns: dict[str, list[pulumi.Output[str]]] = {}
        for event in args.events:
            for column in event.columns:
                if column.pii:
                    identifier = pulumi.Output.concat(
                        staging[event.table].fully_qualified_name, f'."{column.name}"'
                    )
                    columns.setdefault(column.pii, []).append(identifier)
        return [
            snowflake.TagAssociation(
                f"{name}-{kind.replace('_', '-')}",
                object_type="COLUMN",
                object_identifiers=identifiers,
                tag_id=args.warehouse.governance.tags[kind].fully_qualified_name,
                tag_value=args.source,
                opts=pulumi.ResourceOptions(parent=self),
            )
            for kind, identifiers in columns.items()
        ]

    def _task(self, name: str, args: SourceArgs, after: Sequence[pulumi.Resource]) -> None:
        settings, raw = args.settings.snowflake, contracts.raw_table(args.source)
        schema, seconds = args.warehouse.schemas["STAGING"], settings.staging_seconds
        snowflake.Task(
            name,
            database=schema.database,
            schema=schema.name,
            name=f"LOAD_{raw}",
            warehouse=args.warehouse.compute["transform"].name,
            schedule={"seconds": seconds} if seconds % 60 else {"minutes": seconds // 60},
            when=f"SYSTEM$STREAM_HAS_DATA('{settings.database}.RAW.{raw}_STREAM')",
            sql_statement=sql.load_task(
                settings.database, args.source, args.events, settings.dedupe_window_days
            ),
            allow_overlapping_execution="false",
            # A task that gave up would look like a quiet day.
            suspend_task_after_num_failures=0,
            started=True,
            comment=f"Merges what {args.source} sent into its events' tables",
            opts=pulumi.ResourceOptions(parent=self, depends_on=list(after)),
        )
