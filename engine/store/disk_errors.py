"""Why the disk under a workspace refused a write, in words for the user."""

from __future__ import annotations

import errno
import os
import sqlite3

FULL_DISK_ERRORS = {errno.ENOSPC, errno.EDQUOT}
NOT_WRITABLE_ERRORS = {errno.EROFS, errno.EACCES, errno.EPERM}
IO_ERRORS = {errno.EIO, errno.EFBIG}


def disk_problem(error: BaseException) -> str | None:
    """Why the disk refused a write; None for an error of another kind."""
    if isinstance(error, sqlite3.Error):
        extended = getattr(error, "sqlite_errorcode", 0)  # a misuse of the module has none
        code = extended & 0xFF
        if code == sqlite3.SQLITE_FULL or extended == sqlite3.SQLITE_IOERR_SHMSIZE:
            return "the disk is full"
        if code in {sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_PERM}:
            return f"the disk can't be written ({error})"
        return f"the disk has an error ({error})" if code == sqlite3.SQLITE_IOERR else None
    if isinstance(error, OSError) and error.errno is not None:
        if error.errno in FULL_DISK_ERRORS:
            return "the disk is full"
        if error.errno in NOT_WRITABLE_ERRORS:
            return f"the disk can't be written ({os.strerror(error.errno)})"
        return f"the disk has an error ({os.strerror(error.errno)})" if error.errno in IO_ERRORS else None
    return None
