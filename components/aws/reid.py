"""Re-identification on AWS: a REST API that asks IAM who calls, a function, and two tables.

The function is the one identity that may unwrap data keys of personal values. What it may do with the journal
is to add to it; its table's policy says the same to everybody else.
"""

from dataclasses import dataclass

import pulumi
import pulumi_aws as aws

from components import naming
from components.aws.alarms import Alarm, sound
from components.aws.context import Context
from components.aws.function import Function, FunctionArgs
from components.aws.iam import Statement, allow, via
from components.aws.keys import Keys, encryption_context
from components.aws.package import Package
from components.aws.reid_api import ReidApi, ReidApiArgs
from components.aws.reid_tables import ReidTables, ReidTablesArgs
from components.aws.subjects import FORGET
from components.aws.token_key import TokenKey
from components.pattern import ReidService, ReidSpec

METRICS = "RetailLake"  # what the function itself measures, through its log
# The front door waits for 29.
TIMEOUT_SECONDS = 28


@dataclass(frozen=True, kw_only=True)
class ReidentificationArgs:
    """What re-identification works with.

    Parameters
    ----------
    subjects
        The table of the subjects' secrets, where a contract says whose its values are.
    alarms
        The topic on which its alarms sound.
    """

    context: Context
    spec: ReidSpec
    package: Package
    keys: Keys
    token_key: TokenKey
    subjects: aws.dynamodb.Table | None
    alarms: pulumi.Input[str]


class Reidentification(pulumi.ComponentResource):
    """The service that turns tokens back into values, when somebody else approved."""

    service: ReidService

    def __init__(
        self, name: str, args: ReidentificationArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        super().__init__("retaillake:aws:Reidentification", name, {}, opts)
        context, spec, options = args.context, args.spec, pulumi.ResourceOptions(parent=self)
        tables = ReidTables(name, ReidTablesArgs(context=context, key=args.keys.operations), options)
        login = self._login(name, args)
        made = Function(
            name,
            FunctionArgs(
                context=context,
                package=args.package,
                key=args.keys.operations,
                handler="functions.reid.handler.handler",
                purpose="Turns tokens back into values, on approval",
                statements=_statements(args, tables, login),
                environment={
                    "RULES": _rules(context, spec),
                    "PII_KEY_ARN": args.keys.pii.arn,
                    "TOKEN_KEY_SECRET_ARN": args.token_key.secret.arn,
                    "WAREHOUSE_SECRET_ARN": login.arn,
                    "WAREHOUSE_ROLE": spec.role,
                    "WAREHOUSE_COMPUTE": spec.compute,
                    "WAREHOUSE_DATABASE": spec.database,
                    "REQUESTS_TABLE": tables.requests.name,
                    "JOURNAL_TABLE": tables.journal.name,
                    **({"SUBJECTS_TABLE": args.subjects.name} if args.subjects else {}),
                },
                memory_mb=512,
                timeout_seconds=TIMEOUT_SECONDS,
                reserved=spec.reid.concurrency,
            ),
            options,
        )
        api = ReidApi(
            name,
            ReidApiArgs(context=context, reid=spec.reid, key=args.keys.operations, function=made.function),
            options,
        )
        self._alarms(name, args, made.function, api)
        self.service = ReidService(
            url=api.url, requests=tables.requests.name, journal=tables.journal.name, login=login.arn
        )
        self.register_outputs({"url": api.url})

    def _login(self, name: str, args: ReidentificationArgs) -> aws.secretsmanager.Secret:
        """Make the empty secret of the warehouse's user: an operator puts the key, which is in no state."""
        context = args.context
        return aws.secretsmanager.Secret(
            f"{name}-login",
            description=f"By which re-identification of {context.base} logs in to the warehouse",
            kms_key_id=args.keys.operations.arn,
            recovery_window_in_days=30 if context.settings.protect else 0,
            tags=context.tagged(naming.RESTRICTED),
            opts=pulumi.ResourceOptions(parent=self, protect=context.settings.protect),
        )

    def _alarms(
        self, name: str, args: ReidentificationArgs, function: aws.lambda_.Function, api: ReidApi
    ) -> None:
        ours, reid = {"service": "reid"}, args.spec.reid
        alarms = {
            "failing": Alarm(
                says="Re-identification fails",
                namespace="AWS/Lambda",
                metric="Errors",
                dimensions={"FunctionName": function.name},
                statistic="Sum",
            ),
            "broken": Alarm(
                says="Re-identification answers with faults of its own",
                namespace="AWS/ApiGateway",
                metric="5XXError",
                dimensions={"ApiName": api.name, "Stage": api.stage.stage_name},
                statistic="Sum",
            ),
            "volume": Alarm(
                says=f"More than {reid.revealed_per_hour} values were revealed in an hour",
                namespace=METRICS,
                metric="TokensRevealed",
                dimensions=ours,
                above=reid.revealed_per_hour,
                statistic="Sum",
                minutes=60,
            ),
            "erased": Alarm(
                says=f"More than {reid.erased_per_hour} people were erased in an hour",
                namespace=METRICS,
                metric="SubjectsErased",
                dimensions=ours,
                above=reid.erased_per_hour,
                statistic="Sum",
                minutes=60,
            ),
            "refused": Alarm(
                says="Re-identification refuses again and again: somebody tries",
                namespace=METRICS,
                metric="Refused",
                dimensions=ours,
                above=10,
                statistic="Sum",
                minutes=5,
            ),
            "denied": Alarm(
                says="The key of personal values denies re-identification",
                namespace=METRICS,
                metric="DecryptDenied",
                dimensions=ours,
                statistic="Sum",
            ),
            "unreadable": Alarm(
                says="A stored value is not what was put there",
                namespace=METRICS,
                metric="Unreadable",
                dimensions=ours,
                statistic="Sum",
            ),
        }
        for kind, alarm in alarms.items():
            sound(f"{name}-{kind}", alarm, args.context, args.alarms, self)


def _rules(context: Context, spec: ReidSpec) -> pulumi.Output[str]:
    """Return what `functions.reid.rules.Rules` reads."""
    reid = spec.reid
    return pulumi.Output.json_dumps(
        {
            "account": context.account,
            "requesters": sorted(reid.marketing_ops),
            "approvers": sorted(reid.privacy_officers),
            "purposes": {name: sorted(purpose.kinds) for name, purpose in sorted(reid.purposes.items())},
            "tokens_per_day": reid.tokens_per_day,
            "life_seconds": reid.life_minutes * 60,
        }
    )


def _statements(
    args: ReidentificationArgs, tables: ReidTables, login: aws.secretsmanager.Secret
) -> tuple[Statement, ...]:
    context, keys = args.context, args.keys
    return (
        # A transaction is allowed by what is in it. No Delete of its own tables, of the journal no Update.
        allow(
            "KeepRequests",
            ["dynamodb:GetItem", "dynamodb:PutItem", "dynamodb:UpdateItem"],
            tables.requests.arn,
        ),
        allow("AddToJournal", ["dynamodb:PutItem", "dynamodb:Query"], tables.journal.arn),
        allow(
            "UnwrapDataKeys",
            ["kms:Decrypt"],
            keys.pii.arn,
            conditions=encryption_context(*context.sources, purposes=("field",)),
        ),
        *([allow("Forget", FORGET, args.subjects.arn)] if args.subjects else []),
        allow("ReadSecrets", ["secretsmanager:GetSecretValue"], [args.token_key.secret.arn, login.arn]),
        allow(
            "OwnData",
            ["kms:Decrypt"],
            keys.operations.arn,
            conditions=via(context, "dynamodb", "secretsmanager"),
        ),
    )
