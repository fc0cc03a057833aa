"""Masking policies and tags."""

from __future__ import annotations

from ..adapter import Inputs, Place, register
from .client import SnowflakeAdapter


@register
class MaskingPolicy(SnowflakeAdapter):
    """A masking policy."""

    type = "snowflake:index/maskingPolicy:MaskingPolicy"
    kind = "MASKING POLICY"


@register
class Tag(SnowflakeAdapter):
    """A tag."""

    type = "snowflake:index/tag:Tag"
    kind = "TAG"


@register
class TagAssociation(SnowflakeAdapter):
    """Objects that carry a tag."""

    type = "snowflake:index/tagAssociation:TagAssociation"
    kind = "TAG"
    autoname = None
    computed = {}
    replace_on = frozenset({"tagId", "objectType"})

    def identity(self, inputs: Inputs) -> str | None:
        """Return nothing: one tag may be put on objects by several resources."""
        return None

    def record_id(self, place: Place, urn_name: str, inputs: Inputs) -> str:
        """Return tag, value and kind of object, as the provider does."""
        return f"{inputs['tagId']}|{inputs['tagValue']}|{inputs['objectType']}"
