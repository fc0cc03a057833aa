"""The transform's environment, whatever cloud it is in: variables named as the fields of its settings."""

from collections.abc import Mapping
from dataclasses import MISSING, dataclass, fields
from typing import Self

from functions.shared.phones import COUNTRIES


@dataclass(frozen=True, kw_only=True)
class Environment:
    """What every cloud's transform is told; each cloud's own settings add their fields."""

    source: str
    data_key_seconds: float = 3600
    country: str | None = None

    @classmethod
    def read(cls, environment: Mapping[str, str]) -> Self:
        """Read the settings.

        Raises
        ------
        ValueError
            With every variable that is missing.
        """
        found = {f.name: environment.get(f.name.upper(), "") for f in fields(cls)}
        seconds, country = found.pop("data_key_seconds") or "3600", found.pop("country") or None
        needed = {f.name for f in fields(cls) if f.default is MISSING}
        faults = [f"{name.upper()} is not set" for name in found if name in needed and not found[name]]
        if not seconds.isdecimal() or int(seconds) == 0:
            faults.append(f"DATA_KEY_SECONDS is a whole number of seconds, not {seconds!r}")
        if country is not None and country not in COUNTRIES:
            faults.append(f"COUNTRY is two letters of ISO 3166, such as US, not {country!r}")
        if faults:
            raise ValueError("the transform's environment: " + "; ".join(faults))
        return cls(**found, data_key_seconds=float(seconds), country=country)
