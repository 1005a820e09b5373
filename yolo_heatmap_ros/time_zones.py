"""Time zones by name."""

from datetime import timezone, tzinfo
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
