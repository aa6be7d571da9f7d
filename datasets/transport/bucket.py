"""A mirror in an S3-compatible bucket (extra `s3`). Settings are those of the AWS_… variables."""

from __future__ import annotations

import hashlib
import os
from contextlib import contextmanager
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from entitybench.datasets.transport.contract import Interrupted, Patience, Refused, check_sent
from entitybench.datasets.transport.layout import INDEX
from entitybench.errors import BadValue, DataError, MissingExtra

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from entitybench.datasets.transport.contract import Target

_CREDENTIALS = (
    "AWS_ACCESS_KEY_ID",
    "AWS_WEB_IDENTITY_TOKEN_FILE",
    "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
    "AWS_CONTAINER_CREDENTIALS_FULL_URI",
)
_PUBLISH = Patience()


def _obstore() -> Any:
    try:
        import obstore
    except ImportError:
        raise MissingExtra(
            "obstore is not installed, and s3:// needs it: pip install 'entitybench[s3]'"
        ) from None
    return obstore


def _open(url: str, patience: Patience) -> Any:
    """The store of s3://bucket/prefix; unsigned where the environment holds no credentials."""
    obstore = _obstore()
    if not url.removeprefix("s3://").partition("/")[0]:
        raise BadValue(f"{url!r} names no bucket: write s3://bucket/prefix.")
    plain = os.environ.get("AWS_ENDPOINT_URL", "").startswith("http://")  # named by the user
    signed = any(os.environ.get(name) for name in _CREDENTIALS)
    try:
        return obstore.store.S3Store.from_url(
            url,
            skip_signature=not signed,
            client_options={
                "connect_timeout": timedelta(seconds=patience.connect),
                "allow_http": plain,
            },
            # Attempts are counted and spaced by fetch.py, for every kind of mirror alike.
            retry_config={"max_retries": 0, "retry_timeout": timedelta(seconds=patience.silence)},
        )
    except (obstore.exceptions.BaseError, ValueError) as error:
        raise BadValue(f"{url} cannot be opened: {_short(error)}.") from None


class BucketSource:
    """A mirror to read from."""

    remote = True

    def __init__(self, url: str, patience: Patience) -> None:
        self.url = url
        self._obstore = _obstore()
        self._store = _open(url, patience)

    @contextmanager
    def open(self, name: str, start: int) -> Iterator[tuple[int, Iterator[bytes]]]:
        errors = self._obstore.exceptions
        options = {"range": {"offset": start}} if start else {}
        try:
            found = self._obstore.get(self._store, name, options=options)
            yield found.range[0], (bytes(piece) for piece in found.stream())
        except FileNotFoundError:
            raise Refused("it has no such file") from None
        except (errors.PermissionDeniedError, errors.UnauthenticatedError):
            raise Refused("it denies access") from None
        except errors.BaseError as error:
            raise Interrupted(_short(error)) from None


class _BucketTarget:
    def __init__(self, url: str) -> None:
        self._url = url
        self._obstore = _obstore()
        self._store = _open(url, _PUBLISH)
        self._version: Any = "create"  # the index may only be written as a new file
        self.index: bytes | None = None
        try:
            found = self._obstore.get(self._store, INDEX)
            self.index = bytes(found.bytes())
            self._version = {"e_tag": found.meta["e_tag"]}
        except FileNotFoundError:
            pass

    def put(self, name: str, content: Path | bytes, sha256: str) -> None:
        if self._sha256(name) == sha256:
            return
        self._obstore.put(self._store, name, content)
        check_sent(content, sha256)

    def _sha256(self, name: str) -> str | None:
        """Of what lies there; None where nothing does. A bucket tells no hash that can be used."""
        digest = hashlib.sha256()
        try:
            for piece in self._obstore.get(self._store, name).stream():
                digest.update(piece)
        except FileNotFoundError:
            return None
        return digest.hexdigest()

    def finish(self, index: bytes) -> None:
        errors = self._obstore.exceptions
        if index == self.index:
            return
        try:
            self._obstore.put(self._store, INDEX, index, mode=self._version, use_multipart=False)
        except (errors.PreconditionError, errors.AlreadyExistsError):
            raise DataError(
                f"somebody else published to {self._url} meanwhile: give the same command again."
            ) from None


@contextmanager
def bucket_target(url: str) -> Iterator[Target]:
    """A bucket to publish to. Raises DataError for what the server refuses."""
    errors = _obstore().exceptions
    try:
        yield _BucketTarget(url)
    except errors.BaseError as error:
        raise DataError(f"{url} cannot be published to: {_short(error)}.") from None


def _short(error: Exception) -> str:
    """The first line of what obstore says, without its debug representation."""
    return str(error).strip().splitlines()[0].rstrip(".")[:200] if str(error).strip() else "failed"
