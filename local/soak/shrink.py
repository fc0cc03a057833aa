"""Makes a payload that breaks a rule as small as it can be and still break it."""

from collections.abc import Callable

TRIES = 3000


def smallest(raw: bytes, breaks: Callable[[bytes], bool], *, tries: int = TRIES) -> bytes:
    """Leave out ever smaller parts, as long as what remains still breaks the rule (delta debugging).

    Parameters
    ----------
    breaks
        Says whether a payload does; it does for `raw`.
    tries
        How often to ask at most.
    """
    size = len(raw) // 2
    while size and tries:
        at, removed = 0, False
        while at < len(raw) and tries:
            tries -= 1
            shorter = raw[:at] + raw[at + size :]
            if breaks(shorter):
                raw, removed = shorter, True
            else:
                at += size
        if not removed or size > len(raw):
            size //= 2
    return raw
