"""A ROS domain of this process's own, whatever other tests run on the machine."""

import fcntl
import os
from pathlib import Path

DOMAINS = range(1, 102)
"""All that have ports outside of those that Linux gives to others."""
FOLDER = Path('/tmp/yolo_heatmap_ros_test_domains')


class NoDomainError(Exception):
    """All are taken."""


def claim_domain(folder: Path = FOLDER, domains=DOMAINS):
    """
    Return a domain that nobody else has, and the file whose lock keeps it so while it is open.

    A lock ends with the process, however that ends.
    """
    if not folder.is_dir():
        folder.mkdir(exist_ok=True)
        folder.chmod(0o1777)  # of all users
    for domain in domains:
        path = folder / str(domain)
        try:
            path.touch()
        except OSError:  # another user's: it is there
            pass
        file = path.open()
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return domain, file
        except OSError:
            file.close()
    raise NoDomainError(f'all of the ROS domains {domains[0]} to {domains[-1]} are taken by other '
                        f'test runs, which hold locks in {folder}')


def claim(environment=os.environ):
    """Set ROS_DOMAIN_ID to a domain of our own; return the file that keeps it."""
    domain, file = claim_domain()
    environment['ROS_DOMAIN_ID'] = str(domain)
    return file
