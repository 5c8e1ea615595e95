"""Readable names of lineage nodes, and which things of the workspace a node stands for."""

from __future__ import annotations

import re

from core.references import JOB_NAME_PREFIXES, Reference

STATUS_NAME_PATTERN = re.compile(r"^(.+)-(\d+)-([A-Za-z]+)-\d{10,}-aws-model-package$")


EVENT_NAME_PATTERN = re.compile(r"^governance-(\d{8})$")


PACKAGE_ARN_PATTERN = re.compile(r":model-package/([^/]+)/(\d+)$")


GENERIC_FOLDERS = {"governance", "output", "models", "rebalanced", "datasets", "clarify", "reports", "config"}


JOB_FOLDER_PATTERN = re.compile(r"/governance/(rebalanced|clarify|models|reasons|reports)/([^/]+)/")


def readable_node_name(name: str, uri: str, kind: str = "") -> str:
    """A file by its name and the job that made it, an image by its repository, a decision by what was done, a job without what SageMaker
    adds to its name."""
    event = EVENT_NAME_PATTERN.match(name)
    if event:
        return f"{kind or 'event'} · event {int(event[1])}"
    if uri.startswith("s3://"):
        parts = [part for part in uri.rstrip("/").split("/")[3:] if part not in GENERIC_FOLDERS]
        whole = uri.rstrip("/").endswith("/output")
        return f"results · {parts[-1]}" if whole and parts else " · ".join(reversed(parts[-2:])) or uri
    if ".dkr.ecr." in uri:
        return uri.rpartition("/")[2]
    status = STATUS_NAME_PATTERN.match(name)
    if status:
        return f"{status[1]} v{status[2]} {'pending' if status[3].startswith('Pending') else status[3].lower()}"
    package = PACKAGE_ARN_PATTERN.search(uri) if name == uri.partition(":model-package/")[2] else None
    if package:
        return f"{package[1]} v{package[2]}"
    return re.sub(r"-aws-(training-job|processing-job|model-group)$", "", name)


def node_references(node_type: str, name: str, uri: str) -> list[tuple[Reference, str]]:
    """The things of the workspace that a node is or belongs to, each with a label. ``node_type`` is SageMaker's Type, as TrainingJob."""
    found: list[tuple[Reference, str]] = []
    if ":model-package/" in uri:
        found += [(Reference("version", uri), "Version"), (Reference("decision", uri), "Decisions")]
    job = re.sub(r"-aws-(training|processing)-job$", "", name) if node_type in {"TrainingJob", "ProcessingJob"} else ""
    if node_type == "TrainingJob":
        found.append((Reference("training job", job), "Training job"))
    folder = JOB_FOLDER_PATTERN.search(uri)
    if folder and folder[1] == "models":
        found.append((Reference("training job", folder[2]), "Its training job"))
    made_by = job or (folder[2] if folder else "")
    found += [(Reference(kind, made_by), kind.capitalize()) for kind, prefix in JOB_NAME_PREFIXES.items() if made_by.startswith(prefix)]
    return found
