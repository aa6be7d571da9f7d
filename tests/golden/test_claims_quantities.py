"""Every quantity of claims against numbers worked out by hand."""

import json
import math
from dataclasses import dataclass

import numpy as np
import pytest

from entitybench.claims import (
    Area,
    Average,
    Best,
    Correlation,
    Diagnostic,
    Difference,
    Fisher,
    Mean,
    Measured,
    Quantity,
    Ratio,
    Share,
    SignTest,
    Spread,
    StepsTo,
    Training,
)
from entitybench.errors import BadValue, RecordError, UnknownId
from entitybench.leaderboard.claims import pairing
from entitybench.leaderboard.claims.pairing import text
from entitybench.leaderboard.claims.quantities import Results, find
from entitybench.leaderboard.tables import data
from entitybench.registry import resolve
from tests.support.claim_cases import record

T2, T3 = 12.706204736, 4.302652730  # t quantiles of 97.5 % for 1 and 2 degrees of freedom


def scores(*by_seed, **kwargs):
    """A record with these values of "score"."""
    return record({"score": np.array(by_seed, float)}, **kwargs)


def look(quantity, **records):
    return find(quantity, Results(records))


def ends(found):
    return found.interval.mean, found.interval.low, found.interval.high


def test_mean_is_of_training_seeds_with_students_interval():
    found = look(Mean("a", "score"), a=scores([1, 3], [5, 7]))
    assert list(found.values) == [2, 6]
    assert ends(found) == pytest.approx((4, 4 - T2 * 2, 4 + T2 * 2))
    share = look(Mean("a", "success"), a=record({"success": [[1, 0], [1, 1]]}))
    assert text(share) == "75.0 [0.0, 100.0]"


def test_mean_of_a_column_that_tables_show_when_asked():
    given = record({"success": [[1, 1, 1], [1, 1, 1]], "jerk": [[1, np.nan, 3], [5, 5, 5]]})
    given = given.model_copy(update={"metrics": given.metrics[:1]})
    found = look(Mean("a", "jerk"), a=given)
    assert list(found.values) == [2, 5]
    assert look(Difference(Mean("a", "jerk"), Mean("a", "jerk")), a=given).interval.mean == 0
    with pytest.raises(UnknownId, match="'jerk'"):
        look(Mean("b", "jerk"), b=scores([1]))  # whose rows have none


def test_mean_of_a_metric_that_is_reduced_otherwise(monkeypatch):
    monkeypatch.setattr(data, "reduction", resolve)  # no kind of tasks names the one of this test
    found = look(Mean("a", "spread"), a=record({"spread": [[1, 4], [2, 10]]}))
    assert list(found.values) == [3, 8]
    assert found.grid is None


def test_a_metric_that_a_record_has_not():
    with pytest.raises(UnknownId, match=r"unknown metric 'scor'.*'score'"):
        look(Mean("a", "scor"), a=scores([1]))
    with pytest.raises(RecordError, match="no record of b"):
        look(Mean("b", "score"), a=scores([1]))


def test_diagnostic_by_training_seed():
    a = scores([0], [0], [0], diagnostics=[{"changed": 1.0}, {"changed": 4.0}, {}])
    found = look(Diagnostic("a", "changed"), a=a)
    assert found.interval.mean == 2.5
    assert found.notes == ("no value in training seed 2",)
    with pytest.raises(RecordError, match="has no diagnostic 'moved'"):
        look(Diagnostic("a", "moved"), a=a)


def test_difference_is_paired_by_item():
    a, b = scores([3, 5], [4, 8]), scores([1, 2], [3, 3])
    found = look(Difference(Mean("a", "score"), Mean("b", "score")), a=a, b=b)
    assert list(found.values) == [2.5, 3]  # (2 + 3) / 2, (1 + 5) / 2
    assert ends(found) == pytest.approx((2.75, 2.75 - T2 * 0.25, 2.75 + T2 * 0.25))
    assert text(found).startswith("+2.8 [")
    # of items that one lacks, none counts
    a = scores([3, 5, 99], [4, 8, 99])
    assert look(Difference(Mean("a", "score"), Mean("b", "score")), a=a, b=b).interval.mean == 2.75


def test_training_seeds_that_agree_are_not_certain():
    # Equal gains over two seeds: what the items leave open, or no interval and the reason.
    a, b = (record({"success": x}) for x in ([[1, 1, 0, 1]] * 2, [[1, 0, 0, 1]] * 2))
    found = look(Difference(Mean("a", "success"), Mean("b", "success")), a=a, b=b)
    assert found.interval.mean == 0.25
    assert -0.3 < found.interval.low < 0.25 < found.interval.high < 0.8
    steps = [{"c": 2000.0}] * 3
    same = look(Diagnostic("a", "c"), a=scores([0], [0], [0], diagnostics=steps))
    assert text(same) == "2000.00 [–]"
    assert same.interval.method == "no interval: all values are equal"


def test_no_difference_is_beyond_what_its_sides_can_be():
    # Shares of other items: 100 against 50 and 0 %, so that t says [-561, 711].
    a = record({"success": [[1, 1], [1, 1]]})
    b = record({"success": [[1, 0], [0, 0]]}, task="there")
    found = look(Difference(Mean("a", "success"), Mean("b", "success")), a=a, b=b)
    assert ends(found) == (0.75, -1, 1)
    both = look(Average((Mean("a", "success"), Mean("b", "success"))), a=a, b=b)
    assert ends(both) == (0.625, 0, 1)


def test_difference_between_tasks_is_by_training_seed():
    a, b = scores([3, 5], [4, 8]), scores([1], [2], task="there")
    found = look(Difference(Mean("a", "score"), Mean("b", "score")), a=a, b=b)
    assert list(found.values) == [3, 4]


def test_what_has_no_weights_is_paired_with_every_training_seed():
    a, b = scores([3], [5], seeds=[1, 2]), scores([2], weights=False)
    found = look(Difference(Mean("a", "score"), Mean("b", "score")), a=a, b=b)
    assert (list(found.values), found.seeds) == ([1, 3], (1, 2))


def test_training_seeds_of_one_side_are_left_out_and_named():
    a, b = scores([3], [5], [7]), scores([1], [1], seeds=[1, 2])
    found = look(Difference(Mean("a", "score"), Mean("b", "score")), a=a, b=b)
    assert (list(found.values), found.seeds) == ([4, 6], (1, 2))
    assert found.notes == ("training seed 0 left out: not of both",)
    with pytest.raises(RecordError, match="no training seeds in common: 0 and 1, 2"):
        look(Difference(Mean("a", "score"), Mean("b", "score")), a=scores([3]), b=b)


def test_ratio_of_the_same_items_is_of_means_and_they_are_paired():
    a, b = scores([4, 8], [6, 6]), scores([2, 4], [3, 3])
    found = look(Ratio(Mean("a", "score"), Mean("b", "score")), a=a, b=b)
    assert found.interval.mean == 2
    assert text(found) == "2.00 [–]"
    a, b = scores([4, 8, 6, 6]), scores([2, 4, 3, 3])
    found = look(Ratio(Mean("a", "score"), Mean("b", "score")), a=a, b=b)
    assert found.interval.method == "no interval: all values are equal"
    found = look(Ratio(Mean("a", "score"), Mean("b", "score")), a=scores([5, 7, 6, 6]), b=b)
    # by hand: those r with |mean(a − r b)| <= t(0.975, 3) times its standard error
    x, y = np.array([5.0, 7, 6, 6]), np.array([2.0, 4, 3, 3])
    at_ends = [x - end * y for end in (found.interval.low, found.interval.high)]
    t = [abs(z.mean()) / (z.std(ddof=1) / 2) for z in at_ends]
    assert t == pytest.approx([3.182446305] * 2, rel=1e-3)
    assert found.interval.mean == 2
    assert found.interval.low < 2 < found.interval.high


def test_ratio_has_no_interval_where_the_divisor_may_be_zero():
    a, b = scores([4, 8], [6, 6]), scores([2, 6], [1, 3])
    found = look(Ratio(Mean("a", "score"), Mean("b", "score")), a=a, b=b)
    assert found.interval.mean == 2
    assert found.interval.method == "no interval: the divisor may be 0"
    assert text(found) == "2.00 [–]"


def test_ratio_of_one_number_a_seed_is_their_geometric_mean():
    # ratios 1/2, 1/4 and 1: geometric mean 1/2
    a = scores([0], [0], [0], diagnostics=[{"c": 1.0}, {"c": 0.5}, {"c": 3.0}])
    b = scores([0], [0], [0], diagnostics=[{"c": 2.0}, {"c": 2.0}, {"c": 3.0}])
    found = look(Ratio(Diagnostic("a", "c"), Diagnostic("b", "c")), a=a, b=b)
    error = np.std(np.log([0.5, 0.25, 1.0]), ddof=1) / np.sqrt(3)
    expected = (0.5, 0.5 * np.exp(-T3 * error), 0.5 * np.exp(T3 * error))
    assert ends(found) == pytest.approx(expected)
    assert found.notes == ("1.50 against 2.33",)


def test_ratio_of_a_number_that_is_not_positive_is_of_means():
    a, b = scores([3], [-1], task="here"), scores([1], [3], task="there")
    found = look(Ratio(Mean("a", "score"), Mean("b", "score")), a=a, b=b)
    assert found.interval.mean == 0.5  # (3 − 1) / (1 + 3)
    assert found.interval.method == "no interval: the divisor may be 0"  # of 1 and 3


@pytest.mark.parametrize(
    ("above", "below", "said"),
    [
        ([[0]], [[0]], "undefined, 0 / 0"),
        ([[2]], [[0]], "infinite, the divisor is 0"),
        ([[math.nan]], [[1]], "undefined, no data"),
    ],
)
def test_ratios_that_are_no_numbers(above, below, said):
    found = look(Ratio(Mean("a", "score"), Mean("b", "score")), a=scores(*above), b=scores(*below))
    assert text(found) == said


def test_one_training_seed_has_no_interval_where_there_are_no_items():
    a = scores([0], diagnostics=[{"c": 1.0}])
    b = scores([0], diagnostics=[{"c": 4.0}])
    ratio = look(Ratio(Diagnostic("a", "c"), Diagnostic("b", "c")), a=a, b=b)
    assert text(ratio) == "0.25 [–]"
    difference = look(Difference(Diagnostic("a", "c"), Diagnostic("b", "c")), a=a, b=b)
    assert text(difference) == "-3.00 [–]"
    assert text(look(Average((Mean("a", "score"), Mean("b", "score"))), a=a, b=b)) == "0.0 [–]"


def test_best_is_the_arm_with_the_best_mean():
    records = {"a": scores([1], [9]), "b": scores([6], [6]), "c": scores([math.nan], [math.nan])}
    of = tuple(Mean(name, "score") for name in "abc")
    found = look(Best(of), **records)
    assert list(found.values) == [6, 6]  # not the best of each seed
    assert found.notes == ("highest: score(b)",)
    assert list(look(Best(of, lower=True), **records).values) == [1, 9]
    with pytest.raises(RecordError, match=r"none of score\(c\) has a value"):
        look(Best(of[2:]), **records)


def test_average_is_within_training_seeds():
    records = {"a": scores([1, 3], [5, 7]), "b": scores([4], [0], task="there")}
    found = look(Average((Mean("a", "score"), Mean("b", "score"))), **records)
    assert list(found.values) == [3, 3]
    assert found.interval.mean == 3
    assert found.interval.method == "no interval: all values are equal"


def test_a_missing_value_is_said():
    a = scores([1], [math.nan], [3])
    found = look(Average((Mean("a", "score"),)), a=a)
    assert found.interval.mean == 2
    assert found.notes == ("no value in training seed 1",)


def test_spread_is_the_standard_deviation_over_seeds():
    found = look(Spread(Mean("a", "score")), a=scores([1], [2], [6]))
    assert found.interval.mean == pytest.approx(math.sqrt(7))  # 4 + 1 + 9 over 2
    assert math.isnan(found.interval.low)
    ratio = Ratio(Spread(Mean("a", "score")), Spread(Mean("b", "score")))
    found = look(ratio, a=scores([1], [2], [6]), b=scores([2], [4], [12]))
    assert text(found) == "0.50 [–]"
    one = look(Spread(Mean("a", "score")), a=scores([1, 2]))
    assert text(one) == "undefined, one training seed has no spread"


def test_share_of_training_seeds_above_a_level():
    found = look(Share(Mean("a", "score"), 3), a=scores([1], [4], [3], [9]))
    assert list(found.values) == [0, 1, 0, 1]
    assert text(found) == "50 [15, 85]"  # Wilson's interval of 2 in 4
    assert found.notes == ("2 of 4 training seeds",)


def test_correlation_within_each_seed_over_its_items():
    a = record({"score": [[1, 2, 3], [1, 2, 3]], "success": [[0, 0, 1], [1, 0, 0]]})
    found = look(Correlation(Mean("a", "score"), Mean("a", "success")), a=a)
    expected = math.sqrt(3) / 2
    assert list(found.values) == pytest.approx([expected, -expected])
    assert found.interval.mean == pytest.approx(0)
    constant = record({"score": [[1, 2, 3], [1, 2, 3]], "success": [[1, 1, 1], [0, 0, 1]]})
    found = look(Correlation(Mean("a", "score"), Mean("a", "success")), a=constant)
    assert found.notes == ("no value in training seed 0",)


def test_correlation_of_one_training_seed_is_over_its_items():
    one = record({"score": [[1, 2, 3, 9]], "success": [[0, 0, 1, 0]]})
    found = look(Correlation(Mean("a", "score"), Mean("a", "success")), a=one)
    r = np.corrcoef([1, 2, 3, 9], [0, 0, 1, 0])[0, 1]
    assert found.interval.low == pytest.approx(math.tanh(math.atanh(r) - 1.959963985))
    assert (found.interval.method, found.interval.count) == ("fisher over episodes", 4)
    few = record({"score": [[1, 2, 3]], "success": [[0, 0, 1]]})
    found = look(Correlation(Mean("a", "score"), Mean("a", "success")), a=few)
    assert math.isnan(found.interval.low)
    assert found.interval.method.startswith("no interval")


def test_correlation_over_seeds_and_of_ranks():
    a = scores([0], [0], [0], [0], diagnostics=[{"x": x, "y": x**3} for x in (1.0, 2.0, 3.0, 9.0)])
    x, y = Diagnostic("a", "x"), Diagnostic("a", "y")
    assert look(Correlation(x, y, rank=True), a=a).interval.mean == 1
    found = look(Correlation(x, y), a=a)
    r = np.corrcoef([1, 2, 3, 9], [1, 8, 27, 729])[0, 1]
    assert found.interval.mean == pytest.approx(r)
    assert found.interval.low == pytest.approx(math.tanh(math.atanh(r) - 1.959963985))


def test_sign_test_pools_pairs_and_leaves_out_ties():
    records = {"a": scores([3], [3], [3], [3]), "b": scores([1], [3], [2], [4])}
    pair = (Mean("a", "score"), Mean("b", "score"))
    found = look(SignTest((pair,)), **records)
    assert found.interval.mean == 0.5  # P(X >= 2) of 3: (3 + 1) / 8
    assert found.notes == ("2 of 3 pairs, 1 ties",)
    found = look(SignTest((pair, pair)), **records)
    assert found.interval.mean == pytest.approx(22 / 64)  # P(X >= 4) of 6: 15 + 6 + 1
    nothing = look(SignTest((pair,)), a=scores([math.nan]), b=scores([1]))
    assert text(nothing) == "undefined, no pair has values"


def test_fishers_exact_test_pools_runs():
    a, b = scores([9], [9], [9], [0]), scores([0], [0], [9], [0])
    found = look(Fisher(Mean("a", "score"), Mean("b", "score"), above=5), a=a, b=b)
    assert found.interval.mean == pytest.approx(17 / 70)  # tea tasting: (16 + 1) / 70
    assert found.notes == ("3 of 4 runs against 1 of 4",)
    twice = (Mean("a", "score"), Mean("a", "score"))
    found = look(Fisher(twice, Mean("b", "score"), above=5), a=a, b=b)
    assert found.notes == ("6 of 8 runs against 1 of 4",)


def curves(tmp_path, *runs):
    """Metrics files with these values of evaluations after 100, 200, … steps."""
    files = {}
    for seed, run in enumerate(runs):
        rows = [
            {"step": 100 * (k + 1), "evaluation": {"success": value}} for k, value in enumerate(run)
        ]
        rows.insert(1, {"step": 150, "loss": 7.0 + seed})
        files[seed] = tmp_path / f"{len(list(tmp_path.iterdir()))}.jsonl"
        files[seed].write_text("".join(json.dumps(row) + "\n" for row in rows))
    return files


def test_training_takes_from_curves(tmp_path):
    results = Results({}, {"a": curves(tmp_path, [0.2, 0.6, 0.4], [0.0, 0.2, 0.6])})

    def values(take, column="success"):
        return list(find(Training("a", column, take), results).values)

    assert values("last") == [0.4, 0.6]
    assert values("max") == [0.6, 0.6]
    assert values("last", "loss") == [7, 8]
    assert values(StepsTo(0.5)) == [200, 300]
    assert values(StepsTo(0.4, smooth=2)) == [200, 300]
    # trapezoids: (0.4 + 0.5) / 2, (0.1 + 0.4) / 2
    assert values(Area()) == pytest.approx([0.45, 0.25])
    with pytest.raises(UnknownId, match="unknown training metric 'succes'"):
        values("last", "succes")
    with pytest.raises(RecordError, match="no training curve of b"):
        find(Training("b", "success"), results)


def test_a_curve_that_never_gets_there_counts_as_its_last_step(tmp_path):
    slow, fast = curves(tmp_path, [0.1, 0.2, 0.3]), curves(tmp_path, [0.5, 0.6, 0.7])
    results = Results({}, {"slow": slow, "fast": fast})
    steps = [Training(name, "success", StepsTo(0.5)) for name in ("slow", "fast")]
    found = find(Ratio(*steps), results)
    assert found.interval.mean == pytest.approx(3)
    assert found.notes == ("300 against 100", "never in 1 of 1 runs of slow: their last step")


def test_the_scale_of_a_curve_is_that_of_its_metric(tmp_path):
    files = {"a": curves(tmp_path, [0.2, 0.5])}
    a = record({"success": [[1, 0]]})
    assert text(find(Training("a", "success"), Results({"a": a}, files))) == "50.0 [–]"


def test_measured_by_training_seed():
    quantity = Measured("method.units:residual")
    found = find(quantity, Results({}, {}, {quantity: {0: 1.0, 1: 3.0}}))
    assert (list(found.values), found.interval.mean) == ([1, 3], 2)
    with pytest.raises(RecordError, match=r"method\.units:residual has not been run"):
        find(quantity, Results({}))


def test_a_quantity_of_another_package_is_a_class_and_a_function():
    @dataclass(frozen=True)
    class Median(Quantity):
        a: Quantity

        def __str__(self):
            return f"median({self.a})"

    a = scores([1], [2], [9])
    with pytest.raises(BadValue, match="nothing finds a Median: register a function"):
        look(Median(Mean("a", "score")), a=a)

    @find.register(Median)
    def _median(quantity, results):
        return pairing.one_number(float(np.median(find(quantity.a, results).values)))

    found = look(Difference(Median(Mean("a", "score")), Mean("a", "score")), a=a)
    assert list(found.values) == [1, 0, -7]
    assert (
        str(Ratio(Median(Mean("a", "score")), Mean("a", "score"))) == "median(score(a)) / score(a)"
    )
