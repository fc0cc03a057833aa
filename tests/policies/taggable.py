"""Which types of the SDK take tags, read from its source: importing all of it takes a minute.

`.venv/bin/python -m tests.policies.taggable` writes the pack's list anew, after an upgrade of the SDK.
"""

import re
from importlib.util import find_spec
from pathlib import Path

LIST = Path(__file__).resolve().parents[2] / "policies" / "taggable.txt"
_TYPE = re.compile(r"super\(\w+, __self__\).__init__\(\s*'(aws:[^']+)'")
_TAGS = re.compile(r"^ +tags: pulumi\.Input\[Optional\[Mapping\[str, ", re.MULTILINE)


def taggable() -> list[str]:
    spec = find_spec("pulumi_aws")
    assert spec and spec.origin
    found: set[str] = set()
    for path in Path(spec.origin).parent.glob("*/*.py"):
        if path.name.startswith(("_", "get_")):
            continue
        _, made, init = path.read_text().partition("def _internal_init")
        arguments, _, body = init.partition("):\n")
        if made and _TAGS.search(arguments):
            found.update(_TYPE.findall(body))
    return sorted(found)


if __name__ == "__main__":
    LIST.write_text("\n".join(taggable()) + "\n")
