"""Names of resource types, whichever version of a cloud's API they speak to."""

import re
from functools import cache

# `azure-native:storage/v20230101:StorageAccount` before version 3 of the provider; since then a package of
# its own, `azure-native_storage_v20240101:storage:StorageAccount`.
_AZURE = re.compile(r"azure-native(?:_\w+)?:(\w+)(?:/\w+)?:(\w+)")


@cache
def unversioned(token: str) -> str:
    """Return the token that the same type has in the provider's default version."""
    found = _AZURE.fullmatch(token)
    return f"azure-native:{found[1]}:{found[2]}" if found else token
