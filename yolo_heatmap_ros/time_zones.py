"""Time zones by name."""

from datetime import datetime, timezone, tzinfo
from zoneinfo import ZoneInfo


def time_zone(name: str) -> tzinfo:
    """Return a time zone; raises ValueError for an unknown one."""
    if name.upper() == 'UTC':
        return timezone.utc  # which small containers do not have on their disk
    try:
        return ZoneInfo(name)
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
