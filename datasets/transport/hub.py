"""A mirror in a dataset repository of Hugging Face. Reading is plain HTTPS; writing needs `hub`."""

from __future__ import annotations

import hashlib
import io
import os
import re
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from entitybench.datasets.transport.contract import Interrupted, Patience, Refused, check_sent
from entitybench.datasets.transport.fetch import read_text
from entitybench.datasets.transport.layout import INDEX
from entitybench.datasets.transport.web import WebSource
from entitybench.errors import BadValue, DataError, MissingExtra

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from entitybench.datasets.transport.contract import Target

_URL = re.compile(r"hf://(?:datasets/)?([\w.-]+/[\w.-]+?)(?:@([\w./-]+))?/?", re.ASCII)


def _endpoint() -> str:
    return os.environ.get("HF_ENDPOINT", "https://huggingface.co").rstrip("/")


def _parts(url: str) -> tuple[str, str]:
    """Repository and revision of hf://owner/name@revision. Raises BadValue."""
    found = _URL.fullmatch(url)
    if found is None:
        raise BadValue(f"{url!r} names no repository: write hf://OWNER/NAME or …@REVISION.")
    return found[1], found[2] or "main"


def hub_source(url: str, patience: Patience, revision: str | None = None) -> WebSource:
    """The repository to read from; HF_TOKEN opens private ones."""
    repository, named = _parts(url)
    address = f"{_endpoint()}/datasets/{repository}/resolve/{revision or named}"
    token = os.environ.get("HF_TOKEN")
    return WebSource(address, patience, {"Authorization": f"Bearer {token}"} if token else {})


class _HubTarget:
    """Gathers what is new, and commits it in one step."""

    def __init__(self, url: str, hub: Any, api: Any) -> None:
        self._hub, self._api, self._url = hub, api, url
        self._repository, self._revision = _parts(url)
        self._where = {"repo_id": self._repository, "repo_type": "dataset"}
        api.create_repo(**self._where, exist_ok=True)
        about = api.repo_info(**self._where, revision=self._revision, files_metadata=True)
        self._parent = about.sha
        self._there = {file.rfilename: _hashes(file) for file in about.siblings or ()}
        self._new: dict[str, Path | bytes] = {}
        self.index = None
        if INDEX in self._there:
            patience = Patience()
            self.index = read_text(hub_source(url, patience, self._parent), INDEX, patience)

    def put(self, name: str, content: Path | bytes, sha256: str) -> None:
        check_sent(content, sha256)
        there = self._there.get(name, set())
        if sha256 not in there and not (there and _git_hash(content) in there):
            self._new[name] = content

    def finish(self, index: bytes) -> None:
        if index == self.index and not self._new:
            return
        operations = [
            self._hub.CommitOperationAdd(path_in_repo=name, path_or_fileobj=content)
            for name, content in {**self._new, INDEX: index}.items()
        ]
        self._api.create_commit(
            **self._where,
            operations=operations,
            commit_message="Publish",
            revision=self._revision,
            parent_commit=self._parent,  # refused when somebody else has committed meanwhile
        )


def _git_hash(content: Path | bytes) -> str:
    """The hash that git gives a file, by which a repository knows a small one."""
    size = len(content) if isinstance(content, bytes) else content.stat().st_size
    digest = hashlib.sha1(b"blob %d\0" % size)
    with io.BytesIO(content) if isinstance(content, bytes) else content.open("rb") as file:
        while piece := file.read(2**20):
            digest.update(piece)
    return digest.hexdigest()


def _hashes(file: Any) -> set[str]:
    """Of a file in the repository: sha256 of a large one, git's own of a small one."""
    lfs = getattr(file, "lfs", None)
    large = lfs.get("sha256") if isinstance(lfs, dict) else getattr(lfs, "sha256", None)
    return {str(hash) for hash in (large, None if lfs else getattr(file, "blob_id", None)) if hash}


@contextmanager
def hub_target(url: str) -> Iterator[Target]:
    """A repository to publish to. Raises DataError for what the hub refuses."""
    _parts(url)
    try:
        import huggingface_hub as hub
        from huggingface_hub.errors import HfHubHTTPError
    except ImportError:
        raise MissingExtra(
            "huggingface_hub is not installed, and publishing to hf:// needs it: "
            "pip install 'entitybench[hub]'"
        ) from None
    api = hub.HfApi(endpoint=_endpoint())
    # OSError, and what the hub's HTTP client, of which there are two by now, calls HTTPError.
    refusals: Any = (*HfHubHTTPError.__bases__, ValueError, Refused, Interrupted)
    try:
        yield _HubTarget(url, hub, api)
    except refusals as error:
        lines = str(error).strip().splitlines() or [type(error).__name__]
        raise DataError(f"{url} cannot be published to: {lines[0].rstrip('.')}.") from None
