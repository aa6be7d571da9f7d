"""Every peer that is installed can be measured, and one that cannot is told."""

from __future__ import annotations

import pytest

from entitybench.envs.speed import peers
from entitybench.envs.speed.measure import speed
from entitybench.envs.speed.targets import TARGETS


@pytest.mark.parametrize("name", sorted({target.peer for target in TARGETS}))
def test_an_installed_peer_runs(name: str) -> None:
    found, missing, failed = peers.installed([name])
    assert failed == {}
    if name in missing:
        pytest.skip(missing[name])
    (peer,) = found
    steps, cpu, wall = peer.run()
    assert steps > 0
    assert cpu > 0
    assert wall > 0
    assert peer.dof > 0
    assert peer.control_hz > 0
    peer.close()


def test_a_peer_that_is_installed_and_fails_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(name: str, repeated: object) -> peers.Peer:
        del name, repeated
        raise AttributeError("no model before the first reset")

    monkeypatch.setitem(peers._MAKERS, "OGBench scene", broken)
    result = speed("point-maze-u", 0.01, rounds=1, beside=["OGBench scene"], views=["batched env"])
    assert "OGBench scene" not in result.missing
    assert "FAILED: OGBench scene (AttributeError: no model" in result.text()
    assert result.to_json()["failed"] == result.failed
