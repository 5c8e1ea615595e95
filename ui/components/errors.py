"""Shows errors: what happened, and what to do about it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import TypeVar

import streamlit as st

from core.errors import GovernanceError
from ui import session
from ui.components.markdown import escape_message

T = TypeVar("T")


def show_error(error: GovernanceError) -> None:
    """What happened, and what the user can do about it."""
    st.error(f"**{escape_message(error.message)}**" + (f"  \n{escape_message(error.hint)}" if error.hint else ""), icon=":material/error:")


def show_errors(errors: Iterable[GovernanceError]) -> None:
    """Show each different error once."""
    for error in {(error.message, error.hint): error for error in errors}.values():
        show_error(error)


@contextmanager
def show_raised_errors(*, stop: bool = False) -> Iterator[None]:
    """Show an error of the product's family in place of what raised it. With ``stop`` the rest of the page isn't shown."""
    try:
        yield
    except GovernanceError as error:
        session.reconnect_after(error)
        show_error(error)
        if stop:
            st.stop()


def if_read(value: T | None, show: Callable[[T], None]) -> None:
    """Call ``show(value)``, unless the value couldn't be read (None): the page has shown the error already."""
    if value is not None:
        show(value)
