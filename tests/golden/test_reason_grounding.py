"""What holds by the rules of problems holds in MuJoCo too."""

from __future__ import annotations

import pytest

from entitybench.envs.reason.grounding import Case, cases, replayed
from entitybench.envs.worlds import world_of

DOMAINS = ("rearrange", "track", "kitchen")


def agreement(done: list[Case]) -> float:
    return sum(case.symbolic == case.physical for case in done) / len(done)


@pytest.mark.parametrize("domain", DOMAINS)
def test_a_few_answers_in_the_simulation(domain: str) -> None:
    source = world_of(f"reason-{domain}-1")
    given = cases(source, 4)
    assert {case.symbolic for case in given} == {True, False}
    done = replayed(source, given)
    assert [case.physical for case in done] == [case.symbolic for case in done]


@pytest.mark.slow
@pytest.mark.parametrize("domain", DOMAINS)
def test_rules_and_simulation_agree(domain: str) -> None:
    """Right answers to twenty problems a level, and ten that were spoilt."""
    for level in range(1, 6):
        source = world_of(f"reason-{domain}-{level}")
        given = cases(source, 20)
        assert sum(case.symbolic for case in given) >= 20
        assert sum(not case.symbolic for case in given) >= 4
        assert agreement(replayed(source, given)) >= 0.95, level
