"""Names fit their services, stay unique, and can be read."""

import re

from hypothesis import given
from hypothesis import strategies as st

from components import naming

STACK = st.from_regex(r"[A-Za-z0-9_.\-]{1,100}", fullmatch=True)
SOURCE = st.from_regex(r"[a-z][a-z0-9_]{0,80}", fullmatch=True)


@given(STACK, SOURCE, st.sampled_from([naming.BUCKET - naming.AUTONAME, naming.ROLE, naming.STREAM]))
def test_every_name_fits_and_says_at_its_end_what_it_is(stack: str, source: str, longest: int) -> None:
    name = naming.fit(f"{naming.base('retaillake', stack)}-{source}-transform", longest)
    assert len(name) <= longest
    assert name.endswith("transform")
    assert re.fullmatch(r"retaillake-[a-z0-9_-]+", name)


@given(STACK, STACK)
def test_two_stacks_never_share_a_name(one: str, other: str) -> None:
    names = {
        naming.fit(f"{naming.base('retaillake', stack)}-pos-transform", naming.ROLE) for stack in (one, other)
    }
    assert len(names) == len({one, other})


def test_a_plain_name_stays_as_it_is() -> None:
    assert naming.base("retaillake", "prod") == "retaillake-prod"
    assert naming.fit("retaillake-prod-pos-transform", naming.ROLE) == "retaillake-prod-pos-transform"
