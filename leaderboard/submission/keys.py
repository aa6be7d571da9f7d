"""Ed25519 keys (RFC 8032): who signs a manifest, and whether a signature is of it."""

from __future__ import annotations

import hashlib
import os
from typing import TYPE_CHECKING, Any

from entitybench.errors import BadValue, MissingExtra
from entitybench.files import read_file
from entitybench.leaderboard.submission.models import Signature

if TYPE_CHECKING:
    from pathlib import Path

_LARGEST = 10_000  # bytes of a key file


def new_key(path: Path) -> str:
    """Write a new private key, readable by its owner alone. Returns the public key, hex.

    Raises BadValue where something is there already: a key is never replaced.
    """
    ed25519, forms = _library()
    key = ed25519.Ed25519PrivateKey.generate()
    text = key.private_bytes(forms.Encoding.PEM, forms.PrivateFormat.PKCS8, forms.NoEncryption())
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        raise BadValue(f"there is something at {path} already: name a new file.") from None
    except OSError as error:
        raise BadValue(f"cannot write {path}: {error.strerror or error}.") from error
    with os.fdopen(handle, "wb") as file:
        file.write(text)
    return _public(key)


def signed(digest: bytes, path: Path) -> Signature:
    """A signature by the private key in a file. Raises BadValue where there is none."""
    ed25519, forms = _library()
    try:
        text = read_file(path)[:_LARGEST]
    except OSError as error:
        raise BadValue(
            f"cannot read the key {path}: {error.strerror or error}. "
            f"`bench submit --new-key {path}` makes one."
        ) from error
    try:
        key = forms.load_pem_private_key(text, password=None)
    except Exception:  # many kinds, and none may show what is in the file
        key = None
    if not isinstance(key, ed25519.Ed25519PrivateKey):
        raise BadValue(f"{path} holds no private Ed25519 key as `bench submit --new-key` writes.")
    return Signature(public_key=_public(key), signature=key.sign(digest).hex())


def correction(old: str, new: str) -> bytes:
    """What a key signs so that one submission of its, by SHA-256, replaces another one."""
    return hashlib.sha256(f"correct {old} by {new}".encode()).digest()


def is_of(signature: Signature, digest: bytes) -> bool:
    """Whether the owner of the key signed this digest."""
    ed25519, _ = _library()
    from cryptography.exceptions import InvalidSignature

    key = ed25519.Ed25519PublicKey.from_public_bytes(bytes.fromhex(signature.public_key))
    try:
        key.verify(bytes.fromhex(signature.signature), digest)
    except InvalidSignature:
        return False
    return True


def _public(key: Any) -> str:
    raw: bytes = key.public_key().public_bytes_raw()
    return raw.hex()


def _library() -> tuple[Any, Any]:
    try:
        from cryptography.hazmat.primitives import serialization
        from cryptography.hazmat.primitives.asymmetric import ed25519
    except ModuleNotFoundError as error:
        raise MissingExtra(
            "cryptography is not installed, and signatures need it: pip install -e '.[submit]'"
        ) from error
    return ed25519, serialization
