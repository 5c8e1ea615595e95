"""The target as one drawing of a page sees it: nothing is asked twice, and nothing can be written."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from dataclasses import dataclass, field, fields
from typing import Any, TypeVar, cast

from core.aws.file_snapshot import TargetSnapshot
from core.aws.target import Target

T = TypeVar("T")
Client = TypeVar("Client")
READ_PREFIXES = ("describe_", "get_", "head_", "list_", "query_", "search")
STREAMS = frozenset({"get_object"})
"""Calls whose answer can be consumed only once; the files of a snapshot keep the content instead."""


@dataclass(frozen=True)
class ReadMemory:
    """What was read, by a key. Threads that ask for the same at once wait for one answer. An error isn't kept: the next one asks again."""

    _found: dict[str, Future[Any]] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def read_once(self, key: str, read: Callable[[], T]) -> T:
        """What ``read`` returned at its first success under this key."""
        with self._lock:
            found = self._found.get(key)
            is_first = found is None
            if found is None:
                found = self._found[key] = Future()
        if is_first:
            try:
                found.set_result(read())
            except BaseException as error:
                with self._lock:
                    del self._found[key]
                found.set_exception(error)
        answer: T = found.result()
        return answer

    def recall(self, key: str) -> object:
        """What was read under this key; None if nothing was, or is only being read."""
        found = self._found.get(key)
        return found.result() if found is not None and found.done() and found.exception() is None else None


@dataclass(frozen=True)
class _ReadingClient:
    """An AWS client that asks each question once. Calls that write raise TypeError."""

    client: Any
    memory: ReadMemory

    def __getattr__(self, name: str) -> Any:
        found = getattr(self.client, name)
        if name in {"meta", "exceptions"}:
            return found
        if name == "get_paginator":
            return lambda operation: _ReadingPaginator(found(operation), operation, self.memory)
        if not name.startswith(READ_PREFIXES):
            raise TypeError(f"{name} may write, and this target is only for reading.")
        if name in STREAMS:
            return found
        return lambda **arguments: self.memory.read_once(_question(name, arguments), lambda: found(**arguments))


def reading_client(client: Client, memory: ReadMemory) -> Client:
    """The client of an AWS service, which asks each question once and can't write: it raises TypeError."""
    return cast(Client, _ReadingClient(client, memory))


@dataclass(frozen=True)
class _ReadingPaginator:
    paginator: Any
    operation: str
    memory: ReadMemory

    def paginate(self, **arguments: Any) -> Iterator[dict[str, Any]]:
        """The pages, each asked for when it is first reached."""
        return self._pages(arguments)

    def _pages(self, arguments: dict[str, Any]) -> Iterator[dict[str, Any]]:
        kept = self.memory.read_once(
            _question(f"pages of {self.operation}", arguments), lambda: _SharedPages(iter(self.paginator.paginate(**arguments)))
        )
        yield from kept


@dataclass(frozen=True)
class _SharedPages:
    """The pages of one list, read as far as someone needed them."""

    rest: Iterator[dict[str, Any]]
    read: list[dict[str, Any]] = field(default_factory=list)
    failed: list[Exception] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def __iter__(self) -> Iterator[dict[str, Any]]:
        position = 0
        while True:
            with self.lock:
                if position == len(self.read):
                    if self.failed:  # a paginator that has failed ends, and would pass for a short list
                        raise self.failed[0]
                    try:
                        page = next(self.rest, None)
                    except Exception as error:
                        self.failed.append(error)
                        raise
                    if page is None:
                        return
                    self.read.append(page)
            yield self.read[position]
            position += 1


def _question(name: str, arguments: dict[str, Any]) -> str:
    return f"{name} {json.dumps(arguments, sort_keys=True, default=str)}"


@dataclass(frozen=True)
class ReadSnapshot(TargetSnapshot):
    """A target that answers each question as it did first, for one drawing of a page and all of its panels. It can't write."""

    memory: ReadMemory = field(default_factory=ReadMemory)

    def read_once(self, key: str, read: Callable[[], T]) -> T:
        """What ``read`` returned at its first success under this key."""
        return self.memory.read_once(key, read)

    def recall(self, key: str) -> object:
        """What was read under this key; None if nothing was."""
        return self.memory.recall(key) or super().recall(key)


def take_read_snapshot(target: Target) -> ReadSnapshot:
    """The target for one drawing of a page; a snapshot for reading stays the one that it is."""
    if isinstance(target, ReadSnapshot):
        return target
    parts = {one.name: getattr(target, one.name) for one in fields(Target)}
    memory = ReadMemory()
    for name in ("sagemaker", "s3"):
        parts[name] = reading_client(parts[name], memory)
    return ReadSnapshot(**parts, memory=memory)
