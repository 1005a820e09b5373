"""How many requests an address may send."""

from collections import OrderedDict
import ipaddress
from typing import Optional, Tuple

MAX_ADDRESSES = 10_000
"""Addresses that are remembered: the longest silent ones are forgotten, as if never heard of."""


def sender_of(address: Optional[str]) -> str:
    """Return what is counted as one: an IPv4 address, or an IPv6 network of 64 bits."""
    try:
        own = ipaddress.IPv6Address((address or '').partition('%')[0])
    except ValueError:
        return address or ''
    # Whoever has one address there has as many as he likes.
    return str(ipaddress.IPv6Network((own, 64), strict=False))


class Rates:
    """A bucket of tokens for each address, which fills again at a steady rate."""

    def __init__(self, rate: float, burst: float):
        """Allow `rate` requests per second in the long run, and `burst` at once."""
        self._rate, self._burst = rate, burst
        self._left: 'OrderedDict[str, Tuple[float, float]]' = OrderedDict()

    def allows(self, address: str, now: float, cost: float = 1.0) -> bool:
        """Take a token and return True, or return False if none is left at `now`, in s."""
        left, at = self._left.pop(address, (self._burst, now))
        left = min(self._burst, left + (now - at) * self._rate)
        allowed = left >= 1.0
        self._left[address] = left - cost if allowed else left, now
        if len(self._left) > MAX_ADDRESSES:
            self._left.popitem(last=False)
        return allowed
