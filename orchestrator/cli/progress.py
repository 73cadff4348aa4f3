"""Progress for a person at a terminal: a live bar, or plain lines where there is no terminal."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from orchestrator.core.model import ActionCounts


class TerminalProgress:
    """A live bar on a terminal; elsewhere one plain line per phase and per tenth part."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._live = console.is_terminal  # asked once: it is a system call, and there is a call for every target
        self._bar = Progress(
            SpinnerColumn(),
            TextColumn("{task.description}", markup=False),
            BarColumn(bar_width=24),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            console=console,
            transient=True,
            refresh_per_second=5,
            # What prints past the console keeps its own way: rich would take its escape sequences for colours.
            redirect_stdout=False,
            redirect_stderr=False,
        )
        self._task = self._bar.add_task("Starting", total=None)
        self._said: tuple[str, int] = ("", 0)

    @contextmanager
    def shown(self) -> Iterator[TerminalProgress]:
        if not self._live:
            yield self
            return
        with self._bar:
            yield self

    @contextmanager
    def paused(self) -> Iterator[None]:
        """No bar while a person is asked; it is resumed after the answer."""
        self._bar.stop()
        try:
            yield
        finally:
            if self._live:
                self._bar.start()

    def phase(self, text: str) -> None:
        if self._live:
            # A task of its own: rich's update and reset take a total of None for "as it was".
            self._bar.remove_task(self._task)
            self._task = self._bar.add_task(text, total=None)
        else:
            self._console.print(f"{text} ...", highlight=False)

    def targets(self, done: int, total: int) -> None:
        self._move("Targets read", done, total)

    def actions(self, done: ActionCounts, total: ActionCounts) -> None:
        """One bar for all; where there are several sorts together its text counts each."""
        sorts = (
            ("stops", done.stops, total.stops),
            ("starts", done.starts, total.starts),
            ("tags", done.tags, total.tags),
        )
        some = [f"{name} {now}/{of}" for name, now, of in sorts if of]
        if len(some) > 1:
            self._move("Actions done", done.total, total.total, ", ".join(some).capitalize())
        else:
            what = "Starts" if total.starts else "Tags" if total.tags else "Stops"
            self._move(f"{what} done", done.total, total.total)

    def accounts(self, done: int, total: int) -> None:
        self._move("Accounts checked", done, total)

    def _move(self, what: str, done: int, total: int, text: str = "") -> None:
        if self._live:
            self._bar.update(self._task, description=text or what, completed=done, total=total)
            return
        tenth = (what, done * 10 // max(total, 1))
        if tenth != self._said:
            self._said = tenth
            self._console.print(text or f"{what}: {done} of {total}", highlight=False)
