"""Receives the bytes of a bundle: streamed to the disk, counted, and gone on with after a break."""

from __future__ import annotations

import asyncio
import re
import uuid
from typing import TYPE_CHECKING

from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect, Request

from entitybench.leaderboard.server.blobs import Busy
from entitybench.leaderboard.server.intake import Intake, Refused, Sender

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from entitybench.leaderboard.server.tables import Submission

_BATCH = 1 << 20  # bytes that are written at once
_RANGE = re.compile(r"bytes (\d{1,15})-(\d{1,15})/(\d{1,15})")


async def receive(
    request: Request, intake: Intake, sender: Sender, sha256: str | None
) -> tuple[Submission, bool]:
    """A bundle, whole or the rest of it. Returns the submission, and whether it is new.

    Args:
        request: whose body it is.
        intake: of the store.
        sender: from whom.
        sha256: what its bytes must hash to; None: whatever they do.

    Raises:
        Refused: it is not taken. What had arrived is kept only where `sha256` names it and the
            upload was broken off.
    """
    name = sha256 or uuid.uuid4().hex
    first, total = _range(request)
    largest = intake.settings.largest
    if total > largest:
        raise Refused(413, f"a bundle has at most {largest} bytes; this one has {total}")
    if sha256 is not None and (there := await run_in_threadpool(intake.known, sha256)):
        return there, False
    try:
        with intake.blobs.receiving(name) as file:
            size = file.tell()
            if first != size:
                if first:
                    raise Refused(409, f"go on at byte {size}, and not at {first}")
                await run_in_threadpool(file.truncate, 0)
                size = 0
            async for batch in _batches(request, intake):
                size += len(batch)
                if size > largest:
                    raise Refused(413, f"a bundle has at most {largest} bytes; this one has more")
                await run_in_threadpool(file.write, batch)
            await run_in_threadpool(file.flush)
            if total and size < total:
                raise Refused(409, f"{size} of {total} bytes have arrived: go on at byte {size}")
            found = await run_in_threadpool(intake.blobs.hash_of_part, name)
            if sha256 not in (None, found):
                raise Refused(422, f"its bytes have the SHA-256 {found}, and not {sha256}")
            return await run_in_threadpool(intake.take, name, found, size, sender)
    except Busy:
        raise Refused(409, "another upload of this bundle is on its way", after=5) from None
    except ClientDisconnect:
        raise Refused(400, "the upload was broken off") from None
    except Refused as refused:
        if refused.status in (413, 422) or sha256 is None:
            await run_in_threadpool(intake.blobs.drop, name)
        raise
    finally:
        if sha256 is None:
            await run_in_threadpool(intake.blobs.drop, name)


async def _batches(request: Request, intake: Intake) -> AsyncIterator[bytes]:
    """The body, about a megabyte at a time. Raises Refused where nothing comes, or too slowly."""
    settings = intake.settings
    until = asyncio.get_running_loop().time() + settings.patience
    held = bytearray()
    stream = request.stream().__aiter__()
    while True:
        try:
            chunk = await asyncio.wait_for(anext(stream), settings.silence)
        except StopAsyncIteration:
            break
        except TimeoutError:
            raise Refused(408, f"nothing came for {settings.silence:g} s") from None
        if asyncio.get_running_loop().time() > until:
            raise Refused(408, f"it took over {settings.patience:g} s")
        held += chunk
        if len(held) >= _BATCH:
            yield bytes(held)
            held.clear()
    if held:
        yield bytes(held)


def _range(request: Request) -> tuple[int, int]:
    """Where the body begins, and how many bytes there are in all; 0 for what is not told."""
    text = request.headers.get("content-range")
    if text is None:
        told = request.headers.get("content-length", "")
        return 0, int(told) if told.isdecimal() and len(told) < 16 else 0
    match = _RANGE.fullmatch(text)
    first, last, total = (int(each) for each in match.groups()) if match else (1, 0, 0)
    if not first <= last < total:
        raise Refused(422, f"Content-Range is bytes FIRST-LAST/TOTAL: got {text[:60]!r}")
    return first, total
