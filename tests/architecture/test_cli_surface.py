"""The command line's names are fixed: a change here breaks what others have scripted."""

from __future__ import annotations

import pytest

from entitybench.leaderboard.cli.app import app

SURFACE = {
    "list": "WHAT MATCHING --kind --tag --scores --json",
    "info": "ID --bibtex --json",
    "eval": "--agent --task --suite --train-seeds --episode-seed --episodes --weights "
    "--weights-from --dataset --preset --device --threads --bank --video --view --size --speed "
    "--executor --workers --shard --out --json",
    "show": "TASK --seed --split --answer --context --english --out --json",
    "generate": "DATASET --episodes --pixels --seed --size --workers --executor --out --json",
    "lint": "DATASET --episodes --json --strict",
    "check": "TASK --strict --json",
    "page": "DATASETS --out --all --json",
    "download": "ID --from --frames --offline --verify --json",
    "publish": "FOLDER --to --json",
    "train": "--agent --task --dataset --preset --set --part --seed --seeds --device --threads "
    "--evaluate-every --generate --logger --executor --workers --out --resume --json",
    "reproduce": "METHOD --claim --preset --from-scratch --workers --executor --device --out "
    "--json",
    "export": "FOLDER --minari --json",
    "import": "SOURCE --out --download --horizon --json",
    "table": "RECORDS --suite --sort --columns --format --json",
    "compare": "A B --suite --format --json",
    "crossplay": "--agents --task --games --episode-seed --train-seeds --strangers --preset "
    "--dataset --device --threads --out --json",
    "plot": "KIND INPUTS --out --metric --task --episode-seed --json",
    "submit": "RECORDS --to --pack --check --new-key --withdraw --corrects --weights "
    "--with-weights --key --threads --json",
    "serve": "--host --port --store --database --rerun --signed-only --largest --uploads --tries "
    "--audit --backup --restore --quarantine --release --reason --season --reveal --json",
    "rescore": "--store --database --json",
    "verify": "BUNDLE --episodes --train-seeds --rerun --season --weights --threads --json",
    "replay": "BUNDLES --out --poses-only --threads --json",
    "site": "--out --submissions --suite --watch --import --store --database --json",
    "speed": "--task --targets --check --out --json",
    "play": "TASK --episode-seed --episodes --view --size --json",
    "view": "DATASET --episode --episodes --view --size --speed --json",
    "doctor": "--json",
    "completion": "SHELL",
}


def _commands() -> set[str]:
    return {name for name in app if not name.startswith("-")}


def test_commands_are_frozen() -> None:
    assert _commands() == set(SURFACE)


@pytest.mark.parametrize("name", SURFACE)
def test_arguments_are_frozen(name: str) -> None:
    arguments = app[name].assemble_argument_collection()
    assert {argument.name for argument in arguments} == set(SURFACE[name].split())


@pytest.mark.parametrize("name", SURFACE)
def test_help_shows_examples_and_explains_every_argument(
    name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    app([name, "--help"], exit_on_error=False, result_action="return_value")
    shown = capsys.readouterr().out
    assert "Examples:" in shown
    assert f"bench {name}" in shown.partition("Examples:")[2]
    for argument in app[name].assemble_argument_collection(parse_docstring=True):
        assert argument.parameter.help, f"bench {name} does not explain {argument.name}"


@pytest.mark.parametrize("name", [name for name in SURFACE if "--device" in SURFACE[name]])
def test_help_names_every_device(name: str) -> None:
    arguments = app[name].assemble_argument_collection(parse_docstring=True)
    (text,) = [each.parameter.help for each in arguments if each.name == "--device"]
    assert all(word in str(text) for word in ("cpu", "cuda", "cuda:INDEX", "auto"))
