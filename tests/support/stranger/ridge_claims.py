"""What is claimed of it."""

from entitybench.claims import Arm, Check, Claim, Difference, Mean

CLAIMS = (
    Claim(
        name="clones",
        method="ridge",
        statement="A linear clone of the script hops farther than random actions do.",
        published="nowhere",
        arms=(
            Arm("clone", "ridge", "hopper", dataset="hopper/expert-v1"),
            Arm("random", "random", "hopper"),
        ),
        checks=(Check(Difference(Mean("clone", "return"), Mean("random", "return")), at_least=50),),
        presets=("small",),
        training_seeds=2,
        items=5,
        evaluate_every=40,
    ),
)
