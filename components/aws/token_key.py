"""The keys of the tokens: a secret that is born in a function, so that no state and no code ever holds it."""

from dataclasses import dataclass

import pulumi
import pulumi_aws as aws

from components import naming
from components.aws.context import Context
from components.aws.function import Function, FunctionArgs
from components.aws.iam import allow, via
from components.aws.keys import ENCRYPT_AND_DECRYPT
from components.aws.package import Package

# What a schedule rotates is how the secret is encrypted; a new version of the keys is asked for by setting.
# Secrets Manager wants a schedule; this is the longest.
ROTATION_DAYS = 1000


@dataclass(frozen=True, kw_only=True)
class TokenKeyArgs:
    """The key that encrypts the secret, and the package with the function that makes it."""

    context: Context
    package: Package
    key: aws.kms.Key


class TokenKey(pulumi.ComponentResource):
    """A root key and its versions, equal for all sources: tokens join across them."""

    secret: aws.secretsmanager.Secret

    def __init__(self, name: str, args: TokenKeyArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("retaillake:aws:TokenKey", name, {}, opts)
        context = args.context
        self.secret = aws.secretsmanager.Secret(
            name,
            description=f"Keys of the tokens of {context.base}",
            kms_key_id=args.key.arn,
            recovery_window_in_days=30 if context.settings.protect else 0,
            tags=context.tagged(naming.RESTRICTED),
            opts=pulumi.ResourceOptions(parent=self, protect=context.settings.protect),
        )
        maker = Function(
            name,
            FunctionArgs(
                context=context,
                package=args.package,
                key=args.key,
                handler="functions.token_key.handler.handler",
                purpose="Makes the keys of the tokens, and translates tokens of old versions",
                environment={"TOKEN_VERSION": str(context.settings.keys.token_version)},
                statements=(
                    allow(
                        "Secret",
                        [
                            "secretsmanager:DescribeSecret",
                            "secretsmanager:GetSecretValue",
                            "secretsmanager:PutSecretValue",
                            "secretsmanager:UpdateSecretVersionStage",
                        ],
                        self.secret.arn,
                    ),
                    allow(
                        "SecretKey",
                        ENCRYPT_AND_DECRYPT,
                        args.key.arn,
                        conditions=via(context, "secretsmanager"),
                    ),
                ),
            ),
            pulumi.ResourceOptions(parent=self),
        )
        permission = aws.lambda_.Permission(
            name,
            action="lambda:InvokeFunction",
            function=maker.function.name,
            principal="secretsmanager.amazonaws.com",
            source_arn=self.secret.arn,
            source_account=context.account,
            opts=pulumi.ResourceOptions(parent=self),
        )
        aws.secretsmanager.SecretRotation(
            name,
            secret_id=self.secret.id,
            rotation_lambda_arn=maker.function.arn,
            rotation_rules={"automatically_after_days": ROTATION_DAYS},
            opts=pulumi.ResourceOptions(parent=self, depends_on=[permission]),
        )
        self.register_outputs({"secret": self.secret.arn})
