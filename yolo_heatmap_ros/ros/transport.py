"""
How Fast DDS carries pictures from process to process on one host.

Its default transport has half a megabyte of shared memory: a raw picture of 1080p is cut into many
pieces, and most are lost on the way.  `config/fastdds_images.xml` gives it room.
"""

import fcntl
import os
from pathlib import Path
import re
import shutil
import time
from typing import MutableMapping

from ament_index_python.packages import get_package_share_directory, PackageNotFoundError
from yolo_heatmap_ros.ros.package_share import share_folder

PROFILE_VARIABLES = ('FASTRTPS_DEFAULT_PROFILES_FILE', 'FASTDDS_DEFAULT_PROFILES_FILE')
"""Where Fast DDS looks for a profile: up to version 2 (ROS 2 Jazzy), and from version 3 on."""
FAST_DDS_3 = 9
"""First major version of rmw_fastrtps_cpp that uses Fast DDS 3."""
SHARED_MEMORY = Path('/dev/shm')
SEGMENT_MB = 141
"""What one process reserves with the profile, as `segment_size` and Fast DDS's own tables say."""
SETTLING_TIME = 2.0
"""Minimum age in seconds of an unlocked segment before it counts as orphaned."""


def remove_orphaned_segments(folder: Path = SHARED_MEMORY) -> int:
    """
    Remove the shared memory of Fast DDS processes that were killed; return how many had left some.

    A living process holds a lock on the file beside its segment, which ends with it.  `fastdds
    shm clean` goes by the same lock, but it does not spare a process that has just created the
    file and is about to lock it, and it removes ports as well: a process that loses its unicast
    port while it starts receives no message over shared memory, and no error is reported.  Nodes
    start at the same time, so the tool cannot be run at every start.
    """
    count = 0
    for lock in (*folder.glob('fastrtps_*_el'), *folder.glob('fastdds_*_el')):
        segment = lock.with_name(lock.name.removesuffix('_el'))
        if '_port' in segment.name:
            continue  # tiny, shared, and cleared by Fast DDS itself
        try:
            if time.time() - lock.stat().st_mtime < SETTLING_TIME:
                continue
            with lock.open() as file:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                segment.unlink(missing_ok=True)
                lock.unlink(missing_ok=True)
                count += 1
        except OSError:
            continue  # in use, of another user, or gone in the meantime
    return count


def use_image_profile(environment: MutableMapping[str, str] = os.environ,
                      folder: Path = SHARED_MEMORY) -> str:
    """
    Let Fast DDS use the profile for pictures, before the first node of the process exists.

    A profile, a transport or another RMW that the user has chosen stays.  Returns a line to log
    where the profile would help but cannot be used, else ''.
    """
    if environment.get('RMW_IMPLEMENTATION', 'rmw_fastrtps_cpp') != 'rmw_fastrtps_cpp' or any(
            name in environment for name in (*PROFILE_VARIABLES, 'FASTDDS_BUILTIN_TRANSPORTS')):
        return ''
    if not folder.is_dir():
        return ''
    remove_orphaned_segments(folder)
    free = shutil.disk_usage(folder).free // 1_000_000
    if free < 2 * SEGMENT_MB:
        return (f'only {free} MB are free in {folder}, too few for the shared memory of large '
                f'pictures ({2 * SEGMENT_MB} MB): a slower transport is used (in a container: '
                '--shm-size=1g or --ipc=host)')
    environment[profile_variable()] = str(share_folder('config') / 'fastdds_images.xml')
    return ''


def profile_variable() -> str:
    """Return the variable in which this ROS's Fast DDS expects a profile."""
    try:
        about = Path(get_package_share_directory('rmw_fastrtps_cpp'), 'package.xml').read_text()
    except (PackageNotFoundError, OSError):
        return PROFILE_VARIABLES[0]
    major = int(re.search(r'<version>\s*(\d+)', about)[1])
    return PROFILE_VARIABLES[major >= FAST_DDS_3]
