"""A mirror on a web server: any that gives static files, best one that knows Range."""

from __future__ import annotations

import re
import time
from contextlib import contextmanager
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING
from urllib.parse import quote

import httpx

from entitybench.datasets.transport.contract import Interrupted, Refused
from entitybench.errors import BadValue, MissingExtra

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from entitybench.datasets.transport.contract import Patience

_RANGE = re.compile(r"bytes (\d{1,20})-")
_MAY_PASS = (408, 425, 429)  # and all from 500 on


class WebSource:
    """A mirror below a URL. Proxies are those of HTTPS_PROXY and so on."""

    remote = True

    def __init__(
        self, url: str, patience: Patience, headers: Mapping[str, str] | None = None
    ) -> None:
        self.url = url.rstrip("/")
        # Hashes and Range are of the bytes as they are stored, so nothing may compress them.
        sent = {"Accept-Encoding": "identity", "User-Agent": "entitybench", **(headers or {})}
        try:
            if not httpx.URL(url).host:
                raise httpx.InvalidURL("it names no host")
            self._client = httpx.Client(
                timeout=httpx.Timeout(patience.silence, connect=patience.connect),
                follow_redirects=True,
                headers=sent,
            )
        except httpx.InvalidURL as error:
            raise BadValue(f"{url!r} is no URL: {error}.") from None
        except ImportError:
            raise MissingExtra(
                "a SOCKS proxy is set, and socksio is not installed: pip install 'httpx[socks]'"
            ) from None

    @contextmanager
    def open(self, name: str, start: int) -> Iterator[tuple[int, Iterator[bytes]]]:
        headers = {"Range": f"bytes={start}-"} if start else {}
        try:
            address = f"{self.url}/{quote(name)}"
            with self._client.stream("GET", address, headers=headers) as response:
                yield _first_byte(response, start), response.iter_raw()
        except httpx.TimeoutException as error:
            silent = isinstance(error, httpx.ReadTimeout)
            raise Interrupted("it fell silent" if silent else "it does not answer") from None
        except httpx.RemoteProtocolError:
            raise Interrupted("the connection was cut") from None
        except httpx.TransportError as error:
            raise Interrupted(f"no connection ({error})") from None
        except (httpx.HTTPError, httpx.InvalidURL) as error:  # such as a ring of redirects
            raise Refused(str(error)) from None


def _first_byte(response: httpx.Response, start: int) -> int:
    """Where the body begins. Raises Refused and Interrupted for answers without the file."""
    code = response.status_code
    if code == 200:
        return 0
    if code == 206:
        found = _RANGE.match(response.headers.get("Content-Range", ""))
        if found is None or int(found[1]) != start:
            raise Refused("it gives another range than was asked for")
        return start
    if code in _MAY_PASS or code >= 500:
        after = retry_after(response.headers.get("Retry-After"))
        asks = "" if after is None else f" and asks to wait {after:.0f} s"
        raise Interrupted(f"it answers {code}{asks}", after)
    if code == 416:
        raise Refused("it has fewer bytes than there should be")
    raise Refused("it has no such file" if code == 404 else f"it answers {code}")


def retry_after(header: str | None) -> float | None:
    """The seconds that a Retry-After header asks for; None where it says nothing usable."""
    if header is None:
        return None
    if re.fullmatch(r"\d{1,9}", header.strip()):
        return float(header)
    try:
        return max(0.0, parsedate_to_datetime(header).timestamp() - time.time())
    except (ValueError, TypeError, OverflowError):
        return None
