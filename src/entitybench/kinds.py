"""Kinds of tasks: what an agent must be able to do there, who evaluates it, and by which numbers.

A kind is a row of this table and an evaluator; nothing else asks which kind it is. Other packages
add theirs by the entry point `entitybench.kinds`. Strings only: importing it loads nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

HORIZON = "horizon"  # an upper bound of metrics: the number of steps that the task allows
CONTROL = "entitybench.leaderboard.evaluation.control:Control"
GRAPHS = "entitybench.leaderboard.evaluation.graphs:Graphs"
CLIPS = "entitybench.leaderboard.evaluation.clips:Clips"
PROBLEMS = "entitybench.leaderboard.evaluation.problems:Problems"
# A task -> its returns -> what they are of the way from random actions to the scripted policy.
NORMALISER = "entitybench.datasets.catalogue.scores:normaliser"
_EDGES = "entitybench.leaderboard.statistics.edges"


@dataclass(frozen=True, slots=True, kw_only=True)
class Metric:
    """One number of a row, and how it is shown."""

    name: str
    title: str
    short: str  # the title on a narrow terminal
    scale: float = 1.0  # what it is multiplied with in print: 100 for shares, shown in percent
    digits: int = 1
    unit: str = ""
    higher_is_better: bool = True
    # How the rows of a training seed become one number: "mean", or "module:function" of the rows'
    # values by name, each (E,), NaN where a row has none.
    reduce: str = "mean"
    exact: bool = True  # False: a time, which no two runs share
    # What it cannot be below or above, where intervals end: "horizon" is that of the task. Shares
    # end at 0 and 1 and times at 0 without them.
    lower: float | None = None
    upper: float | str | None = None
    legend: str = ""  # what the first word of `short` means, under narrow tables
    sentence: str = ""  # what must be said of it under every table; {block}: items at once

    @property
    def share(self) -> bool:
        """Whether it lies in [0, 1]."""
        return self.scale == 100.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """One kind of task."""

    id: str
    item: str  # what a row of a record is: "episode", "clip", "problem", "image"
    does: str  # the method by which an agent shows what it can: "policy", "infer", "answer"
    evaluator: str  # "module:Class"; see entitybench.leaderboard.evaluation.evaluate
    metrics: tuple[Metric, ...]  # the first is shown in lists, curves and verdicts
    extras: tuple[Metric, ...] = ()  # of rows too, in tables where they are asked for
    # The module with check_video and record_video, where "video" is an option.
    films: str = "entitybench.leaderboard.evaluation.video"
    listed: tuple[str, ...] = ()  # metrics that lists show; none: the primary one
    compared: str = ""  # the metric by which baselines are compared over tasks
    options: frozenset[str] = frozenset()  # of `bench eval` that mean something here
    views: tuple[str, str] | None = None  # Gymnasium's single and vector view, "module:Class"
    parallel: str | None = None  # PettingZoo's view; with neither there is nothing to step
    # A true field of one of its datasets by which a task of another kind is also of this one.
    offered_by: str = ""

    @property
    def primary(self) -> Metric:
        """The metric that counts where there is room for one."""
        return self.metrics[0]


_SUCCESS = Metric(
    name="success",
    title="success, last step (%)",
    short="success %",
    scale=100.0,
    legend="at the last step",
)
_ANY = Metric(
    name="success_any",
    title="success, any step (%)",
    short="any %",
    scale=100.0,
    legend="at any step",
)
_FRACTION = Metric(
    name="success_fraction", title="entities at goals (%)", short="at goals %", scale=100.0
)
_STEPS = Metric(
    name="steps_to_success",
    title="steps to success",
    short="steps",
    digits=0,
    higher_is_better=False,
    lower=0.0,
    upper=HORIZON,
)
_RETURN = Metric(name="return", title="return", short="return")
_LATENCY = Metric(
    name="latency_ms",
    title="decision (ms)",
    short="ms",
    digits=2,
    unit="ms",
    exact=False,
    lower=0.0,
    sentence="mean time of one call of the policy, which acts for {block} episodes.",
    higher_is_better=False,
)
NORMALISED = Metric(name="normalised_return", title="normalised return", short="normalised")


# What else matters on a robot. Rows of control hold them since they are counted.
_HANDLING = (
    Metric(
        name="violations",
        title="action numbers beyond limits (%)",
        short="beyond %",
        scale=100.0,
        higher_is_better=False,
        legend="numbers of actions outside [-1, 1]",
    ),
    Metric(
        name="jerk",
        title="jerk of actions",
        short="jerk",
        digits=3,
        higher_is_better=False,
        lower=0.0,
        upper=2.0,
        sentence="mean size of second differences of actions, in ranges of an action.",
    ),
    Metric(
        name="contacts",
        title="touching obstacles (steps)",
        short="touching",
        higher_is_better=False,
        lower=0.0,
        upper=HORIZON,
        legend="control steps in which a robot touches an obstacle",
    ),
)
_COORDINATION = Metric(
    name="coordination",
    title="in one convention (%)",
    short="coordinated %",
    scale=100.0,
    legend="episodes in which the team keeps to one way of sharing the work",
)
# Of a whole record, whatever its kind: see `record_infos.Costs`. Times, which no two runs share.
COSTS = (
    Metric(
        name="decision_p50_ms",
        title="single decision, median (ms)",
        short="p50 ms",
        digits=2,
        unit="ms",
        higher_is_better=False,
        exact=False,
        legend="of decisions for a single episode, on one thread",
    ),
    Metric(
        name="decision_p99_ms",
        title="single decision, 99 % (ms)",
        short="p99 ms",
        digits=2,
        unit="ms",
        higher_is_better=False,
        exact=False,
    ),
    Metric(
        name="updates",
        title="updates",
        short="updates",
        digits=0,
        higher_is_better=False,
        lower=0.0,
    ),
    Metric(
        name="training_cpu_s",
        title="training (CPU s)",
        short="train s",
        digits=0,
        unit="s",
        higher_is_better=False,
        exact=False,
    ),
    Metric(
        name="evaluation_cpu_s",
        title="evaluation (CPU s)",
        short="eval s",
        digits=1,
        unit="s",
        higher_is_better=False,
        exact=False,
    ),
)


def _share_of_edges(name: str, title: str, short: str, **others: Any) -> Metric:
    """A share of edges, pooled over the steps of all items of a training seed."""
    return Metric(
        name=name,
        title=title,
        short=short,
        scale=100.0,
        reduce=f"{_EDGES}:{name}",
        **{"higher_is_better": False, **others},
    )


_GRAPH_METRICS = (
    _share_of_edges(
        "misprediction",
        "balanced misprediction (%)",
        "balanced %",
        legend="misprediction",
        sentence="the mean of the share of active edges that were missed and the share of "
        "inactive ones that were named; chance is 50.",
    ),
    _share_of_edges("misprediction_entities", "of edges between entities (%)", "entities %"),
    _share_of_edges("misprediction_action", "of edges from the action (%)", "action %"),
    _share_of_edges("misprediction_structural", "of edges that can be (%)", "structural %"),
    _share_of_edges("misprediction_raw", "raw misprediction (%)", "raw %", digits=2),
    _share_of_edges("auroc", "AUROC (%)", "AUROC %", higher_is_better=True),
)

_REASONER_METRICS = (
    Metric(
        name="solved",
        title="solved, greedy (%)",
        short="solved %",
        scale=100.0,
        legend="by the greedy answer",
    ),
    *(
        Metric(
            name=f"pass_{k}",
            title=f"pass@{k} (%)",
            short=f"@{k} %",
            scale=100.0,
        )
        for k in (1, 4, 64)
    ),
    Metric(
        name="tokens",
        title="tokens of an answer",
        short="tokens",
        digits=0,
        higher_is_better=False,
        lower=0.0,
    ),
)
# Of contexts that mislead, by the type of context.
_IN_CONTEXTS = (
    *("swap", "shift", "drop", "misled_1", "misled_2"),
    *("beside", "redundant", "renamed", "control"),
)
_ROBUSTNESS = (
    *(
        Metric(
            name=f"recovered_{kind}",
            title=f"right after {kind.replace('_', '-')} (%)",
            short=f"{kind.replace('_', '-')} %",
            scale=100.0,
        )
        for kind in _IN_CONTEXTS
    ),
    Metric(
        name="diagnosed",
        title="errors named (%)",
        short="named %",
        scale=100.0,
        legend="of swap, shift and drop, with the right step",
    ),
    Metric(
        name="false_alarms",
        title="false alarms (%)",
        short="alarms %",
        scale=100.0,
        higher_is_better=False,
        legend="errors named in a chain of thought without one",
    ),
)
RECOVERED = tuple(metric.name for metric in _ROBUSTNESS)


VIDEO = "video"
PREDICTED = 10  # frames that are predicted of a clip


def _decibels(name: str, title: str, short: str, **others: Any) -> Metric:
    return Metric(name=name, title=title, short=short, unit="dB", lower=0.0, upper=100.0, **others)


_VIDEO_METRICS = (
    _decibels(
        "dynamic_psnr",
        "PSNR where something moved (dB)",
        "moved dB",
        legend="pixels that differ from the first frame",
    ),
    _decibels("psnr", "PSNR (dB)", "PSNR"),
    Metric(name="ssim", title="SSIM", short="SSIM", digits=3, lower=-1.0, upper=1.0),
    Metric(
        name="mover_error",
        title="places of entities (pixels)",
        short="places px",
        digits=2,
        unit="pixels",
        higher_is_better=False,
        lower=0.0,
    ),
    Metric(
        name="fg_ari",
        title="FG-ARI of slots (%)",
        short="FG-ARI %",
        scale=100.0,
        legend="agreement of slots with entities",
    ),
)
_BY_STEP = tuple(
    _decibels(f"psnr_{k}", f"PSNR of frame {k} (dB)", f"frame {k}") for k in range(1, PREDICTED + 1)
)
_OF_LATENTS = (
    Metric(
        name="probe",
        title="true actions read out (%)",
        short="probe %",
        scale=100.0,
        legend="by a linear probe of all latent actions, in bins of a fifth of the range",
    ),
    Metric(
        name="probe_slot",
        title="true actions read out of their slot (%)",
        short="slot probe %",
        scale=100.0,
        legend="by a linear probe of the latent action of the slot that has the entity",
    ),
    Metric(
        name="edit_moves",
        title="what an edit moves (pixels)",
        short="edit px",
        digits=2,
        unit="pixels",
        lower=0.0,
        legend="the entity that is moved most when one latent action is drawn anew",
    ),
    Metric(
        name="edit_leaks",
        title="what else an edit moves (%)",
        short="leaks %",
        scale=100.0,
        higher_is_better=False,
        legend="all other entities, as a share of the one that is moved most",
    ),
)

_SINGLE, _VECTOR = "entitybench.envs.views.single", "entitybench.envs.views.vector"
_EPISODES = frozenset({"bank", "video", "threads", "failures"})

# What schema 1 of a record held, whatever its kind.
CONTROL_METRICS = (_SUCCESS, _ANY, _FRACTION, _STEPS, _RETURN, _LATENCY)

KINDS: tuple[Kind, ...] = (
    Kind(
        id="goal-control",
        item="episode",
        does="policy",
        evaluator=CONTROL,
        metrics=CONTROL_METRICS,
        compared="success",
        options=_EPISODES,
        extras=_HANDLING,
        views=(f"{_SINGLE}:GoalEnv", f"{_VECTOR}:GoalVectorEnv"),
    ),
    Kind(
        id="reward-control",
        item="episode",
        does="policy",
        evaluator=CONTROL,
        metrics=(*CONTROL_METRICS, NORMALISED),
        listed=("success", "return"),
        compared="return",
        options=_EPISODES,
        extras=_HANDLING,
        views=(f"{_SINGLE}:RewardEnv", f"{_VECTOR}:RewardVectorEnv"),
    ),
    Kind(
        id="team-control",
        item="episode",
        does="policy",
        evaluator=CONTROL,
        metrics=(*CONTROL_METRICS, NORMALISED),
        listed=("success", "return"),
        compared="return",
        options=_EPISODES,
        extras=(*_HANDLING, _COORDINATION),
        parallel="entitybench.envs.views.team:TeamEnv",
    ),
    Kind(
        id="graph",
        item="episode",
        does="infer",
        evaluator=GRAPHS,
        metrics=_GRAPH_METRICS,
        options=frozenset({"bank", "threads"}),
        views=(f"{_SINGLE}:RewardEnv", f"{_VECTOR}:RewardVectorEnv"),
        offered_by="interactions",
    ),
    Kind(
        id=VIDEO,
        item="clip",
        does="roll_out",
        evaluator=CLIPS,
        metrics=_VIDEO_METRICS,
        listed=("dynamic_psnr", "psnr", "mover_error"),
        options=frozenset({"bank", "video", "threads"}),
        films="entitybench.leaderboard.evaluation.strips",
        extras=(*_BY_STEP, *_OF_LATENTS),
        offered_by="video",
    ),
    Kind(
        id="reasoner",
        item="problem",
        does="answer",
        evaluator=PROBLEMS,
        metrics=_REASONER_METRICS,
        listed=("solved", "pass_4"),
        compared="solved",
        options=frozenset({"threads"}),
        extras=_ROBUSTNESS,
    ),
)

# Every metric of these, the first of a name.
METRICS: tuple[Metric, ...] = tuple(
    {metric.name: metric for kind in reversed(KINDS) for metric in kind.metrics}.values()
)
