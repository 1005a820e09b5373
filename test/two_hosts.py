"""Two hosts on one machine: network namespaces with a cable between them that loses packets."""

import os
import shutil
import subprocess

NAMES = tuple(f"{name}_{os.environ['ROS_DOMAIN_ID']}" for name in ('heat_camera', 'heat_robot'))
"""Those of another test run on this machine are others, as its domain is."""
ADDRESSES = ('10.213.0.1', '10.213.0.2')


class HostsError(Exception):
    """They cannot be made here; says why."""


def _do(*command):
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        raise HostsError(f"{' '.join(command)}: {done.stderr.strip()}")


class TwoHosts:
    """Both in a `with` block; raises HostsError where this machine does not allow it."""

    def __init__(self, loss):
        """Let a share of packets, 0 to 1, get lost in either direction."""
        self._loss = loss

    def __enter__(self):
        if shutil.which('ip') is None:
            raise HostsError('there is no ip command (iproute2)')
        self.__exit__()
        for name in NAMES:
            _do('ip', 'netns', 'add', name)
        try:
            _do('ip', 'link', 'add', 'heat0', 'netns', NAMES[0], 'type', 'veth', 'peer', 'name',
                'heat0', 'netns', NAMES[1])
            for name, address in zip(NAMES, ADDRESSES):
                _do('ip', '-n', name, 'addr', 'add', f'{address}/24', 'dev', 'heat0')
                _do('ip', '-n', name, 'link', 'set', 'lo', 'up')
            self.plug()
            for name in NAMES if self._loss else ():
                self._lose(name)
        except HostsError:
            self.__exit__()
            raise
        return self

    def _lose(self, name):
        """Lose packets by the first way that this kernel knows."""
        ways = {
            'netem': ['tc', 'qdisc', 'add', 'dev', 'heat0', 'root', 'netem', 'loss',
                      f'{100 * self._loss}%'],
            'iptables': ['iptables', '-t', 'raw', '-A', 'PREROUTING', '-i', 'heat0', '-m',
                         'statistic', '--mode', 'random', '--probability', str(self._loss), '-j',
                         'DROP']}
        reasons = []
        for way, command in ways.items():
            try:
                if shutil.which(command[0]) is None:
                    raise HostsError(f'there is no {command[0]} command')
                _do('ip', 'netns', 'exec', name, *command)
                return
            except HostsError as error:
                reasons.append(f'{way}: {error}')
        raise HostsError(f"packets cannot be lost ({'; '.join(reasons)})")

    def plug(self):
        """Let packets through."""
        for name in NAMES:
            _do('ip', '-n', name, 'link', 'set', 'heat0', 'up')
            _do('ip', '-n', name, 'route', 'replace', '224.0.0.0/4', 'dev', 'heat0')

    def unplug(self):
        """Take the cable out."""
        _do('ip', '-n', NAMES[0], 'link', 'set', 'heat0', 'down')

    def on(self, host):
        """Return what a command is run with on host 0 or 1, with shared memory of its own."""
        return ['ip', 'netns', 'exec', NAMES[host], 'unshare', '--mount', 'sh', '-c',
                'mount -t tmpfs -o size=2g tmpfs /dev/shm && exec "$0" "$@"']

    def __exit__(self, *_):
        for name in NAMES:
            subprocess.run(['ip', 'netns', 'del', name], capture_output=True)
