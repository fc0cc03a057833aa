"""The keys of the tokens: a secret that is born in a function, so that no state and no code ever holds it.

It lies in a vault of its own, so that who may read it is said by the vault and by nothing finer.
"""

from dataclasses import dataclass

import pulumi
from pulumi_azure_native import keyvault

from components.azure import roles
from components.azure.accounts import Account
from components.azure.function import Function, FunctionArgs, Plan
from components.azure.keys import Keys, KeysArgs, uri, vault

SECRET = "token-key"  # noqa: S105 (the name of a secret)


@dataclass(frozen=True, kw_only=True)
class TokenKeyArgs:
    """The plan on which the function runs that makes it, and what functions need."""

    keys_args: KeysArgs
    keys: Keys
    plan: Plan
    operations: Account


class TokenKey(pulumi.ComponentResource):
    """A root key and its versions, equal for all sources: tokens join across them."""

    vault: keyvault.Vault

    def __init__(self, name: str, args: TokenKeyArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("retaillake:azure:TokenKey", name, {}, opts)
        context = args.keys_args.context
        self.vault = vault(f"{name}-tokens", args.keys_args, parent=self)
        identity = context.identity(name, self)
        maker = roles.definition(
            f"{name}-maker",
            context,
            says="Makes the key of the tokens where there is none",
            data_actions=roles.MAKE_SECRET,
            parent=self,
        )
        may = roles.assign(name, role=maker.id, to=identity.principal_id, on=self.vault.id, parent=self)
        Function(
            name,
            FunctionArgs(
                context=context,
                plan=args.plan,
                operations=args.operations,
                keys=args.keys,
                observation=args.keys_args.observation,
                runs="token_key",
                identity=identity,
                environment={
                    "TOKEN_VAULT": uri(self.vault),
                    "TOKEN_SECRET": SECRET,
                    "TOKEN_VERSION": str(context.settings.keys.token_version),
                },
            ),
            (may,),
            pulumi.ResourceOptions(parent=self),
        )
        self.register_outputs({"vault": self.vault.id})
