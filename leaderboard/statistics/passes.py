"""pass@k: the chance that one of k samples is right."""

from __future__ import annotations

from math import comb


def pass_at(k: int, right: int, count: int) -> float:
    """The unbiased estimate 1 - C(n - c, k) / C(n, k) (Chen et al., arXiv 2107.03374, eq. 1).

    Args:
        k: samples that one may choose from, at most `count`.
        right: c of them that are right.
        count: n samples.
    """
    return 1.0 - comb(count - right, k) / comb(count, k)
