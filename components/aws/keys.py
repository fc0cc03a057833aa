"""The keys. Administrators may administer and not use; who may use is named, role by role.

`pii` wraps the data keys of personal values: the transforms may encrypt with it, and nobody may decrypt
but re-identification, for the purpose `field`, where the stack has it; replay is not named yet. `landing`
encrypts the landing zone's objects. `operations` encrypts what is in motion and what is kept about it:
streams, queues, topics, logs, secrets, and the tables of re-identification. A stack with a trail
of its own has `audit` beside them: who may read what was done need not be able to read anything else. Where a
stack owns the warehouse's account, Snowflake may compose its own key with `warehouse` (Tri-Secret Secure).
"""

from dataclasses import dataclass

import pulumi
import pulumi_aws as aws

from components import naming
from components.aws import context as names
from components.aws.context import Context
from components.aws.iam import Statement, allow, document, via

# No CreateGrant: a grant is a way to use a key.
ADMINISTRATION = (
    "kms:CancelKeyDeletion",
    "kms:CreateAlias",
    "kms:DeleteAlias",
    "kms:DescribeKey",
    "kms:DisableKey",
    "kms:DisableKeyRotation",
    "kms:EnableKey",
    "kms:EnableKeyRotation",
    "kms:GetKeyPolicy",
    "kms:GetKeyRotationStatus",
    "kms:ListGrants",
    "kms:ListKeyPolicies",
    "kms:ListKeyRotations",
    "kms:ListResourceTags",
    "kms:PutKeyPolicy",
    "kms:RevokeGrant",
    "kms:RotateKeyOnDemand",
    "kms:ScheduleKeyDeletion",
    "kms:TagResource",
    "kms:UntagResource",
    "kms:UpdateAlias",
    "kms:UpdateKeyDescription",
)
ENCRYPT_AND_DECRYPT = ("kms:Decrypt", "kms:GenerateDataKey")


@dataclass(frozen=True, kw_only=True)
class KeysArgs:
    """Where the keys are, and for which sources."""

    context: Context


class Keys(pulumi.ComponentResource):
    """The stack's keys."""

    pii: aws.kms.Key
    landing: aws.kms.Key
    operations: aws.kms.Key
    audit: aws.kms.Key | None = None
    warehouse: aws.kms.Key | None = None

    def __init__(self, name: str, args: KeysArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("retaillake:aws:Keys", name, {}, opts)
        context = args.context
        self.pii = self._key(
            "pii", "personal values", context, [*_encrypt_only(context), *_reveal(context)], naming.RESTRICTED
        )
        self.landing = self._key(
            "landing", "the landing zone's objects", context, _landing(context), naming.CONFIDENTIAL
        )
        self.operations = self._key(
            "operations",
            "streams, queues, topics, logs and secrets",
            context,
            _operations(context),
            naming.RESTRICTED,
        )
        if context.settings.audit.trail:
            self.audit = self._key(
                "audit", "the audit trail's files", context, _audit(context), naming.INTERNAL
            )
        if principal := context.settings.snowflake.account.tri_secret:
            self.warehouse = self._key(
                "warehouse", "the warehouse's own key", context, [_tri_secret(principal)], naming.RESTRICTED
            )
        self.register_outputs({"keys": [key.arn for key in self.all]})

    @property
    def all(self) -> tuple[aws.kms.Key, ...]:
        """Every key that there is."""
        made = (self.pii, self.landing, self.operations, self.audit, self.warehouse)
        return tuple(key for key in made if key)

    def _key(
        self, purpose: str, encrypts: str, context: Context, use: list[Statement], classification: str
    ) -> aws.kms.Key:
        name = f"{context.base}-{purpose}"
        key = aws.kms.Key(
            name,
            description=f"Encrypts {encrypts} of {context.base}",
            enable_key_rotation=True,
            deletion_window_in_days=context.settings.keys.deletion_days,
            policy=document(_administration(context), *use),
            tags=context.tagged(classification),
            # What it encrypted cannot be read without it.
            opts=pulumi.ResourceOptions(parent=self, protect=context.settings.protect),
        )
        aws.kms.Alias(
            name,
            name=f"alias/{naming.fit(name, naming.KEY_ALIAS)}",
            target_key_id=key.key_id,
            opts=pulumi.ResourceOptions(parent=self),
        )
        return key


def _administration(context: Context) -> Statement:
    administrators = list(context.settings.keys.administrators) or [context.root]
    return allow("Administration", ADMINISTRATION, "*", principal={"AWS": administrators})


def _by(context: Context, sid: str, actions: tuple[str, ...], roles: list[str], **when: object) -> Statement:
    """Allow roles by their ARN: as principals they would have to exist already."""
    return allow(
        sid,
        actions,
        "*",
        principal={"AWS": context.root},
        conditions={"ArnEquals": {"aws:PrincipalArn": roles}, "StringEquals": when},
    )


def _encrypt_only(context: Context) -> list[Statement]:
    """Each transform may wrap data keys of its own source, and nobody may unwrap them."""
    return [
        allow(
            "Transform" + "".join(part.capitalize() for part in source.split("_")),
            ("kms:Encrypt",),
            "*",
            principal={"AWS": context.root},
            conditions={
                "ArnEquals": {
                    "aws:PrincipalArn": context.role_arn(context.source_name(source, names.TRANSFORM))
                },
                **encryption_context(source),
            },
        )
        for source in context.sources
    ]


def _reveal(context: Context) -> list[Statement]:
    """Re-identification may unwrap data keys of single values, of every source, and of nothing else."""
    if context.settings.reid is None:
        return []
    condition = {
        "ArnEquals": {"aws:PrincipalArn": context.role_arn(f"{context.base}-{names.REID}")},
        **encryption_context(*context.sources, purposes=("field",)),
    }
    root = {"AWS": context.root}
    return [allow("Reidentification", ("kms:Decrypt",), "*", principal=root, conditions=condition)]


def encryption_context(
    *sources: str, purposes: tuple[str, ...] = ("field", "quarantine")
) -> dict[str, dict[str, object]]:
    """Return the condition that a wrapped data key says whose it is and what for, and nothing else."""
    return {
        "StringEquals": {
            "kms:EncryptionContext:source": sources[0] if len(sources) == 1 else list(sources),
            "kms:EncryptionContext:purpose": purposes[0] if len(purposes) == 1 else list(purposes),
        },
        "ForAllValues:StringEquals": {"kms:EncryptionContextKeys": ["source", "purpose"]},
    }


def _tri_secret(principal: str) -> Statement:
    """Allow what SYSTEM$GET_CMK_CONFIG asks for, to the user of Snowflake's that it names."""
    return allow(
        "Snowflake",
        ("kms:Decrypt", "kms:GenerateDataKeyWithoutPlaintext"),
        "*",
        principal={"AWS": principal},
    )


def _landing(context: Context) -> list[Statement]:
    objects = dict(via(context, "s3")["StringEquals"])
    return [
        # Decrypt, because an object that is uploaded in parts is put together under its key.
        _by(
            context,
            "Delivery",
            ENCRYPT_AND_DECRYPT,
            context.source_roles(names.DELIVERY),
            **objects,
        ),
        _by(
            context,
            "Oversize",
            ("kms:GenerateDataKey",),
            context.source_roles(names.TRANSFORM),
            **objects,
        ),
        _by(
            context,
            "Warehouse",
            ("kms:Decrypt",),
            [context.role_arn(f"{context.base}-{names.WAREHOUSE_READER}")],
            **objects,
        ),
    ]


def _operations(context: Context) -> list[Statement]:
    readers = context.source_roles(names.TRANSFORM) + context.source_roles(names.DELIVERY)
    keepers = [context.role_arn(f"{context.base}-{names.TOKEN_KEY}")]
    if context.settings.reid:
        keepers.append(context.role_arn(f"{context.base}-{names.REID}"))
    streams = dict(via(context, "kinesis")["StringEquals"])
    secrets = dict(via(context, "secretsmanager")["StringEquals"])
    group = f"arn:{context.partition}:logs:{context.region}:{context.account}:log-group:*"
    return [
        # Ingress carries plaintext: to put is for IAM to allow, to read is for these alone.
        allow(
            "PutToStreams",
            ("kms:GenerateDataKey",),
            "*",
            principal={"AWS": context.root},
            conditions=via(context, "kinesis"),
        ),
        _by(context, "ReadStreams", ("kms:Decrypt",), readers, **streams),
        _by(
            context,
            "Secrets",
            ENCRYPT_AND_DECRYPT,
            [*context.source_roles(names.TRANSFORM), *keepers],
            **secrets,
        ),
        allow(
            "Queues",
            ENCRYPT_AND_DECRYPT,
            "*",
            principal={"AWS": context.root},
            conditions=via(context, "sqs"),
        ),
        allow(
            "Objects",
            ENCRYPT_AND_DECRYPT,
            "*",
            principal={"Service": "s3.amazonaws.com"},
            conditions={"StringEquals": {"aws:SourceAccount": context.account}},
        ),
        # These two say nothing of the account when they publish to an encrypted topic or queue.
        allow(
            "Publishers",
            ENCRYPT_AND_DECRYPT,
            "*",
            principal={"Service": ["sns.amazonaws.com", "cloudwatch.amazonaws.com"]},
        ),
        allow(
            "Logs",
            ("kms:Decrypt", "kms:DescribeKey", "kms:Encrypt", "kms:GenerateDataKey*", "kms:ReEncrypt*"),
            "*",
            principal={"Service": f"logs.{context.region}.amazonaws.com"},
            conditions={"ArnLike": {"kms:EncryptionContext:aws:logs:arn": group}},
        ),
        *_tables(context),
    ]


def _tables(context: Context) -> list[Statement]:
    """Who may read tables does so by this key; who deploys lets the service itself use it."""
    reid = context.settings.reid
    readers = [context.role_arn(context.source_name(one, names.TRANSFORM)) for one in context.erasable]
    if reid:
        readers += [context.role_arn(f"{context.base}-{names.REID}"), *context.people_arns(reid.auditors)]
    if not readers:
        return []
    through = dict(via(context, "dynamodb")["StringEquals"])
    return [
        allow(
            "Tables",
            ("kms:Decrypt",),
            "*",
            principal={"AWS": context.root},
            conditions={"ArnLike": {"aws:PrincipalArn": readers}, "StringEquals": through},
        ),
        # A table is made with grants for the service itself, and with nothing else.
        allow(
            "TableGrants",
            ("kms:CreateGrant",),
            "*",
            principal={"AWS": context.root},
            conditions={
                "StringEquals": through,
                "Bool": {"kms:GrantIsForAWSResource": "true"},
            },
        ),
    ]


def _audit(context: Context) -> list[Statement]:
    """The trail encrypts, and who is named may read its files."""
    readers = list(context.settings.audit.readers)
    objects = dict(via(context, "s3")["StringEquals"])
    return [
        allow(
            "Trail",
            ("kms:DescribeKey", "kms:GenerateDataKey*"),
            "*",
            principal={"Service": "cloudtrail.amazonaws.com"},
            conditions={"StringEquals": {"aws:SourceArn": context.trail_arn}},
        ),
        *([_by(context, "Readers", ("kms:Decrypt",), readers, **objects)] if readers else []),
    ]
