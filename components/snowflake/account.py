"""What holds for the whole account: how people log in, how services do, and from where.

An account has one of each; the stack that owns it, by its settings, sets them.
"""

from dataclasses import dataclass

import pulumi
import pulumi_snowflake as snowflake

from settings import Snowflake


@dataclass(frozen=True, kw_only=True)
class AccountPoliciesArgs:
    """The settings, and the schema that holds the policies."""

    settings: Snowflake
    schema: snowflake.Schema


class AccountPolicies(pulumi.ComponentResource):
    """Policies of the account, made and attached."""

    def __init__(
        self, name: str, args: AccountPoliciesArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        super().__init__("retaillake:snowflake:AccountPolicies", name, {}, opts)
        self._options = pulumi.ResourceOptions(parent=self)
        self._passwords(name, args)
        self._sessions(name, args)
        self._authentication(name, args)
        network = snowflake.NetworkPolicy(
            name,
            name=f"{args.settings.role_prefix}ACCOUNT",
            allowed_ip_lists=list(args.settings.networks),
            comment="Where anybody may come from who has no policy of their own",
            opts=self._options,
        )
        snowflake.NetworkPolicyAttachment(
            name, network_policy_name=network.name, set_for_account=True, opts=self._options
        )
        self.register_outputs({})

    def _passwords(self, name: str, args: AccountPoliciesArgs) -> None:
        people = args.settings.account.people
        policy = snowflake.PasswordPolicy(
            name,
            database=args.schema.database,
            schema=args.schema.name,
            name="PASSWORDS",
            min_length=people.password_length,
            min_upper_case_chars=1,
            min_lower_case_chars=1,
            min_numeric_chars=1,
            min_special_chars=1,
            max_age_days=people.password_days,
            max_retries=people.password_tries,
            lockout_time_mins=30,
            history=24,
            comment="Of people who have a password at all",
            opts=self._options,
        )
        snowflake.AccountPasswordPolicyAttachment(
            name, password_policy=policy.fully_qualified_name, opts=self._options
        )

    def _sessions(self, name: str, args: AccountPoliciesArgs) -> None:
        minutes = args.settings.account.people.idle_minutes
        policy = snowflake.SessionPolicy(
            name,
            database=args.schema.database,
            schema=args.schema.name,
            name="SESSIONS",
            session_idle_timeout_mins=minutes,
            session_ui_idle_timeout_mins=minutes,
            # Several faces at once would be the fullest one: a session has the role that it says.
            allowed_secondary_roles={"none": True},
            comment="How long a session may stand still, and that it has one role",
            opts=self._options,
        )
        snowflake.AccountSessionPolicyAttachment(
            name, session_policy_name=policy.fully_qualified_name, opts=self._options
        )

    def _authentication(self, name: str, args: AccountPoliciesArgs) -> None:
        """People by single sign-on, or by password with a second factor; services by their key."""
        people = snowflake.AuthenticationPolicy(
            f"{name}-people",
            database=args.schema.database,
            schema=args.schema.name,
            name="PEOPLE",
            authentication_methods=["SAML", "PASSWORD"],
            mfa_enrollment="REQUIRED",
            client_types=["SNOWFLAKE_UI", "DRIVERS", "SNOWFLAKE_CLI"],
            comment="People: single sign-on, or a password and a second factor",
            opts=self._options,
        )
        services = snowflake.AuthenticationPolicy(
            f"{name}-services",
            database=args.schema.database,
            schema=args.schema.name,
            name="SERVICES",
            authentication_methods=["KEYPAIR"],
            client_types=["DRIVERS"],
            comment="Services: their key pair and nothing else",
            opts=self._options,
        )
        snowflake.AccountAuthenticationPolicyAttachment(
            f"{name}-people",
            authentication_policy=people.fully_qualified_name,
            for_all_person_users=True,
            opts=self._options,
        )
        snowflake.AccountAuthenticationPolicyAttachment(
            f"{name}-services",
            authentication_policy=services.fully_qualified_name,
            for_all_service_users=True,
            opts=self._options,
        )
