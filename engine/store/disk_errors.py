"""What the disk under a workspace refuses, in words."""

from __future__ import annotations

import errno
import os
import sqlite3

FULL = {errno.ENOSPC, errno.EDQUOT}
CLOSED = {errno.EROFS, errno.EACCES, errno.EPERM}
BROKEN = {errno.EIO, errno.EFBIG}


def trouble(error: BaseException) -> str | None:
    """Why the disk didn't take a write; None for an error of another kind."""
    if isinstance(error, sqlite3.Error):
        extended = getattr(error, "sqlite_errorcode", 0)  # a misuse of the module has none
        code = extended & 0xFF
        if code == sqlite3.SQLITE_FULL or extended == sqlite3.SQLITE_IOERR_SHMSIZE:
            return "the disk is full"
        if code in {sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_PERM}:
            return f"the disk can't be written ({error})"
        return f"the disk fails ({error})" if code == sqlite3.SQLITE_IOERR else None
    if isinstance(error, OSError) and error.errno is not None:
        if error.errno in FULL:
            return "the disk is full"
        if error.errno in CLOSED:
            return f"the disk can't be written ({os.strerror(error.errno)})"
        return f"the disk fails ({os.strerror(error.errno)})" if error.errno in BROKEN else None
    return None
