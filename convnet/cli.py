"""The command `convnet`.

Exit codes: 0 done, 1 a fault of ours, 2 a user's error (one line on stderr), 128 + n ended by signal n.
"""

from __future__ import annotations

import _thread
import io
import os
import signal
import sys
import threading
from contextlib import suppress
from typing import Any

import typer

from convnet import signals
from convnet.commands.animate import animate
from convnet.commands.audit import audit
from convnet.commands.compare import compare
from convnet.commands.crossvalidate import crossvalidate
from convnet.commands.deidentify import deidentify
from convnet.commands.demo import demo
from convnet.commands.diagnose import diagnose
from convnet.commands.evaluate import evaluate
from convnet.commands.exchange import export_model, import_model
from convnet.commands.exercise import app as exercise
from convnet.commands.explain import explain
from convnet.commands.inspect import inspect
from convnet.commands.learn import learn
from convnet.commands.output import printable
from convnet.commands.quantize import quantize
from convnet.commands.train import train
from convnet.commands.verify import verify

INTERRUPTED = 130
_swallowed = threading.Event()  # a Ctrl-C that Python dropped

app = typer.Typer(
    add_completion=False,
    no_args_is_help=True,
    help="The CNN engine you can read, prove and race. For research and teaching. Not for clinical use.",
)
COMMANDS = (
    *(demo, audit, train, crossvalidate, evaluate, compare, diagnose, explain, inspect, deidentify),
    *(quantize, verify, learn, animate),
)
for command in COMMANDS:  # in the order of the help page
    app.command()(command)
app.command("import")(import_model)
app.command("export")(export_model)
app.add_typer(exercise, name="exercise")


def main() -> None:
    """Run the command line; every error is one line."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")  # a terminal that lacks a letter of a name
    sys.unraisablehook = _interrupt_again
    signals.end_like_interrupt()
    try:
        code = app(standalone_mode=False)
        sys.stdout.flush()
    except BrokenPipeError:  # the reader, `head` say, has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        code = 0
    except typer.Exit as error:
        code = error.exit_code
    except (typer.Abort, KeyboardInterrupt):
        code = INTERRUPTED
    except (ValueError, OSError, ImportError) as error:
        code = INTERRUPTED if _swallowed.is_set() else _fail(str(error), 2)
    except MemoryError as error:
        code = _fail(f"not enough memory: {error}", 2)
    except Exception as error:
        usage = getattr(error, "format_message", None)  # typer's own errors carry one
        if usage is not None:
            code = _fail(usage(), 2)
        elif _swallowed.is_set():  # what broke is the compilation that Ctrl-C fell into
            code = INTERRUPTED
        elif os.environ.get("CONVNET_TRACEBACK"):
            raise
        else:
            hint = "this is a fault in convnet; CONVNET_TRACEBACK=1 shows where"
            code = _fail(f"{type(error).__name__}: {error} ({hint})", 1)
    if code and "convnet.distribute.mpi" in sys.modules:  # the other processes of the job would wait for this one
        sys.modules["convnet.distribute.mpi"].end_job(code)
    if signals.received:
        sys.exit(_fail(f"ended by {signal.Signals(signals.received[0]).name}", signals.exit_code(code or 0)))
    if code == INTERRUPTED:  # typer turns Ctrl-C into this code, without a word
        _fail("interrupted", INTERRUPTED)
    sys.exit(code or 0)


def _interrupt_again(unraisable: Any) -> None:
    """Ctrl-C that falls into a destructor or a callback, of which compiling has many, is swallowed there: once more."""
    if unraisable.exc_type is KeyboardInterrupt:
        _swallowed.set()
        again = threading.Timer(0.05, _thread.interrupt_main)  # later, for here it would be swallowed as well
        again.daemon = True
        again.start()
    else:
        sys.__unraisablehook__(unraisable)


def _fail(message: str, code: int) -> int:
    with suppress(OSError, ValueError):  # the terminal was closed
        print(printable("convnet: " + " ".join(message.split())), file=sys.stderr)
    return code


if __name__ == "__main__":
    main()
