"""When a task runs: every so many seconds, minutes or hours, or by a cron expression in a time zone."""

from __future__ import annotations

import calendar
import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import TypeAlias
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

_INTERVAL = re.compile(r"(\d+)\s*(S|M|H|SECONDS?|MINUTES?|HOURS?)", re.IGNORECASE)
_UNITS = {"S": 1, "M": 60, "H": 3600}
_SHORTEST, _LONGEST = timedelta(seconds=10), timedelta(days=8)
_MONTHS = {
    name: number
    for number, name in enumerate(
        ["JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"], 1
    )
}
_DAYS = {name: number for number, name in enumerate(["SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"])}
_HORIZON = 366 * 8  # days within which even the 29th of February comes


class ScheduleError(ValueError):
    """A schedule that says nothing, or that Snowflake would refuse."""


@dataclass(frozen=True, kw_only=True)
class Interval:
    """A run every so often, counted from the start of the task."""

    every: timedelta

    def after(self, moment: datetime) -> datetime:
        """Return the first run after a moment which was the start, or a run."""
        return moment + self.every


@dataclass(frozen=True, kw_only=True)
class Cron:
    """A run at every minute of a time zone that the five fields allow."""

    minutes: tuple[int, ...]
    hours: tuple[int, ...]
    days: frozenset[int] | None
    last_day: bool
    months: frozenset[int]
    weekdays: frozenset[int] | None
    last_weekdays: frozenset[int]
    zone: ZoneInfo

    def after(self, moment: datetime) -> datetime:
        """Return the first run after a moment."""
        today = moment.astimezone(self.zone).date()
        for ahead in range(_HORIZON):
            day = today + timedelta(days=ahead)
            if not self._has(day):
                continue
            for hour in self.hours:
                for minute in self.minutes:
                    local = datetime.combine(day, time(hour, minute), self.zone)
                    run = local.astimezone(UTC)
                    # What the clocks skip in spring is no time at all.
                    if run > moment and run.astimezone(self.zone).time() == local.time():
                        return run
        raise ScheduleError("a cron expression that no day meets")

    def _has(self, day: date) -> bool:
        if day.month not in self.months:
            return False
        final = calendar.monthrange(day.year, day.month)[1]
        weekday = day.isoweekday() % 7
        by_day = (self.days is not None and day.day in self.days) or (self.last_day and day.day == final)
        by_week = (self.weekdays is not None and weekday in self.weekdays) or (
            weekday in self.last_weekdays and day.day > final - 7
        )
        any_day = self.days is None and not self.last_day
        any_weekday = self.weekdays is None and not self.last_weekdays
        if any_day or any_weekday:
            return (any_day or by_day) and (any_weekday or by_week)
        return by_day or by_week  # as cron does: where both are said, either will do


Schedule: TypeAlias = Interval | Cron


def parse(text: str) -> Schedule:
    """Read what follows ``SCHEDULE =``."""
    words = text.split()
    if [word.upper() for word in words[:2]] == ["USING", "CRON"]:
        if len(words) != 8:
            raise ScheduleError(f"expected USING CRON, five fields and a time zone, found {text!r}")
        return _cron(words[2:7], words[7])
    match = _INTERVAL.fullmatch(text.strip())
    if not match:
        raise ScheduleError(f"expected a number of seconds, minutes or hours, or USING CRON, found {text!r}")
    every = timedelta(seconds=int(match[1]) * _UNITS[match[2][0].upper()])
    if not _SHORTEST <= every <= _LONGEST:
        raise ScheduleError(f"expected 10 seconds to 8 days, found {text!r}")
    return Interval(every=every)


def _cron(fields: list[str], zone: str) -> Cron:
    minute, hour, day, month, weekday = (field.upper() for field in fields)
    try:
        where = ZoneInfo(zone)
    except (ZoneInfoNotFoundError, ValueError) as error:
        raise ScheduleError(f"expected a time zone as Europe/Berlin, found {zone!r}") from error
    plain_days = [part for part in day.split(",") if part != "L"]
    plain_weekdays = [part for part in weekday.split(",") if not part.endswith("L")]
    last = [part[:-1] for part in weekday.split(",") if part.endswith("L")]
    return Cron(
        minutes=tuple(sorted(_field(minute.split(","), 0, 59))),
        hours=tuple(sorted(_field(hour.split(","), 0, 23))),
        days=_restricted(plain_days, 1, 31),
        last_day="L" in day.split(","),
        months=_field(month.split(","), 1, 12, _MONTHS),
        weekdays=_restricted(plain_weekdays, 0, 6, _DAYS),
        last_weekdays=_field(last, 0, 6, _DAYS),
        zone=where,
    )


def _restricted(
    parts: list[str], low: int, high: int, names: dict[str, int] | None = None
) -> frozenset[int] | None:
    return None if not parts or parts == ["*"] else _field(parts, low, high, names)


def _field(parts: list[str], low: int, high: int, names: dict[str, int] | None = None) -> frozenset[int]:
    values: set[int] = set()
    for part in parts:
        span, slash, step = part.partition("/")
        first, dash, last = span.partition("-")
        start, end = (low, high) if span == "*" else (_number(first, low, high, names),) * 2
        if dash:
            end = _number(last, low, high, names)
        elif slash and span != "*":
            end = high
        if start > end or (slash and not step.isdigit()) or step == "0":
            raise ScheduleError(f"expected a field of a cron expression, found {part!r}")
        values.update(range(start, end + 1, int(step or 1)))
    return frozenset(values)


def _number(text: str, low: int, high: int, names: dict[str, int] | None) -> int:
    value = (names or {}).get(text)
    if value is None and text.isdigit():
        value = int(text)
    if value is None or not low <= value <= high:
        raise ScheduleError(f"expected {low} to {high} in a cron expression, found {text!r}")
    return value
