"""Names of objects, against the examples in Firehose's documentation."""

import re
from datetime import UTC, datetime

import pytest

from local.dataplane.prefix import PrefixError, evaluate, object_key

MOMENT = datetime(2018, 8, 27, 10, 30, 5, tzinfo=UTC)


@pytest.mark.parametrize(
    ("prefix", "evaluated"),
    [
        ("", "2018/08/27/10/"),
        ("myFirehosePrefix", "myFirehosePrefix2018/08/27/10/"),
        ("myPrefix/!{timestamp:yyyy}/", "myPrefix/2018/"),
        (
            "landing/source=pos/dt=!{timestamp:yyyy-MM-dd}/hr=!{timestamp:HH}/",
            "landing/source=pos/dt=2018-08-27/hr=10/",
        ),
        ("!{timestamp:'year='yyyy'/month='MM'/day='dd'/hour='HH/}", "year=2018/month=08/day=27/hour=10/"),
        ("!{timestamp:yyyy'-'MM'-'dd}/", "2018-08-27/"),
    ],
)
def test_prefix(prefix: str, evaluated: str) -> None:
    assert evaluate(prefix, MOMENT) == evaluated


def test_random_string_differs_and_has_eleven_characters() -> None:
    first, second = (evaluate("!{firehose:random-string}/", MOMENT) for _ in range(2))
    assert re.fullmatch(r"[A-Za-z0-9]{11}/", first)
    assert first != second


def test_error_type_is_for_error_prefixes_only() -> None:
    assert (
        evaluate("e/!{firehose:error-output-type}/", MOMENT, error_type="processing-failed")
        == "e/processing-failed/"
    )
    with pytest.raises(PrefixError, match="error-output-type"):
        evaluate("e/!{firehose:error-output-type}/", MOMENT)


@pytest.mark.parametrize("prefix", ["!{partitionKeyFromQuery:store}/", "!{timestamp:YYYY}/", "!{nonsense}/"])
def test_what_is_not_known_is_refused(prefix: str) -> None:
    with pytest.raises(PrefixError):
        evaluate(prefix, MOMENT)


def test_key_is_prefix_stream_version_time_and_unique_end() -> None:
    key = object_key("p/!{timestamp:HH}/", "pos-1", MOMENT.timestamp(), zone="UTC", extension=".gz")
    assert re.fullmatch(r"p/10/pos-1-2018-08-27-10-30-05-[0-9a-f-]{36}\.gz", key)
    tokyo = object_key("!{timestamp:HH}/", "pos-1", MOMENT.timestamp(), zone="Asia/Tokyo", extension="")
    assert tokyo.startswith("19/pos-1-2018-08-27-19-30-05-")
