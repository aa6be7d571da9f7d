"""A policy behind HTTP: a server in any language, which sees observations and nothing else.

    GET  /info                                       -> {"protocol": 1, ...}
    POST /reset {"task", "batch"}                     -> {"state": anything}
    POST /act   {"state", "step", "observation": {…}} -> {"actions": …, "state": anything}

`state` is whatever the policy remembers of a block of episodes. It goes to and fro, so that a
server need keep nothing, and blocks can be under way side by side. docs/policies.md has it all.
"""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING, Any

import httpx

from entitybench.agents.policies.sight import Sight
from entitybench.agents.policies.wire import packed, unpacked
from entitybench.errors import BadValue, OutOfReach
from entitybench.words import reason, squeezed

if TYPE_CHECKING:
    from entitybench.agents.policies.wire import Encoding
    from entitybench.seeding import BatchGenerator
    from entitybench.types import Array, Obs, TaskSpec

PROTOCOL = 1
AUTH = "ENTITYBENCH_POLICY_AUTH"  # variable: NAME:PASSWORD, sent by HTTP's Basic scheme
WAIT = 60.0  # s for an answer, unless /info says otherwise
LONGEST = 3600.0  # s, that it may say
LARGEST = 2**26  # bytes of an answer
GONE = frozenset({502, 503, 504})  # what stands before a server says where that is away
_TOLD = ("name", "version", "sha256")  # of /info, that records keep


class ServedPolicy:
    """What the server at an address answers."""

    def __init__(self, url: str, task: TaskSpec) -> None:
        """Ask who it is. Raises OutOfReach where nobody answers, BadValue for another protocol.

        Also for an address with a password in it.
        """
        if "@" in url.partition("://")[2].partition("/")[0]:
            raise BadValue(
                "records and boards show the address of a policy, so it holds no name and no "
                f"password: leave them out of --agent, and set {AUTH}=NAME:PASSWORD."
            )
        self.name = url
        name, colon, password = os.environ.get(AUTH, "").partition(":")
        auth = (name, password) if colon else None
        self._sight = Sight.of(task)
        # No proxy of the surroundings: the address is the server's own.
        self._client = httpx.Client(base_url=url, timeout=WAIT, trust_env=False, auth=auth)
        about = self._ask("GET", "/info")
        if about.get("protocol") != PROTOCOL:
            raise BadValue(
                f"{url}/info says protocol {about.get('protocol')!r:.40}: this is {PROTOCOL}."
            )
        self._encoding: Encoding = _encoding(about, url)
        wait = about.get("timeout_s", WAIT)
        if isinstance(wait, bool) or not isinstance(wait, int | float) or not 0 < wait <= LONGEST:
            raise BadValue(f"{url}/info says timeout_s {wait!r:.40}: seconds up to {LONGEST:g}.")
        self._client.timeout = httpx.Timeout(wait, connect=min(wait, 10.0))
        told = {name: squeezed(str(about[name]), 200) for name in _TOLD if name in about}
        self.config = {"form": "http", "url": url, **told}

    def initial_state(self, batch: int) -> tuple[int, Any]:
        given = {"task": self._sight.task, "batch": batch}
        return 0, self._ask("POST", "/reset", given).get("state")

    def act(
        self, obs: Obs, state: tuple[int, Any], rng: BatchGenerator
    ) -> tuple[Array, tuple[int, Any]]:
        del rng
        step, memory = state
        shown = self._sight.shown(obs)
        seen = {name: packed(array, self._encoding) for name, array in shown.items()}
        answer = self._ask("POST", "/act", {"state": memory, "step": step, "observation": seen})
        if "actions" not in answer:
            raise BadValue(f"{self.name}/act answers without actions.")
        try:
            given = unpacked(answer["actions"])
        except BadValue as error:
            raise BadValue(f"the actions of {self.name}: {error}") from None
        actions = self._sight.actions(given, len(obs["observation"]), self.name)
        return actions, (step + 1, answer.get("state"))

    def _ask(self, method: str, path: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
        """The JSON object that the server answers.

        Raises OutOfReach where none comes, BadValue for one that is no such object.
        """
        where = f"{self.name}{path}"
        # NaN is no JSON, and other languages cannot read it.
        content = None if body is None else json.dumps(body, allow_nan=False).encode()
        headers = {"Content-Type": "application/json"}
        try:
            with self._client.stream(method, path, content=content, headers=headers) as response:
                code, data = response.status_code, bytearray()
                for chunk in response.iter_bytes():
                    data += chunk
                    if len(data) > LARGEST:
                        raise BadValue(f"{where} answers more than {LARGEST >> 20} MB.")
        except httpx.TimeoutException:
            raise OutOfReach(
                f"{where} does not answer in {self._client.timeout.read:g} s."
            ) from None
        except (httpx.HTTPError, httpx.InvalidURL, httpx.StreamError) as error:
            raise OutOfReach(f"{where} cannot be reached: {reason(error)}.") from None
        if code in GONE:
            raise OutOfReach(f"{where} answers HTTP {code}: {_said(data)}.")
        if code != 200:
            raise BadValue(f"{where} answers HTTP {code}: {_said(data)}.")
        try:
            answer = json.loads(data)
        except (ValueError, RecursionError):
            answer = None
        if not isinstance(answer, dict):
            raise BadValue(f"{where} answers no JSON object: {_said(data)}.")
        return answer


def _encoding(about: dict[str, Any], url: str) -> Encoding:
    """How the server wants arrays. Raises BadValue."""
    given = about.get("encoding", "list")
    if given == "base64":
        return "base64"
    if given == "list":
        return "list"
    raise BadValue(f"{url}/info says encoding {given!r:.40}: list or base64.")


def _said(data: bytes | bytearray) -> str:
    """The first words of an answer."""
    text = squeezed(bytes(data[:2000]).decode("utf-8", "replace"), 120).rstrip(".")
    return text or "nothing more"
