"""Processes that make data and records round alike on every CPU."""

import os
import subprocess
import sys

import pytest

from entitybench.arithmetic import rounds_alike, same_everywhere
from entitybench.datasets.generate.api import generate
from entitybench.executors import local

FLAGS = "processor\t: 0\nvendor_id\t: {}\nflags\t\t: fpu sse2 {}\n"


def cpu(path, flags, vendor="GenuineIntel"):
    path.write_text(FLAGS.format(vendor, flags))
    return str(path)


def test_threads_kernel_and_vectors_are_fixed_by_what_the_cpu_has(tmp_path):
    old = same_everywhere(cpu(tmp_path / "old", "avx"))
    new = same_everywhere(cpu(tmp_path / "new", "avx avx2", "AuthenticAMD"))
    wide = same_everywhere(cpu(tmp_path / "wide", "avx avx2 avx512f"))
    assert old == dict.fromkeys(old, "1")
    assert "OMP_NUM_THREADS" in old
    assert new == {**old, "OPENBLAS_CORETYPE": "Haswell"}
    assert wide.keys() - new.keys() == {"NPY_DISABLE_CPU_FEATURES"}
    assert same_everywhere(str(tmp_path / "none")) == old


def test_numpy_takes_the_names_and_finds_nothing_wider_than_avx2(tmp_path):
    wide = same_everywhere(cpu(tmp_path / "wide", "avx2 avx512f"))
    code = 'import numpy; print(*numpy.show_config(mode="dicts")["SIMD Extensions"]["found"])'
    found = subprocess.run(
        [sys.executable, "-P", "-c", code],
        env={**os.environ, **wide},
        capture_output=True,
        text=True,
        check=True,
    )
    assert found.stderr == ""
    assert not any(name.startswith("AVX512") or name == "X86_V4" for name in found.stdout.split())


@pytest.mark.parametrize("name", same_everywhere())
def test_workers_of_a_generation_have_the_settings_whatever_the_user_has(monkeypatch, name):
    """`bench` sets them where the user does not; bits of a dataset are no user's choice."""
    seen = {}
    monkeypatch.setenv(name, "something else")
    monkeypatch.setattr(local.subprocess, "Popen", lambda *words, **options: seen.update(options))
    local.start()
    assert seen["env"][name] == same_everywhere()[name]


def test_a_process_begun_otherwise_has_others_make_and_check_data(monkeypatch, tmp_path):
    """A script's numpy may have AVX-512: what it makes itself would be other bytes."""
    for each, value in same_everywhere().items():
        monkeypatch.setenv(each, value)
    assert rounds_alike()
    begun, start = [], local.start
    monkeypatch.setattr(local, "start", lambda: begun.append(1) or start())
    made = {"episodes": 2, "workers": 1}
    here = generate("push-1block/play-v1", out=tmp_path / "here", **made)
    assert not begun
    monkeypatch.delenv("OPENBLAS_NUM_THREADS")
    assert not rounds_alike()
    there = generate("push-1block/play-v1", out=tmp_path / "there", **made)
    assert len(begun) == 2
    one, other = ({f.name: f.read_bytes() for f in each.iterdir()} for each in (here, there))
    assert one == other
