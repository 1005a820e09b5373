"""Who may read the page, and who may change something: names, tokens, cookies, rates."""

import ipaddress
import re
import socket
import time
from typing import Collection, Union
from urllib.parse import urlsplit

from aiohttp import HttpVersion11, web

from yolo_heatmap_ros.web_server.rates import Rates, sender_of
from yolo_heatmap_ros.web_server.tokens import Token

HEADERS = {
    'Content-Security-Policy': (
        "default-src 'self'; img-src 'self' blob: data:; connect-src 'self'; style-src 'self'; "
        "script-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'self'"),
    'X-Content-Type-Options': 'nosniff', 'X-Frame-Options': 'DENY',
    'Referrer-Policy': 'no-referrer', 'Cross-Origin-Resource-Policy': 'same-origin',
    'Cross-Origin-Opener-Policy': 'same-origin'}
"""No page of another site may show this one in a frame, and have its buttons pressed."""
FORWARDED = ('forwarded', 'via', 'x-forwarded', 'x-real-ip')
"""How headers begin of requests that have come through a proxy: those may come from anywhere."""
OTHER_SITES = ('cross-site', 'same-site')
"""What browsers say in `Sec-Fetch-Site` of other sites, and of other ports of this host."""
CHANGING = ('POST', 'PUT', 'PATCH', 'DELETE')
COOKIE_AGE = 400 * 86400
"""Seconds for which a browser stays logged in: as long as browsers allow."""
WRONG_TOKENS = 10
"""Wrong tokens that one address may try at once; then one every `1 / WRONG_TOKEN_RATE` s."""
WRONG_TOKEN_RATE = 0.2
OF_ANOTHER_SITE = 'the request comes from a page of another site'
_HOST = re.compile(r'(?:\[(?P<address>[^\[\]]+)\]|(?P<name>[\w.-]+))(?::\d{1,5})?', re.ASCII)


class Access:
    """
    Judges requests, before anything else does.

    Those that come straight from this machine may read; all others need the token, or the cookie
    that a browser gets for it.  Whoever changes something needs one of them.
    """

    def __init__(self, host: str, allowed_hosts: Collection[str], token: Token, rate: float,
                 always: bool = False):
        """Take where the page is served, see the parameters; `always`: nobody reads without."""
        own = socket.gethostname().lower()
        self._allowed = frozenset(allowed_hosts)
        self._hosts = {'localhost', own, f"{own.split('.')[0]}.local", host.lower(),
                       *allowed_hosts}
        self._token = token
        self._rates = Rates(rate, 4.0 * rate)
        self._wrong = Rates(WRONG_TOKEN_RATE, WRONG_TOKENS)
        self._always = always or bool(allowed_hosts)
        self.beyond_this_machine = True
        """Whether other machines can connect; true until it is known where the server listens."""
        self.cookie_name = 'yolo_heatmap'

    def listens_on(self, addresses: Collection[tuple]) -> None:
        """Take the addresses, (host, port, …), on which the server listens now."""
        self.beyond_this_machine = not all(
            ipaddress.ip_address(address[0].split('%')[0]).is_loopback for address in addresses)
        self.cookie_name = f'yolo_heatmap_{min(address[1] for address in addresses)}'

    def check(self, request: web.Request) -> None:
        """Raise what refuses a request that may not be answered at all."""
        if not self._rates.allows(sender_of(request.remote), time.monotonic()):
            raise web.HTTPTooManyRequests(
                text='too many requests: see the parameter request_rate of web_viewer',
                headers={'Retry-After': '1'})
        self._check_names(request)

    def check_reader(self, request: web.Request) -> None:
        """Raise what refuses somebody who may not read."""
        if self.is_protected(request) and not self.knows_token(request):
            raise web.HTTPUnauthorized(
                text='this needs the token: see the log of web_viewer, or the file of its '
                     'parameter web_token_file', headers={'WWW-Authenticate': 'Bearer'})

    def check_changer(self, request: web.Request) -> None:
        """Raise what refuses somebody who may not change anything."""
        if not self.may_change(request):
            raise web.HTTPUnauthorized(
                text='changes need the token, or the cookie of the page: see the parameter '
                     'web_token_file of web_viewer', headers={'WWW-Authenticate': 'Bearer'})

    def is_protected(self, request: web.Request) -> bool:
        """Return whether reading, too, needs the token."""
        # Without further configuration nginx adds no header, but speaks as no browser does, and
        # what forwards connections does not change the address that the browser has asked for.
        return (self._always or self.beyond_this_machine or request.version < HttpVersion11
                or _is_elsewhere(_host_of(request))
                or any(name.lower().startswith(FORWARDED) for name in request.headers))

    def may_change(self, request: web.Request) -> bool:
        """Return whether the sender has the token, or a cookie."""
        if self.knows_token(request):
            return True
        return not self.is_protected(request) and self._token.is_cookie(
            request.cookies.get(self.cookie_name, ''), self._token.here)

    def knows_token(self, request: web.Request) -> bool:
        """Return whether the sender has the token or its cookie; raises as `is_right`."""
        if self._token.is_cookie(request.cookies.get(self.cookie_name, ''),
                                 self._token.everywhere):
            return True
        scheme, _, given = request.headers.get('Authorization', '').partition(' ')
        return scheme.lower() == 'bearer' and self.is_right(request, given.strip())

    def is_right(self, request: web.Request, given: str) -> bool:
        """Return whether a token is right; raises for somebody who has tried too many."""
        now, address = time.monotonic(), sender_of(request.remote)
        if not self._wrong.allows(address, now, cost=0.0):
            raise web.HTTPTooManyRequests(text='too many wrong tokens: wait some seconds',
                                          headers={'Retry-After': '5'})
        right = self._token.is_token(given)
        if not right:
            self._wrong.allows(address, now)
        return right

    def give_cookie(self, request: web.Request, response: web.StreamResponse,
                    everywhere: bool) -> None:
        """Let a browser be known by a cookie: `everywhere`, or only straight from this machine."""
        response.set_cookie(
            self.cookie_name, self._token.everywhere if everywhere else self._token.here,
            max_age=COOKIE_AGE, path='/', httponly=True, samesite='Strict',
            secure=request.headers.get('X-Forwarded-Proto', '').lower() == 'https')

    def has_cookie(self, request: web.Request) -> bool:
        """Return whether a browser is known already."""
        return self._token.is_cookie(request.cookies.get(self.cookie_name, ''),
                                     self._token.everywhere, self._token.here)

    def _check_names(self, request: web.Request) -> None:
        """
        Refuse requests that a page of another site sends through somebody's browser.

        Such a site can let its own name point to this machine (DNS rebinding): then the browser
        takes both for one site, but still sends that name.
        """
        origin, host = request.headers.get('Origin'), _host_of(request)
        try:
            sender = None if origin is None else urlsplit(origin)
            sender_host = None if sender is None else sender.hostname
        except ValueError as error:
            raise web.HTTPForbidden(text='Origin is not a valid name') from error
        if host not in self._hosts and _address(host) is None:
            raise web.HTTPForbidden(text=f"'{host[:100]}' is not a name of this page: see the "
                                         'parameter allowed_hosts of web_viewer')
        speaks = request.method in CHANGING or _is_socket(request)
        # A proxy may ask under another name than the browser.
        if sender is not None and speaks and sender.netloc != request.host and (
                sender_host not in self._allowed):
            raise web.HTTPForbidden(text=OF_ANOTHER_SITE)
        # Pictures and scripts have no Origin.  A link to this page may be anywhere.
        if request.headers.get('Sec-Fetch-Site') in OTHER_SITES and (
                request.headers.get('Sec-Fetch-Mode') != 'navigate'):
            raise web.HTTPForbidden(text=OF_ANOTHER_SITE)


def _is_socket(request: web.Request) -> bool:
    return 'websocket' in request.headers.get('Upgrade', '').lower()


def _host_of(request: web.Request) -> str:
    """Return the name or the address in `Host`; raises what refuses anything else."""
    found = _HOST.fullmatch(request.host)
    if found is None:
        raise web.HTTPForbidden(text='Host is not a valid name')
    return (found['address'] or found['name']).lower()


def _address(host: str) -> Union[ipaddress.IPv4Address, ipaddress.IPv6Address, None]:
    try:
        return ipaddress.ip_address(host)
    except ValueError:
        return None


def _is_elsewhere(host: str) -> bool:
    """Return whether this is the address of a network, and no name."""
    address = _address(host)
    return address is not None and not address.is_loopback
