"""The calls of AWS that the functions make: clients as far as they are used, and no further."""

from typing import Any, Protocol, cast

import boto3  # pyright: ignore[reportMissingTypeStubs] (it comes with the runtime, without types)
from botocore.config import Config  # pyright: ignore[reportMissingTypeStubs] (as above)
from botocore.exceptions import ClientError  # pyright: ignore[reportMissingTypeStubs] (as above)


class Kms(Protocol):
    """The key service: it wraps, and for us it never unwraps."""

    def encrypt(self, **arguments: Any) -> dict[str, Any]:
        """Wrap a data key."""
        ...


class Kinesis(Protocol):
    """A stream to write to."""

    def put_records(self, **arguments: Any) -> dict[str, Any]:
        """Write up to 500 records, each of which may fail."""
        ...


class S3(Protocol):
    """A bucket to write to."""

    def put_object(self, **arguments: Any) -> dict[str, Any]:
        """Write an object."""
        ...


class SecretsManager(Protocol):
    """A secret to read, and to make the first version of."""

    def get_secret_value(self, **arguments: Any) -> dict[str, Any]:
        """Return a version of the secret."""
        ...

    def describe_secret(self, **arguments: Any) -> dict[str, Any]:
        """Return the versions there are, and their labels."""
        ...

    def put_secret_value(self, **arguments: Any) -> dict[str, Any]:
        """Make a version."""
        ...

    def update_secret_version_stage(self, **arguments: Any) -> dict[str, Any]:
        """Move a label to a version."""
        ...


def client(service: str) -> Any:
    """Return a client that gives up in time for its function to answer."""
    config = Config(
        connect_timeout=3,
        read_timeout=20,
        retries={"mode": "standard", "total_max_attempts": 4},
        # The arguments are ours; the tests check every call against the service's model.
        parameter_validation=False,
    )
    return cast(Any, boto3).client(service, config=config)


def is_missing(error: ClientError) -> bool:
    """Say whether a call failed because there is no such thing."""
    response: dict[str, Any] = error.response  # pyright: ignore[reportUnknownMemberType] (untyped)
    return response.get("Error", {}).get("Code") == "ResourceNotFoundException"
