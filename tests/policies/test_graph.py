"""The graph finds what belongs to what by values and by dependencies, and never raises on the unknown."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from policies.graph import UNKNOWN, Graph, unknown
from policies.statements import matches, overlap, statements
from tests.policies import stack_kit
from tests.policies.stack_kit import Part, Stack

BUCKET, POLICY = "aws:s3/bucket:Bucket", "aws:s3/bucketPolicy:BucketPolicy"


def graph(*parts: Part) -> Graph:
    return Graph(Stack(list(parts)).resources())


def test_values_are_plain_and_unknown_ones_are_marked() -> None:
    props = {
        "a": {"b": [1, {"c": stack_kit.UNKNOWN}], "d": None},
        "e": stack_kit.UNKNOWN,
        "f": "x",
        "g": True,
    }
    node = graph(Part(type=BUCKET, name="b", props=props)).nodes[0]
    assert node.props == {"a": {"b": [1, {"c": UNKNOWN}], "d": None}, "e": UNKNOWN, "f": "x", "g": True}
    assert node.get("a.b") == [1, {"c": UNKNOWN}]
    assert node.get("e.anything.below") is UNKNOWN
    assert node.get("f.below") is None
    assert node.get("nothing") is None
    assert (node.text("f"), node.text("e"), node.text("a")) == ("x", None, None)
    assert (node.number("g"), node.number("e"), node.items("e"), node.section("e")) == (None, None, [], {})
    assert unknown(node.get("a")) and not unknown(node.get("f"))


def test_resources_are_found_by_type_and_urn() -> None:
    made = graph(Part(type=BUCKET, name="a"), Part(type=POLICY, name="a"), Part(type=BUCKET, name="b"))
    assert [node.name for node in made.of(BUCKET)] == ["a", "b"]
    assert [node.type for node in made.of(POLICY, BUCKET)] == [POLICY, BUCKET, BUCKET]
    node = made.by_urn(f"urn:pulumi:t::t::{BUCKET}::b")
    assert node is made.of(BUCKET)[1]
    assert made.by_urn("urn:pulumi:t::t::x::y") is None


@pytest.mark.parametrize(
    ("value", "depends", "found"),
    [
        ("bucket-b", "a", "b"),  # a value that is known wins
        ("arn:aws:s3:::bucket-b", "a", "b"),
        ("put together from a", "a", "a"),
        (stack_kit.UNKNOWN, "a", "a"),
        (stack_kit.UNKNOWN, None, None),
        ("elsewhere", None, None),
        (None, None, None),
        (7, None, None),
    ],
)
def test_companions(value: Any, depends: str | None, found: str | None) -> None:
    buckets = {
        name: Part(
            type=BUCKET, name=name, props={"bucket": f"bucket-{name}", "arn": f"arn:aws:s3:::bucket-{name}"}
        )
        for name in ("a", "b")
    }
    policy = Part(
        type=POLICY,
        name="p",
        props={"bucket": value},
        depends={"bucket": [buckets[depends]] if depends else []},
    )
    made = graph(*buckets.values(), policy)
    assert [one.name for one in made.of(BUCKET) if made.companions(one, "bucket", POLICY)] == [
        *([found] if found else [])
    ]


def test_a_name_means_a_resource_of_the_type_that_is_asked_for() -> None:
    role = Part(type="aws:iam/role:Role", name="r", props={"name": "same"})
    function = Part(type="aws:lambda/function:Function", name="f", props={"name": "same"})
    policy = Part(type="aws:iam/rolePolicy:RolePolicy", name="p", props={"role": "same"})
    made = graph(role, function, policy)
    assert [node.name for node in made.targets(made.nodes[2], "role", role.type)] == ["r"]


STATEMENT = {"Effect": "Allow", "Action": "s3:*", "Resource": "*"}


@pytest.mark.parametrize(
    ("document", "count"),
    [
        (UNKNOWN, None),
        (None, 0),
        ("", 0),
        ("[]", 0),
        ('{"Statement": "x"}', 0),
        ({"Statement": STATEMENT}, 1),
        ({"Statement": [STATEMENT, None, "x", STATEMENT]}, 2),
        ('{"Statement": {"Effect": "Allow", "Action": ["a", 1], "Condition": []}}', 1),
    ],
)
def test_documents(document: Any, count: int | None) -> None:
    found = statements(document)
    assert (None if found is None else len(found)) == count


def test_who_a_statement_is_for() -> None:
    root = {"AWS": ["arn:aws:iam::1:root"], "Service": "x.amazonaws.com"}
    (plain,) = statements({"Statement": {**STATEMENT, "Principal": root}}) or ()
    assert plain.callers == ("arn:aws:iam::1:root", "x.amazonaws.com")
    narrow = {
        "ArnLike": {"AWS:principalarn": ["arn:a", "arn:b"]},
        "ArnNotLike": {"aws:PrincipalArn": "arn:c"},
    }
    (narrowed,) = statements({"Statement": {**STATEMENT, "Principal": root, "Condition": narrow}}) or ()
    assert narrowed.callers == ("arn:a", "arn:b")


TEXT = st.text(alphabet="ab/", max_size=4)
PATTERN = st.text(alphabet="ab*?", max_size=5)


@given(PATTERN, TEXT)
def test_a_text_overlaps_with_the_patterns_that_match_it(pattern: str, text: str) -> None:
    assert overlap(pattern, text) == overlap(text, pattern) == matches(pattern, text)


@given(PATTERN, PATTERN, st.text(alphabet="ab", max_size=6))
def test_patterns_that_match_the_same_text_overlap(one: str, other: str, text: str) -> None:
    if matches(one, text) and matches(other, text):
        assert overlap(one, other)


@pytest.mark.parametrize(
    ("one", "other", "do"),
    [
        ("a*", "*b", True),
        ("a*", "b*", False),
        ("a?", "*b", True),
        ("a/*", "a", False),
        ("?", "", False),
        ("*", "", True),
    ],
)
def test_overlap(one: str, other: str, do: bool) -> None:
    assert overlap(one, other) is overlap(other, one) is do
