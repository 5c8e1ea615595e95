"""How long and how often the product waits for AWS: a named constant for each wait."""

from __future__ import annotations

# requests ------------------------------------------------------------------------------------------

REQUEST_ATTEMPTS = 5
"""How often botocore sends a request that is throttled or fails on its way (mode ``standard``). A target that throttles for ever
gives an error after about 10 seconds, a silent one after 150."""
CONNECT_SECONDS = 5
"""Seconds for a connection to be made."""
RESPONSE_SECONDS = 30
"""Seconds without a byte, after which a request has failed."""
INCOMPLETE_RESPONSE_ATTEMPTS = 4
"""How often a request is sent whose response breaks off."""


def incomplete_response_pause(attempt: int) -> float:
    """Seconds before a request is sent again whose response broke off: 0.2, 0.4, 0.8."""
    return 0.1 * 2.0**attempt


# what was just created -----------------------------------------------------------------------------

DESCRIBE_LAG_SECONDS = 10.0
"""Seconds for which AWS may not find, by its name, a resource that was just created."""
LIST_LAG_SECONDS = 300.0
"""Seconds for which AWS's lists may lack a resource that was just created."""
READ_AFTER_CREATE_PAUSES = (0.2, 0.4, 0.8, 1.6, 2.0)
"""Seconds between two reads of a resource that AWS doesn't find yet; the last one repeats."""

# files ---------------------------------------------------------------------------------------------

CONDITIONAL_WRITE_PAUSES = (0.05, 0.1, 0.2, 0.4, 0.8, 1.6)
"""Seconds before each new try of a conditional write that met another write of the same object."""

# the log and model cards ---------------------------------------------------------------------------

LOG_APPEND_ATTEMPTS = 200
"""How often an event is written to the log when other writers are first every time."""
LOG_HEAD_READS, LOG_HEAD_PAUSE = 20, 0.1
"""How often the verification reads the log's head while the writer of the last event may still be at work; seconds in between."""
MISSING_HEAD_READS = 5
"""How often the writer of an event looks for a head of the log that doesn't exist, before it leaves it to the verification."""
CARD_EXPORT_SECONDS, CARD_EXPORT_PAUSE = 120, 1
"""Seconds for SageMaker to export a model card as a PDF; seconds between two looks."""

# jobs and the engine -------------------------------------------------------------------------------

MIN_POLL_SECONDS, MAX_POLL_SECONDS, POLL_SHARE = 0.1, 10.0, 0.05
"""Seconds between two looks at a running job: at least, at most, and as a share of the time it has run."""
ENGINE_START_SECONDS = 90
"""Seconds for the embedded engine to start."""
