"""The table of commands. Each is a "module:function" that cyclopts imports when it is called."""

from __future__ import annotations

import signal
import sys
import threading
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, redirect_stdout
from io import StringIO
from typing import Any

from cyclopts import App, CycloptsError, Parameter
from cyclopts.exceptions import UnknownCommandError, UnusedCliTokensError

from entitybench.errors import BadValue, did_you_mean
from entitybench.leaderboard.cli.output import note
from entitybench.streams import emit, result
from entitybench.words import class_name, named, place

_CLI = "entitybench.leaderboard.cli"


def _version() -> str:
    from entitybench import __version__

    return __version__


def _options(text: str, examples: Sequence[str]) -> dict[str, Any]:
    return {"help": text, "help_epilogue": "\n".join(["Examples:", *(f"  {e}" for e in examples)])}


app = App(
    name="bench",
    **_options(
        "Robot learning with many entities and many agents: worlds, datasets, agents, claims.",
        (
            "bench list tasks",
            "bench eval --agent hecrl --task push-3blocks",
            "bench reproduce hecrl",
        ),
    ),
    version=_version,
    help_format="plaintext",
    default_parameter=Parameter(negative=()),
    suppress_keyboard_interrupt=False,
)


def _command(name: str, target: str, text: str, *examples: str) -> None:
    # Sorted as registered: what a newcomer types first stands first.
    app.command(f"{_CLI}.{target}", name=name, sort_key=len(list(app)), **_options(text, examples))


_command(
    "list",
    "catalogue:list_",
    "List tasks, agents, datasets or suites.",
    "bench list",
    "bench list tasks",
    "bench list agents --scores",
    "bench list agents --kind reward-control",
    "bench list datasets --json",
    "bench list suites",
)
_command(
    "info",
    "sheet:info",
    "Everything known about one task, agent, dataset or suite.",
    "bench info push-3blocks",
    "bench info hecrl",
    "bench info push-3blocks/play-v1 --json",
    "bench info control-small",
    "bench info my_world.py:TASK",
    "bench info hecrl --bibtex > hecrl.bib",
)
_command(
    "eval",
    "evaluation:evaluate",
    "Evaluate an agent in a task or a suite of them: a table, records, and with --video a film.",
    "bench eval --agent hecrl --task push-3blocks",
    "bench eval --agent hecrl --suite control-small",
    "bench eval --agent gcbc --suite control --weights runs --out results/gcbc --shard 1/4",
    "bench eval --agent hecrl --task push-3blocks --train-seeds 0 1 --episodes 20 --video",
    "bench eval --agent hecrl --weights-from push-3blocks --task push-4blocks",
    "bench eval --agent bc --task hopper --weights runs/bc --dataset hopper/medium-v1",
    "bench eval --agent hecrl --task push-3blocks --device cuda",
    "bench eval --agent my_agent.py:MyPolicy --task push-1block --json",
)
_command(
    "show",
    "show:show",
    "Show a problem and draw it; an answer is shown step by step, with where it breaks.",
    "bench show reason-rearrange-5 --seed 3",
    "bench show reason-rearrange-5 --seed 3 --answer 'A>0 B>2'",
    "bench show reason-track-3 --context misled-1 --out misled.png",
    "bench show reason-kitchen-5 --english",
)
_command(
    "generate",
    "data:generate",
    "Generate a dataset; the same seed gives the same bytes. Run again to resume.",
    "bench generate push-3blocks/play-v1",
    "bench generate push-3blocks/play-v1 --episodes 100 --seed 7 --workers 2 --out data/mine",
    "bench generate push-3blocks/play-v1 --size paper",
    "bench generate push-3blocks/play-v1 --pixels 64",
)
_command(
    "lint",
    "lint:lint",
    "Look for defects in a dataset, ours or another's. Exit code 2 where there is an error.",
    "bench lint push-3blocks/play-v1",
    "bench lint data/mine --episodes 100 --json",
    "bench lint D4RL/pointmaze/umaze-v2",
    "bench lint maze2d-umaze-sparse-v1.hdf5",
)
_command(
    "check",
    "check:check",
    "Check a task of one's own, or any. Exit code 2 where a check failed.",
    "bench check push-3blocks",
    "bench check my_world.py:TASK",
    "bench check my_package.tasks:REACH --strict --json",
)
_command(
    "page",
    "page:page",
    "Write a page on a dataset: a picture, scores, labels, columns, hashes.",
    "bench page push-3blocks/play-v1",
    "bench page data/mine --out pages",
    "bench page --all --out pages",
)
_command(
    "download",
    "data:download",
    "Download a dataset, or an agent's weights; checked by hash. Run again to resume.",
    "bench download push-3blocks/play-v1 --from https://data.example.org",
    "bench download agent:hecrl/push-3blocks/play-v1 --from https://data.example.org hf://owner/name",
    "bench download push-3blocks/play-v1 --frames 64 --from https://data.example.org",
    "bench download push-3blocks/play-v1 --offline --verify",
)
_command(
    "publish",
    "data:publish",
    "Put a dataset, or an agent's weights, onto a mirror.",
    "bench publish push-3blocks/play-v1 --to site",
    "bench publish agent:hecrl/push-3blocks/play-v1 --to s3://bucket/entitybench",
    "bench publish push-3blocks/play-v1 --to hf://owner/name",
)
_command(
    "train",
    "training:train",
    "Train an agent, with one training seed or several.",
    "bench train --agent hecrl --task push-3blocks --preset small --seed 0 --out runs/hecrl",
    "bench train --agent hecrl --task push-3blocks --seed 0 --out runs/hecrl --resume",
    "bench train --agent gcbc --task push-1block --seeds 0 1 2 --generate --out runs/gcbc",
    "bench train --agent gcbc --task push-1block --set batch_size=64 --device cpu --out runs/b64",
    "bench train --agent gcbc --task push-1block --dataset data/mine --logger csv --out runs/mine",
    "bench train --agent hint-ncii --task hockey-goal --part graphs=runs/ncii --out runs/hint-ncii",
)
_command(
    "reproduce",
    "training:reproduce",
    "Check a method's published claims: train what is missing, evaluate both arms, judge.",
    "bench reproduce hecrl",
    "bench reproduce hecrl --claim small-1 --workers 2",
    "bench reproduce hecrl --from-scratch",
)
_command(
    "export",
    "data:export",
    "Write an episode store as a Minari dataset.",
    "bench export data/mine --minari push-3blocks/mine-v0",
)
_command(
    "import",
    "data:import_",
    "Read a Minari, OGBench or D4RL dataset into an episode store.",
    "bench import push-3blocks/mine-v0 --out data/mine",
    "bench import D4RL/pointmaze/umaze-v2 --download --out data/maze",
    "bench import cube-triple-play-v0.npz --out data/cubes",
    "bench import hopper_medium-v2.hdf5 --out data/hopper",
    "bench import hopper-medium-v0.hdf5 --horizon 1000 --out data/hopper0",
)
_command(
    "table",
    "report:table",
    "One table from evaluation records.",
    "bench table results/push-3blocks",
    "bench table --suite rewards",
    "bench table results/control-small --suite control-small",
    "bench table a.json b.json",
    "bench table leaderboard/reference/records/push-3blocks --sort return --format markdown",
    "bench table results/push-3blocks --columns deployability --sort jerk",
    "bench table leaderboard/reference/records/push-3blocks --format latex > push-3blocks.tex",
)
_command(
    "compare",
    "report:compare",
    "Compare two records, or two agents over a suite, episode by episode on the same seeds.",
    "bench compare a.json b.json",
    "bench compare hecrl ec-iql --suite control-small",
    "bench compare a.json b.json --json",
)
_command(
    "crossplay",
    "crossplay:crossplay",
    "Let trained agents play against each other: ratings, a matrix, pictures. Run again to go on.",
    "bench crossplay --task hockey-2v2 --agents ma-bc=runs/ma-bc oracle random --out runs/cross",
    "bench crossplay --task hockey-1v1 --agents ma-bc=runs/a ma-bc=runs/b --games 100",
    "bench crossplay --task hockey-2v2 --agents ma-bc=runs/ma-bc --train-seeds 0 1 --strangers 0",
    "bench crossplay --task hockey-1v1 --agents my_agent.py:MyPolicy random zero --json",
)
_command(
    "plot",
    "report:plot",
    "Draw records, training curves, goals or graphs into a PDF, SVG, PNG or HTML file.",
    "bench plot bars results --out bars.pdf",
    "bench plot curves runs/hecrl --out curves.svg",
    "bench plot goals runs/her/seed0.training runs/hint/seed0.training --out goals.png",
    "bench plot graphs graph-static ncii --task dag-10 --episode-seed 1 --out graphs.png",
)
_command(
    "submit",
    "submission:submit",
    "Send a record to a leaderboard, or pack it into a bundle that anybody can check.",
    "bench submit results/push-1block/random.json --to http://127.0.0.1:8000",
    "bench submit results/push-1block/random.json --pack random.zip",
    "bench submit record.json --pack mine.zip --weights runs/hecrl --with-weights --key my.key",
    "bench submit random.zip --check",
    "bench submit --new-key my.key",
    "bench submit random.zip --withdraw --to http://127.0.0.1:8000 --key my.key",
)
_command(
    "verify",
    "submission:verify",
    "Look at a bundle: files, claims, and every episode simulated again. Exit code 2 for a breach.",
    "bench verify random.zip",
    "bench verify mine.zip --episodes 100 --train-seeds 0 1 2 3 4",
    "bench verify mine.zip --rerun 5 --weights runs/hecrl",
    "bench verify random.zip --json",
)
_command(
    "replay",
    "replay:replay",
    "Show a bundle's episodes in 3-D in the browser: a folder that opens by double click.",
    "bench replay random.zip --out replay",
    "bench replay mine.zip random.zip --out both",
    "bench replay mine.zip --out mine --poses-only --json",
)
_command(
    "serve",
    "serving:serve",
    "Run a leaderboard that simulates what is submitted again before it believes it.",
    "bench serve",
    "bench serve --host 0.0.0.0 --port 80 --store board --signed-only",
    "bench serve --database postgresql://board@localhost/board --store board",
    "bench serve --backup board.tar",
    "bench serve --restore board.tar --store new",
    "bench serve --audit",
    "bench serve --quarantine 5ea3c0de --reason retracted",
)
_command(
    "rescore",
    "serving:rescore",
    "Score all stored evidence of a leaderboard again, with this version's scorer.",
    "bench rescore",
    "bench rescore --store board --json",
)
_command(
    "site",
    "site:site",
    "Write the board as a folder of pages that opens by double click, without a server.",
    "bench site --out board",
    "bench site --out board --submissions submissions",
    "bench site --out small --suite control-small --watch 3",
    "bench site --import board --store new",
)
_command(
    "play",
    "window:play",
    "Play a task by the keyboard, in a window, at its true speed.",
    "bench play push-3blocks",
    "bench play team-pushbox --episodes 2",
    "bench play stack-3cubes --view side --size 900",
)
_command(
    "view",
    "window:view",
    "Show recorded episodes in a window, drawn from their stored poses.",
    "bench view push-3blocks/play-v1",
    "bench view data/mine --episode 12 --episodes 1 --speed 2",
)
_command(
    "speed",
    "machine:speed",
    "Measure the simulator beside raw physics and installed peers, in one run.",
    "bench speed",
    "bench speed --task push-5blocks --json",
    "bench speed --targets",
)
_command(
    "doctor",
    "machine:doctor",
    "Check rendering, versions, threads, determinism and disk; say what to install.",
    "bench doctor",
    "bench doctor --json",
)
_command(
    "completion",
    "completion:completion",
    "Print what makes a shell complete commands and options.",
    'eval "$(bench completion bash)"',
    "bench completion zsh > ~/.zfunc/_bench",
    "bench completion fish > ~/.config/fish/completions/bench.fish",
)


def _one_line_warning(message: Warning | str, *_: object, **__: object) -> None:
    note(f"bench: note: {message}")


def _console(words: Sequence[str]) -> Any:
    """Where cyclopts prints what it answers itself; nothing else pays for it."""
    if words and not {"--help", "-h", "--version"} & set(words):
        return None
    from rich.console import Console

    return Console(file=result())


def _press_again() -> None:
    """Ctrl-C once more, to the thread that waits for it."""
    signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGINT)


def _one_line_failures() -> None:
    """What fails in a thread, or where nobody can catch it, is a line, and once for each place."""
    told: set[tuple[str, str]] = set()

    def tell(where: str, error: BaseException | None) -> None:
        if isinstance(error, KeyboardInterrupt):  # lost in a destructor: once more, outside of it
            threading.Timer(0.05, _press_again).start()
            return
        if error is None or isinstance(error, SystemExit):
            return
        key = (class_name(error), place(error))
        if key not in told:
            told.add(key)
            note(f"bench: note: {where} raised {named(error)} ({key[1]})")

    threading.excepthook = lambda failed: tell("a thread", failed.exc_value)
    sys.unraisablehook = lambda failed: tell("clean-up", failed.exc_value)


@contextmanager
def _claims_in_help(words: Sequence[str]) -> Iterator[None]:
    """`bench reproduce --help` lists the claims; nothing else pays for that.

    Those of a method that is named, of all methods otherwise.
    """
    if words[:1] != ["reproduce"] or not {"--help", "-h"} & set(words):
        yield
        return
    from entitybench.leaderboard.claims.registered import all_claims

    command = app["reproduce"]
    before = command.help_epilogue
    every = all_claims()
    named = [claim for claim in every if claim.method in words[1:]] or every
    lines = [f"  {claim.method} --claim {claim.name}: {claim.statement}" for claim in named]
    command.help_epilogue = "\n".join([before or "", "", "Claims:", *lines])
    try:
        yield
    finally:
        command.help_epilogue = before


def run(words: Sequence[str]) -> int:
    """Run one command. Raises BadValue for words that no command takes."""
    warnings.showwarning = _one_line_warning
    _one_line_failures()
    if words[:1] == ["__complete"]:  # cyclopts' own word
        return _offer(words)
    try:
        with _claims_in_help(words):
            code = app(
                list(words),
                console=_console(words),
                exit_on_error=False,
                print_error=False,
                result_action="return_value",
            )
    except CycloptsError as error:
        raise BadValue(_explain(error, words)) from None
    return code if isinstance(code, int) else 0


def _offer(words: Sequence[str]) -> int:
    """What a script of `bench completion` asks for at a tabulator: candidates, on stdout."""
    said = StringIO()
    with redirect_stdout(said):
        app(list(words), exit_on_error=False, print_error=False, result_action="return_value")
    emit(said.getvalue().removesuffix("\n"))
    return 0


def _explain(error: CycloptsError, words: Sequence[str]) -> str:
    """Cyclopts' own sentence, begun in lower case, with the help line to read next."""
    if isinstance(error, UnknownCommandError):
        names = [name for name in app if not name.startswith("-")]
        hint = did_you_mean(words[0], names)
        return f"unknown command {words[0]!r}.{hint} `bench --help` shows all."
    command = words[0] if words and words[0] in list(app) else ""
    error.verbose = False
    sentence = str(error)
    if isinstance(error, UnusedCliTokensError):
        sentence = f"cannot use {' '.join(error.unused_tokens or [])!r}."
    if error.argument is not None and error.argument.name not in sentence:
        sentence = f"{error.argument.name}: {sentence}"
    sentence = sentence[:1].lower() + sentence[1:]
    return f"{sentence} See `bench {command + ' ' if command else ''}--help`."
