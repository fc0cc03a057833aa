"""The transform of a source: reads its ingress hub, writes its protected hub, fails closed.

The host of Azure moves its mark past a batch that was given up. So the function tries without end, and a
batch that cannot be protected holds its partition until it can be, or until the hub forgets it.
"""

from dataclasses import dataclass

import pulumi
from pulumi_azure_native import authorization, eventhub, managedidentity

from components.azure import roles, streams
from components.azure.accounts import Account
from components.azure.capture import Capture
from components.azure.context import PROTECTED, Context
from components.azure.function import Function, FunctionArgs, Plan, connection, container_id
from components.azure.keys import PII_FIELD, PII_QUARANTINE, PURPOSES, Keys, uri
from components.azure.landing import OVERSIZE, LandingAccount
from components.azure.observe import Observation, Question, ask
from components.azure.token_key import SECRET, TokenKey
from components.pattern import ProtectionSpec, Stream


@dataclass(frozen=True, kw_only=True)
class TransformArgs:
    """What a source's transform works with.

    Parameters
    ----------
    protected
        The logical name of the hub that it writes.
    capture
        What writes that hub's records into the landing zone: on Azure a property of the hub itself.
    writer
        The role that puts objects, and neither reads nor lists any.
    """

    context: Context
    spec: ProtectionSpec
    namespace: streams.Namespace
    protected: str
    capture: Capture
    landing: LandingAccount
    writer: authorization.RoleDefinition
    keys: Keys
    token_key: TokenKey
    plan: Plan
    operations: Account
    observation: Observation


class Transform(pulumi.ComponentResource):
    """A source's transform, and the hub of what it protected."""

    protected: Stream

    def __init__(self, name: str, args: TransformArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("retaillake:azure:Transform", name, {}, opts)
        context, spec = args.context, args.spec
        hub = streams.hub(
            args.protected,
            PROTECTED,
            args.namespace.namespace,
            context,
            spec.streams,
            parent=self,
            capture=args.capture.description,
            after=args.capture.ready,
        )
        self.protected = Stream(source=spec.source, name=args.namespace.address(hub.name), id=hub.id)
        identity = context.identity(name, self)
        made = Function(
            name,
            FunctionArgs(
                context=context,
                plan=args.plan,
                operations=args.operations,
                keys=args.keys,
                observation=args.observation,
                runs="transform",
                identity=identity,
                environment=_environment(args, hub, identity),
            ),
            self._may(name, args, hub, identity),
            pulumi.ResourceOptions(parent=self),
        )
        self._alarms(name, args, made)
        self.register_outputs({"app": made.app.name, "protected": hub.name})

    def _may(
        self,
        name: str,
        args: TransformArgs,
        hub: eventhub.EventHub,
        identity: managedidentity.UserAssignedIdentity,
    ) -> tuple[pulumi.Resource, ...]:
        """All that a transform may do to data."""
        context, keys = args.context, args.keys
        may: list[tuple[str, pulumi.Input[str], pulumi.Input[str]]] = [
            ("reads", roles.builtin(context, roles.EVENT_HUBS_DATA_RECEIVER), args.namespace.ingress.id),
            ("writes", roles.builtin(context, roles.EVENT_HUBS_DATA_SENDER), hub.id),
            ("tokens", roles.builtin(context, roles.SECRETS_USER), args.token_key.vault.id),
            ("oversize", args.writer.id, container_id(args.landing.account, OVERSIZE)),
            *((key, keys.wrapper.id, keys.made[key].id) for key in PURPOSES),
        ]
        return tuple(
            roles.assign(f"{name}-{what}", role=role, to=identity.principal_id, on=on, parent=self)
            for what, role, on in may
        )

    def _alarms(self, name: str, args: TransformArgs, made: Function) -> None:
        source, settings = args.spec.source, args.context.settings.alarms
        measured = pulumi.Output.concat(
            'AppTraces | where AppRoleName == "', made.app.name, '" | extend said = parse_json(Message) '
        )
        questions = {
            "late": (
                f"Records of {source} wait more than {settings.late_minutes} minutes to be protected",
                f"| where toreal(said.late_seconds) > {settings.late_minutes * 60}",
            ),
            "quarantined": (
                f"Many records of {source} break their contract",
                "| summarize refused = sum(toint(said.quarantined)) by bin(TimeGenerated, 1m) "
                f"| where refused > {settings.quarantined_per_minute}",
            ),
        }
        for kind, (says, rest) in questions.items():
            query = pulumi.Output.concat(measured, rest)
            ask(f"{name}-{kind}", Question(says=says, query=query), args.context, args.observation, self)
        failing = Question(
            says=f"The transform of {source} fails, and tries again",
            query=pulumi.Output.concat('AppExceptions | where AppRoleName == "', made.app.name, '"'),
        )
        ask(f"{name}-failing", failing, args.context, args.observation, self)
        silent = Question(
            says=f"Records of {source} come in, and its transform does not run",
            query=pulumi.Output.concat(
                'AzureMetrics | where ResourceId =~ "',
                args.namespace.namespace.id,
                '" and MetricName == "IncomingMessages" | summarize came = sum(Total) | where came > 0 ',
                '| extend ran = toscalar(AppRequests | where AppRoleName == "',
                made.app.name,
                '" | count) | where ran == 0',
            ),
        )
        ask(f"{name}-silent", silent, args.context, args.observation, self)


def _environment(
    args: TransformArgs, hub: eventhub.EventHub, identity: managedidentity.UserAssignedIdentity
) -> dict[str, pulumi.Input[str]]:
    transform, keys = args.spec.transform, args.keys.made
    return {
        "SOURCE": args.spec.source,
        "INGRESS_HUB": args.namespace.ingress.name,
        "INGRESS_GROUP": args.namespace.group.name,
        "PROTECTED_NAMESPACE": args.namespace.host,
        "PROTECTED_HUB": hub.name,
        "PII_FIELD_KEY": keys[PII_FIELD].key_uri,
        "PII_QUARANTINE_KEY": keys[PII_QUARANTINE].key_uri,
        "TOKEN_VAULT": uri(args.token_key.vault),
        "TOKEN_SECRET": SECRET,
        "LANDING_ACCOUNT": pulumi.Output.concat(
            "https://", args.landing.account.name, ".blob.core.windows.net"
        ),
        "DATA_KEY_SECONDS": str(transform.data_key_seconds),
        **({"COUNTRY": transform.country} if transform.country else {}),
        "BATCH_SECONDS": str(transform.timeout_seconds),
        "AzureFunctionsJobHost__extensions__eventHubs__maxEventBatchSize": str(transform.batch_records),
        **connection("INGRESS", "fullyQualifiedNamespace", args.namespace.host, identity),
    }
