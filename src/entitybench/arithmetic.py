"""What decides how numpy and torch round, named as environment variables of a process.

It must be set before numpy loads; hence nothing is imported here that would load it.
"""

from __future__ import annotations

import os

# Names of numpy 1 and of numpy 2.4 on; numpy passes over those that it does not know.
_WIDER_THAN_AVX2 = (
    "AVX512F AVX512CD AVX512_KNL AVX512_KNM AVX512_SKX AVX512_CLX AVX512_CNL AVX512_ICL AVX512_SPR "
    "X86_V4"
)


def same_everywhere(cpuinfo: str = "/proc/cpuinfo") -> dict[str, str]:
    """Variables with which a process computes the same numbers on every x86 CPU that has AVX2.

    Sums in a matrix product are ordered by the number of threads and by the kernel that OpenBLAS
    picks for the CPU, and numpy's sines, exponentials and powers round otherwise where it finds
    AVX-512. One thread, one kernel and no AVX-512 make data and records agree between machines.
    """
    settings = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
    flags = _flags(cpuinfo)
    if "avx2" in flags:
        settings["OPENBLAS_CORETYPE"] = "Haswell"
    if "avx512f" in flags:
        settings["NPY_DISABLE_CPU_FEATURES"] = _WIDER_THAN_AVX2
    return settings


def rounds_alike() -> bool:
    """Whether this process was begun with those variables, as `bench` and its workers are."""
    return all(os.environ.get(name) == value for name, value in same_everywhere().items())


def _flags(cpuinfo: str) -> frozenset[str]:
    """What the CPU says it has; empty where the system does not tell."""
    try:
        with open(cpuinfo) as lines:
            return frozenset(next((line.split() for line in lines if line.startswith("flags")), ()))
    except OSError:
        return frozenset()
