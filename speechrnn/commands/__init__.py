"""The command line: `speechrnn COMMAND ...`.

Each command is a module of this package with a frozen dataclass of its flags and a function `run` that takes
one and returns the exit status. Only the module of the command asked for is imported. Results go to stdout,
everything else to stderr. Exit status: 0 done, 1 some of many inputs failed, 2 nothing could be done (one
line says why), 128 + n stopped by signal n.
"""

import gc
import io
import os
import sys
from collections.abc import Callable, Sequence
from difflib import get_close_matches
from importlib import import_module

from speechrnn.errors import SpeechRnnError

COMMANDS = {
    "transcribe": "write down what is said in recordings",
    "train": "train a model on a manifest",
    "evaluate": "measure a model's word error rate",
    "align": "find when each word of a text was said, or transcripts that do not fit",
    "writer": "teach a model to spell what it hears, with text",
    "average": "make one model of several that were trained on from the same one",
    "export": "make a trained model one .onnx file that runs anywhere",
    "models": "list the models that come with the package",
    "info": "tell what a model file, model folder or training state is",
    "manifest": "make a manifest of a corpus, and tell what is in it",
    "corpus": "download or make a corpus",
    "lexicon": "tell how words are said, for training with sounds and searching in them",
    "lm": "make, measure, tune and convert n-gram language models",
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command that `arguments` (by default those of the process) ask for; return the exit status."""
    # Imports make objects that stay; to look among them for garbage, as often as Python does, takes a tenth
    # of the time in which a beam search starts.
    gc.set_threshold(100_000)
    name, *flags = (sys.argv[1:] if arguments is None else arguments) or ["--help"]
    if name in ("--help", "-h", "help"):
        print(overview())
        return 0
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")  # names of files may be no text
    return guarded(lambda: run(name, flags))


def guarded(work: Callable[[], int]) -> int:
    """Return the exit status of `work`; what a user can cure becomes one line on stderr and status 2."""
    try:
        status = work()
        sys.stdout.flush()
    except SpeechRnnError as error:
        print(f"speechrnn: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:  # SIGINT
        return 128 + 2
    except BrokenPipeError:  # whoever read stdout has seen enough, such as `head`: SIGPIPE
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 128 + 13
    return status


def run(name: str, flags: Sequence[str]) -> int:
    """Import the command `name`, read its `flags` and run it."""
    if name not in COMMANDS:
        near = get_close_matches(name, COMMANDS, n=1)
        cure = f"did you mean {near[0]}?" if near else "`speechrnn --help` lists the commands"
        raise SpeechRnnError(f"{name}: no such command; {cure}")
    from speechrnn.commands.flags import read_flags

    command = import_module(f"speechrnn.commands.{name}")
    options = read_flags(getattr(command, name.capitalize()), f"speechrnn {name}", flags)
    status: int = command.run(options)
    return status


def overview() -> str:
    """Return the commands with a line each."""
    lines = [f"  {name:<12}{summary}" for name, summary in COMMANDS.items()]
    return "\n".join(
        [
            "usage: speechrnn COMMAND ...",
            "",
            *lines,
            "",
            "`speechrnn COMMAND --help` tells the flags of each.",
        ]
    )
