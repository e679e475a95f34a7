"""Where the `http` task may connect to: public addresses, and what `ORCHESTRATOR_HTTP_ALLOW` lists besides.

A workflow's author picks the URL, and the worker stands inside the network: without a guard, a job could read the
cloud's metadata service or an internal admin page. A name is resolved once and the connection goes to the very address
that was judged (a second look-up could answer otherwise); each redirect comes through here again.
"""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Sequence
from functools import cache

import httpx

from orchestrator.model.errors import SettingsError
from orchestrator_tasks.errors import HttpFailed, Refused

NAME = "orchestrator.http"
Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network
_NAT64 = ipaddress.ip_network("64:ff9b::/96")


class GuardedTransport(httpx.BaseTransport):
    """Connects each request, redirects too, to an address that was judged; the rest is httpx's own transport."""

    def __init__(self, allow: tuple[str, ...], *, verify: bool) -> None:
        self._allow = allow
        self._inner = httpx.HTTPTransport(verify=verify)

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Send the request to the judged address, under the name that it was made for (Host, TLS)."""
        host = request.url.host
        address = judge(host, request.url.port or (443 if request.url.scheme == "https" else 80), self._allow)
        return self._inner.handle_request(
            httpx.Request(
                request.method,
                request.url.copy_with(host=str(address)),
                headers=request.headers,
                stream=request.stream,
                extensions={**request.extensions, "sni_hostname": host},
            )
        )

    def close(self) -> None:
        """Close the connections."""
        self._inner.close()


def judge(host: str, port: int, allow: tuple[str, ...]) -> Address:
    """Return the address to connect to, or raise `Refused` (not allowed) or `HttpFailed` (no such name)."""
    names, networks = _rules(allow)
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise HttpFailed(f"no address for {host!r}: {error}", where=NAME) from None
    addresses = [ipaddress.ip_address(str(entry[4][0]).partition("%")[0]) for entry in found]
    by_name = any(_is_named(host.lower().rstrip("."), name) for name in names)
    for address in addresses:
        if by_name or is_public(address) or any(_plain(address) in network for network in networks):
            return address
    raise Refused(
        f"{host!r} is the private address {addresses[0]}",
        where=NAME,
        remedy="the worker's ORCHESTRATOR_HTTP_ALLOW lists the private hosts and networks that jobs may reach",
    )


def is_public(address: Address) -> bool:
    """Tell whether an address is one of the public internet, whatever it is wrapped in."""
    plain = _plain(address)
    return plain.is_global and not plain.is_multicast


def _plain(address: Address) -> Address:
    """Return the IPv4 address inside an IPv6 one (mapped, 6to4, Teredo, NAT64), else the address."""
    if isinstance(address, ipaddress.IPv4Address):
        return address
    if address in _NAT64:
        return ipaddress.IPv4Address(int(address) & 0xFFFF_FFFF)
    teredo = address.teredo
    return address.ipv4_mapped or address.sixtofour or (teredo[1] if teredo else address)


def _is_named(host: str, rule: str) -> bool:
    return host.endswith(rule[1:]) if rule.startswith("*.") else host == rule


@cache
def _rules(allow: tuple[str, ...]) -> tuple[Sequence[str], Sequence[Network]]:
    """Part the list into host names and networks."""
    names: list[str] = []
    networks: list[Network] = []
    for entry in allow:
        if any(character.isalpha() for character in entry) and ":" not in entry:
            names.append(entry.lower())
            continue
        try:
            networks.append(ipaddress.ip_network(entry.strip("[]"), strict=False))
        except ValueError as error:
            raise SettingsError(
                f"{entry!r} is no host, address or network: {error}",
                where="ORCHESTRATOR_HTTP_ALLOW",
                remedy="such as api.internal,*.svc.local,10.1.0.0/16,::1",
            ) from None
    return names, networks
