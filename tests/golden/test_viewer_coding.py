"""The viewer's data files: what is put in comes out, to 0.1 mm and 1/32767, in few bytes."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import numpy as np
import pytest

from entitybench.leaderboard.viewer import coding, meshes
from entitybench.leaderboard.viewer.episodes import jerks

VIEWER = Path(__file__).parents[2] / "leaderboard" / "viewer"


def _poses(steps: int, bodies: int, speed: float, seed: int = 0) -> np.ndarray:
    """Random walks with random turns."""
    rng = np.random.default_rng(seed)
    position = np.cumsum(rng.normal(0, speed, (steps, bodies, 3)), axis=0)
    turn = np.cumsum(rng.normal(0, 0.1, (steps, bodies, 4)), axis=0) + np.eye(4)[0]
    return np.concatenate([position, turn / np.linalg.norm(turn, axis=-1, keepdims=True)], axis=-1)


@pytest.mark.parametrize("speed", [0.0, 0.01, 50.0], ids=["still", "slow", "leaps"])
def test_poses_come_back_to_a_tenth_of_a_millimetre(speed: float) -> None:
    poses = _poses(200, 5, speed)
    _, arrays = coding.unpacked(coding.packed({}, coding.coded(poses)))
    assert arrays["differences"].shape[0] == (4 if speed > 3.2 else 2)
    back = coding.decoded(**arrays)
    assert np.abs(back[..., :3] - poses[..., :3]).max() <= 0.5e-4 + 1e-9
    same = np.sign(np.sum(back[..., 3:] * poses[..., 3:], axis=-1, keepdims=True))
    assert np.abs(same * back[..., 3:] - poses[..., 3:]).max() <= 1 / 32767


def test_a_quaternion_that_changes_sign_is_no_leap() -> None:
    angle = np.linspace(0, 4 * np.pi, 300)
    turn = np.zeros((300, 1, 7))
    turn[:, 0, 3], turn[:, 0, 6] = np.cos(angle / 2), np.sin(angle / 2)
    turn[150:] *= -1
    steps = np.diff(coding.decoded(**coding.coded(turn)), axis=0)
    assert np.abs(steps).max() < 0.05


def test_a_block_of_two_numbers_is_what_the_format_says() -> None:
    data = coding.packed({"a": 1}, {"x": np.array([1, 256], np.uint16)})
    import zlib

    text = b'{"a":1,"arrays":{"x":{"type":"u2","shape":[2],"at":0}}}'
    expected = len(text).to_bytes(4, "little") + text + b"\x01\x00\x00\x01"
    assert zlib.decompress(data, 31) == expected
    assert coding.of_script(coding.script('n"', data)) == data
    assert coding.script("n", b"\x00") == b'entitybenchViewer.put("n","AA==")\n'


def test_differences_are_zigzag_in_planes_of_bytes() -> None:
    poses = np.zeros((3, 1, 7))
    poses[:, 0, 0] = [0, 0.0300, 0.0299]  # 300 units, then one back
    coded = coding.coded(poses)
    assert coded["first"].tolist() == [0] * 7
    low, high = coded["differences"][:, 0]
    assert (low + 256 * high.astype(int)).tolist() == [600, 1]


def test_a_mesh_keeps_its_shape_with_fewer_faces() -> None:
    side = np.linspace(0, 1, 40)
    x, y = np.meshgrid(side, side, indexing="ij")
    corners = np.stack([x.ravel(), y.ravel(), np.zeros(1600)], axis=1)
    k = np.arange(1600).reshape(40, 40)
    one = np.stack([k[:-1, :-1], k[1:, :-1], k[1:, 1:]], axis=-1).reshape(-1, 3)
    two = np.stack([k[:-1, :-1], k[1:, 1:], k[:-1, 1:]], axis=-1).reshape(-1, 3)
    mesh = meshes.Mesh(corners, np.concatenate([one, two]))
    (less,) = meshes.simplified([mesh], most=500)
    assert 50 < len(less.faces) <= 500
    area = np.cross(
        less.corners[less.faces[:, 1]] - less.corners[less.faces[:, 0]],
        less.corners[less.faces[:, 2]] - less.corners[less.faces[:, 0]],
    )
    assert (area[:, 2] > 0).all()  # no face is turned over
    assert abs(area[:, 2].sum() / 2 - 1) < 0.2
    assert meshes.simplified([mesh], most=10_000)[0] is mesh

    box, shares, faces = meshes.quantised(less)
    back = box[0] + box[1] * shares.T / 65535
    assert np.abs(back - less.corners).max() < 1e-5
    indices = np.cumsum(faces.astype(np.int64)) % 2**16
    assert indices.reshape(-1, 3).tolist() == less.faces.tolist()


def test_jerks_are_the_largest_changes_apart_in_time() -> None:
    jumps = np.zeros(100)
    jumps[[10, 12, 50, 90]] = [1.0, 0.9, 0.5, 2.0]
    assert jerks(jumps) == [90, 10, 50]
    assert jerks(np.zeros(5)) == []


def test_the_built_viewer_is_of_these_sources() -> None:
    """After a change in js/: `npm ci && npm run build` there."""
    stamp = json.loads((VIEWER / "static" / "stamp.json").read_text())
    js = VIEWER / "js"
    names = ["build.mjs", "package.json", "package-lock.json"]
    names += [f"src/{path.name}" for path in (js / "src").iterdir()]
    digest = hashlib.sha256()
    for name in sorted(names):
        digest.update(name.encode() + b"\0" + (js / name).read_bytes())
    assert stamp["sources"] == digest.hexdigest(), "leaderboard/viewer/static/viewer.js is stale"
    built = (VIEWER / "static" / "viewer.js").read_bytes()
    assert stamp["viewer"] == hashlib.sha256(built).hexdigest()


def test_the_built_viewer_names_no_host_and_evaluates_nothing() -> None:
    built = (VIEWER / "static" / "viewer.js").read_text()
    assert "eval(" not in built
    assert "new Function" not in built
    assert "MIT" in (VIEWER / "static" / "viewer-licence.txt").read_text()
    assert '"resolved"' not in (VIEWER / "js" / "package-lock.json").read_text()
