"""Properties read as what they should be; of another type, they are as if missing."""

from collections.abc import Iterator

from policies.rules import Props, elements


def text(props: Props, key: str) -> str:
    """The property ``key``, or an empty text where it is missing or none."""
    found = props.get(key)
    return found if isinstance(found, str) else ""


def on(props: Props, key: str) -> bool:
    """Whether a switch is on; Snowflake takes some of them as texts."""
    found = props.get(key)
    return found is True or (isinstance(found, str) and found.lower() == "true")


def texts(props: Props, key: str) -> Iterator[str]:
    """The texts in a list, without what is not known yet."""
    return (item for item in elements(props.get(key)) if isinstance(item, str))
