"""The entry that Azure's host looks for at the root of the zip: the functions of this app.

`FUNCTION` in the environment says which of the zip's functions an app runs: each has an identity of its own.
"""

import os

import azure.functions as azure

FUNCTIONS = ("token_key", "transform")


def chosen(name: str) -> azure.FunctionApp:
    """Return the functions of an app.

    Raises
    ------
    ValueError
        If there are no such functions.
    """
    match name:
        case "transform":
            from functions.transform.azure_handler import app as found  # noqa: PLC0415 (one app, one import)
        case "token_key":
            from functions.token_key.azure_handler import app as found  # noqa: PLC0415 (as above)
        case _:
            raise ValueError(f"FUNCTION: expected one of {', '.join(FUNCTIONS)}, not {name!r}")
    return found


app = chosen(os.environ.get("FUNCTION", ""))
