"""Time zones by name, also by the names that browsers use."""

from datetime import datetime
import os
import shutil
import zoneinfo

import pytest
from yolo_heatmap_ros.time_zones import FORMER, parse_time, time_zone, zone_names


def test_former_names(tmp_path):
    """They are known where only the present ones are on the disk, as on Ubuntu 24.04."""
    kolkata = next(path for folder in zoneinfo.TZPATH
                   if (path := f'{folder}/Asia/Kolkata') and os.path.exists(path))
    (tmp_path / 'Asia').mkdir()
    shutil.copy(kolkata, tmp_path / 'Asia')
    zoneinfo.ZoneInfo.clear_cache()
    try:
        zoneinfo.reset_tzpath([tmp_path])
        names = zone_names()
        assert {'UTC', 'Asia/Kolkata', 'Asia/Calcutta'} <= names
        noon = parse_time('2026-11-25T12:00', time_zone('Asia/Calcutta'))
        assert noon == datetime.fromisoformat('2026-11-25T06:30+00:00').timestamp()
    finally:
        zoneinfo.reset_tzpath()
        zoneinfo.ZoneInfo.clear_cache()
    with pytest.raises(ValueError, match="'Asia/Nowhere' is unknown"):
        time_zone('Asia/Nowhere')


def test_each_former_name_is_of_a_zone():
    present = zoneinfo.available_timezones()
    assert all(present & {former, name} for former, name in FORMER.items())
