"""The transform as a Lambda function behind an event source mapping of the ingress stream.

The environment says what it works on:

`SOURCE`
    Whose events these are.
`PII_KEY_ARN`
    The key that wraps data keys; the function may only encrypt with it.
`TOKEN_KEY_SECRET_ARN`
    The secret with the keys of tokens.
`PROTECTED_STREAM`
    The stream to write to.
`LANDING_BUCKET`
    Where sealed records go that are too large for the delivery, below `oversize/`.
`DATA_KEY_SECONDS`
    How long a data key is used; 3600 if it is not set.
`SUBJECTS_TABLE`
    The table of the subjects' secrets; needed where a contract of the source says whose its values are.
`COUNTRY`
    Where events were written that do not say it, as two letters; if it is not set, nobody knows.

A batch fails as a whole only if the key service, a table or the secret or object store does; what the
protected stream does not take in time is answered as failed. Either way the ingress stream keeps the records,
and the mapping tries again; what was written before is written twice, with the same ids.
"""

import os
import time
from base64 import b64encode
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Protocol, TypedDict

from aws_lambda_powertools import Logger, Metrics, single_metric
from aws_lambda_powertools.metrics import MetricUnit

import contracts
from functions.shared import aws
from functions.shared.protection import DataKeys, Purpose
from functions.shared.put_records import encode_natively
from functions.shared.subject_secrets import Secrets, SubjectTable
from functions.shared.tokens import TokenKeys
from functions.transform.batch import OVERSIZE, Batch, BatchTransform, KinesisRecord, keywords
from functions.transform.core import Transform
from functions.transform.environment import Environment
from functions.transform.owned import Owners
from functions.transform.sink import ProtectedStream

NAMESPACE = "RetailLake"
# Kept of the function's time to answer in.
MARGIN_SECONDS = 5.0

logger = Logger(service="transform")


class Context(Protocol):
    """What the function asks the runtime."""

    def get_remaining_time_in_millis(self) -> int: ...  # noqa: D102


class KinesisEvent(TypedDict):
    """What the event source mapping hands over."""

    Records: list[KinesisRecord]


class Failure(TypedDict):
    """A record from which on the mapping shall try again."""

    itemIdentifier: str


class Answer(TypedDict):
    """What the event source mapping wants to know."""

    batchItemFailures: list[Failure]


@dataclass(frozen=True, kw_only=True)
class Settings(Environment):
    """The function's environment."""

    pii_key_arn: str
    token_key_secret_arn: str
    protected_stream: str
    landing_bucket: str
    subjects_table: str = ""


class Function:
    """The transform of one source, with its clients; one for the life of a container."""

    def __init__(
        self,
        settings: Settings,
        *,
        kms: aws.Kms,
        secrets: aws.SecretsManager,
        s3: aws.S3,
        stream: ProtectedStream,
        subjects: Callable[[], SubjectTable],
    ) -> None:
        def wrap(key: bytes, purpose: Purpose) -> bytes:
            context = {"source": settings.source, "purpose": purpose}
            answer = kms.encrypt(KeyId=settings.pii_key_arn, Plaintext=key, EncryptionContext=context)
            return answer["CiphertextBlob"]

        secret = secrets.get_secret_value(SecretId=settings.token_key_secret_arn)
        token_keys = TokenKeys.read(secret.get("SecretBinary", b""))
        ours = [one for one in contracts.load().contracts if one.source == settings.source]
        erasable = any(one.subject for one in ours)
        if erasable and not settings.subjects_table:
            raise ValueError("the transform's environment: SUBJECTS_TABLE is not set, and contracts need it")
        transform = Transform(settings.source, ours, token_keys, settings.country, erasable=erasable)
        keys = DataKeys(wrap=wrap, seconds=settings.data_key_seconds)
        owners = Owners(Secrets(client=subjects(), table=settings.subjects_table)) if erasable else None
        self._batches = BatchTransform(transform, keys, owners)
        self._bucket, self._s3, self._stream = settings.landing_bucket, s3, stream
        self._metrics = Metrics(namespace=NAMESPACE, service="transform")
        self._source = settings.source

    def run(self, event: KinesisEvent, *, seconds: float) -> Answer:
        """Transform and write a batch; answer with what the protected stream did not take in that time."""
        batch = self._batches.run(event["Records"], now=time.time())
        for sealed in batch.objects.values():
            self._s3.put_object(
                Bucket=self._bucket,
                Key=sealed.name,
                Body=sealed.body,
                ContentType="application/octet-stream",
                ChecksumSHA256=b64encode(sealed.sha256).decode(),
            )
        left, errors = self._stream.put(batch.entries, seconds=seconds)
        if batch.refused:
            logger.warning("events sealed", extra={"reasons": dict(batch.refused)})
        if batch.failures:
            logger.error("events sealed for a fault of ours", extra={"exceptions": dict(batch.failures)})
        if left:
            logger.error(
                "the protected stream took only part", extra={"left": len(left), "errors": dict(errors)}
            )
        self._measure(batch, left=len(left))
        return {"batchItemFailures": [{"itemIdentifier": batch.sequences[number]} for number in left]}

    def _measure(self, batch: Batch, *, left: int) -> None:
        by_keyword = keywords(batch.refused)
        for name, unit, value in (
            ("Accepted", MetricUnit.Count, batch.accepted),
            ("Quarantined", MetricUnit.Count, batch.refused.total() - by_keyword[OVERSIZE]),
            ("Oversize", MetricUnit.Count, len(batch.objects)),
            ("Undelivered", MetricUnit.Count, left),
            ("BytesIn", MetricUnit.Bytes, batch.bytes_in),
            ("BytesOut", MetricUnit.Bytes, batch.bytes_out),
        ):
            self._metrics.add_metric(name, unit, value)
        self._metrics.add_dimension("source", self._source)
        self._metrics.flush_metrics()
        for keyword, number in by_keyword.items():
            with single_metric("Refused", MetricUnit.Count, number, namespace=NAMESPACE) as metric:
                metric.add_dimension("source", self._source)
                metric.add_dimension("keyword", keyword)


@cache
def function() -> Function:
    """Return the container's function; made by the first invocation, and by the next if that failed.

    Not while the module loads: a snapshot of the process must not hold a data key.
    """
    settings = Settings.read(os.environ)
    return Function(
        settings,
        kms=aws.client("kms"),
        secrets=aws.client("secretsmanager"),
        s3=aws.client("s3"),
        subjects=lambda: aws.client("dynamodb"),
        stream=ProtectedStream(client=encode_natively(aws.client("kinesis")), name=settings.protected_stream),
    )


def handler(event: KinesisEvent, context: Context) -> Answer:
    """Answer an invocation."""
    seconds = context.get_remaining_time_in_millis() / 1000 - MARGIN_SECONDS
    return function().run(event, seconds=max(seconds, 0.0))
