"""Time zones by name."""

from datetime import datetime, timezone, tzinfo
from typing import FrozenSet
from zoneinfo import available_timezones, ZoneInfo

FORMER = {
    'Africa/Asmera': 'Africa/Asmara', 'America/Buenos_Aires': 'America/Argentina/Buenos_Aires',
    'America/Catamarca': 'America/Argentina/Catamarca',
    'America/Cordoba': 'America/Argentina/Cordoba', 'America/Coral_Harbour': 'America/Atikokan',
    'America/Godthab': 'America/Nuuk', 'America/Indianapolis': 'America/Indiana/Indianapolis',
    'America/Jujuy': 'America/Argentina/Jujuy',
    'America/Louisville': 'America/Kentucky/Louisville',
    'America/Mendoza': 'America/Argentina/Mendoza', 'Asia/Calcutta': 'Asia/Kolkata',
    'Asia/Katmandu': 'Asia/Kathmandu', 'Asia/Rangoon': 'Asia/Yangon',
    'Asia/Saigon': 'Asia/Ho_Chi_Minh', 'Atlantic/Faeroe': 'Atlantic/Faroe',
    'Europe/Kiev': 'Europe/Kyiv', 'Pacific/Enderbury': 'Pacific/Kanton',
    'Pacific/Ponape': 'Pacific/Pohnpei', 'Pacific/Truk': 'Pacific/Chuuk'}
"""Names by which browsers still call zones; Ubuntu has these in a package of their own."""


def time_zone(name: str) -> tzinfo:
    """Return a time zone; raises ValueError for an unknown one."""
    if name.upper() == 'UTC':
        return timezone.utc  # which small containers do not have on their disk
    try:
        try:
            return ZoneInfo(name)
        except KeyError:
            return ZoneInfo(FORMER[name])
    except (KeyError, ValueError, OSError) as error:
        raise ValueError(f"'{name}' is unknown; give a name such as Europe/Berlin or UTC, and "
                         'install tzdata where no zone is known') from error


def parse_time(text: str, zone: tzinfo = timezone.utc) -> float:
    """
    Return a time in ISO 8601, in `zone` unless it has an offset, in s since 1970 UTC.

    Raises ValueError for other text, and for times that no file can have.
    """
    when = datetime.fromisoformat(text)
    if not 1970 < when.year < 9000:
        raise ValueError(f'a time in the year {when.year}')
    return (when if when.tzinfo else when.replace(tzinfo=zone)).timestamp()


def zone_names() -> FrozenSet[str]:
    """Return the names of all zones; it looks for them on the disk."""
    found = available_timezones()
    return frozenset((*found, 'UTC', *(former for former, name in FORMER.items()
                                       if name in found)))
