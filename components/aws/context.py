"""What every stage on AWS knows of its stack: where it is, how things are called, what they share."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import pulumi
import pulumi_aws as aws

from components import naming
from components.pattern import CloudSpec
from settings import Settings

INGRESS = "ingress"
PROTECTED = "protected"
TRANSFORM = "transform"
DELIVERY = "delivery"
TOKEN_KEY = "token-key"  # noqa: S105 (the name of a function)
WAREHOUSE_READER = "warehouse-reader"
AUDIT = "audit"
REID = "reid"
SUBJECTS = "subjects"


@dataclass(frozen=True, kw_only=True)
class Context:
    """A stack's place and names on AWS.

    Parameters
    ----------
    base
        What all names of the stack begin with.
    erasable
        The sources whose values are protected with secrets of their subjects.
    streams_host
        Where clients of the streams send to.
    """

    base: str
    settings: Settings
    sources: tuple[str, ...]
    erasable: tuple[str, ...]
    tags: Mapping[str, str]
    account: str
    region: str
    partition: str
    streams_host: str

    @classmethod
    def find(cls, base: str, spec: CloudSpec, parent: pulumi.Resource) -> "Context":
        """Ask the provider where the stack is deployed to."""
        options = pulumi.InvokeOptions(parent=parent)
        region = aws.get_region(opts=options).region
        return cls(
            base=base,
            settings=spec.settings,
            sources=spec.sources,
            erasable=spec.erasable,
            tags=spec.tags,
            account=aws.get_caller_identity(opts=options).account_id,
            region=region,
            partition=aws.get_partition(opts=options).partition,
            streams_host=aws.get_service(service_id="kinesis", region=region, opts=options).dns_name,
        )

    @property
    def root(self) -> str:
        """The account, as a principal of policies."""
        return f"arn:{self.partition}:iam::{self.account}:root"

    def tagged(self, classification: str) -> dict[str, str]:
        """Return the tags of something that holds data of a class."""
        return naming.classified(self.tags, classification)

    def source_name(self, source: str, kind: str) -> str:
        """Return the logical name of a source's part."""
        return f"{self.base}-{source}-{kind}"

    def role_arn(self, logical: str) -> str:
        """Return the ARN that a role of this logical name has, or will have.

        Key policies and the warehouse's integration must name roles that are made after them.
        """
        return f"arn:{self.partition}:iam::{self.account}:role/{naming.fit(logical, naming.ROLE)}"

    def people_arns(self, roles: Iterable[str]) -> list[str]:
        """Return patterns of the ARNs of people's roles, which may have any path: sign-in gives them one."""
        prefix = f"arn:{self.partition}:iam::{self.account}:role"
        return [f"{prefix}/{path}{role}" for role in roles for path in ("", "*/")]

    def source_roles(self, kind: str) -> list[str]:
        """Return the ARNs of all sources' roles of a kind."""
        return [self.role_arn(self.source_name(source, kind)) for source in self.sources]

    @property
    def trail_name(self) -> str:
        """The name that the stack's trail has, or will have."""
        return naming.fit(f"{self.base}-{AUDIT}", naming.TRAIL)

    @property
    def trail_arn(self) -> str:
        """Its ARN, for the key and the bucket that must know the trail before it is made."""
        return f"arn:{self.partition}:cloudtrail:{self.region}:{self.account}:trail/{self.trail_name}"

    @property
    def role_prefix(self) -> str:
        """What the names of all roles of the stack begin with, shortened ones too."""
        return f"{self.base}-"[: naming.ROLE // 2 - naming.DIGEST - 2]
