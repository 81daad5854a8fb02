"""Progress bars with the time that is left: in a notebook, or on standard error, so that output can be piped."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    SpinnerColumn,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)


def _is_watched(console: Console) -> bool:
    """Say whether a bar can move there; in a log or a pipe it would be litter."""
    return console.is_terminal or console.is_jupyter


@contextmanager
def progress_bar(
    description: str, total: int, unit: str, *, with_eta: bool = True
) -> Iterator[Callable[[int, str], None]]:
    """Show a bar while the block runs; the function it gives takes what is done so far, and a note to show.

    The time that is left supposes that all of `total` take alike; without `with_eta` it is not shown.
    """
    eta = (TextColumn("left:"), TimeRemainingColumn()) if with_eta else ()
    columns = (
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn(unit),
        TimeElapsedColumn(),
        *eta,
        TextColumn("{task.fields[note]}", markup=False),
    )
    console = Console(stderr=True)
    # In a log a bar that is wiped out at the end would leave an empty line.
    with Progress(*columns, console=console, transient=True, disable=not _is_watched(console)) as progress:
        task = progress.add_task(description, total=total, note="")
        yield lambda done, note: progress.update(task, completed=done, note=note)


@contextmanager
def spinner(description: str) -> Iterator[None]:
    """Show that the block runs, and for how long, where it cannot be said how much of it is done."""
    columns = SpinnerColumn(), TextColumn("{task.description}", markup=False), TimeElapsedColumn()
    console = Console(stderr=True)
    with Progress(*columns, console=console, transient=True, disable=not _is_watched(console)) as progress:
        progress.add_task(description, total=None)
        yield


@contextmanager
def epoch_bar(description: str, epochs: int) -> Iterator[Callable[[int, float], None]]:
    """Show a training run's epochs and loss; what it gives is made for `on_epoch`."""
    with progress_bar(description, epochs, "epochs") as update:
        yield lambda epoch, loss: update(epoch, f"loss {loss:.4f}")


class ChoiceProgress:
    """What the bar of a choice counts: the epochs of all networks, which take nearly all of its time.

    Where none is trained it counts candidates.
    """

    def __init__(self) -> None:
        self._n_epochs = 0
        self._n_candidates = 0
        self._name = ""
        self._show: Callable[[], None] = lambda: None

    @contextmanager
    def bar(self, n_epochs: int, n_candidates: int) -> Iterator[None]:
        """Show it while the block runs."""
        if n_epochs:
            with progress_bar("choosing", n_epochs, "epochs") as update:
                self._show = lambda: update(self._n_epochs, self._name)
                yield
        else:
            with progress_bar("choosing", n_candidates, "candidates", with_eta=False) as update:
                self._show = lambda: update(self._n_candidates, self._name)
                yield

    def on_epoch(self, epoch: int, loss: float) -> None:
        """Count an epoch, of whichever network."""
        self._n_epochs += 1
        self._show()

    def on_candidate(self, n_done: int, name: str) -> None:
        """Say which candidate is next, after how many others."""
        self._n_candidates, self._name = n_done, name
        self._show()


def time_text(seconds: float | None) -> str:
    """Say a time as people do.

    Examples
    --------
    >>> time_text(42), time_text(150), time_text(40_000), time_text(None)
    ('42 s', '2 min 30 s', '11 h 7 min', 'not known yet')
    """
    if seconds is None:
        return "not known yet"
    whole = round(seconds)
    for unit, part, n_unit, n_part in (("d", "h", 86_400, 3_600), ("h", "min", 3_600, 60), ("min", "s", 60, 1)):
        if whole >= n_unit:
            whole = round(whole / n_part) * n_part
            return f"{whole // n_unit} {unit} {whole % n_unit // n_part} {part}"
    return f"{whole} s"
