"""What the registry, bias and explainability pages share: choosing reports and models, places in the URL, downloads."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

import streamlit as st

from app_pages import _kept, _session, _show
from core import evaluation, jobs, models, rebalancing, training, tuning
from core.errors import NotFound
from core.views import glossary

NONE = "none"


def short(job: str) -> str:
    """A job's name without what all have."""
    return re.sub(r"^governance-(bias|shap)-", "", job)


def pair(found: list[jobs.Job]) -> tuple[str, str | None]:
    """Choose a report, and one to set beside it."""
    names = [job.name for job in found]
    done = [job.name for job in found if job.status == "Completed"]
    one, two = st.columns(2)
    with one:
        name = _show.chosen("job", names, "Report", format_func=short)
    with two:
        return name, beside(name, done, "Beside it", short)


def ours(job: str | None) -> str | None:
    """The processing job, where it is this product's; None, and it is said, where it is only called so."""
    return None if job is None or _show.made_elsewhere(_kept.lately(jobs.describe, "processing", job)) else job


def beside(name: str, names: list[str], label: str, words: Any) -> str | None:
    """Choose another than ``name``, or none; in step with the URL's ``?other=``."""
    if st.query_params.get("other") == name:
        del st.query_params["other"]
    others = [*(other for other in names if other != name), NONE]
    other = _show.chosen("other", others, label, format_func=lambda o: NONE if o == NONE else words(o))
    return None if other == NONE else other


def toggle(label: str, name: str, *, value: bool) -> bool:
    """A switch in step with the URL's ``?name=``."""
    key = f"toggle-{name}"

    def moved() -> None:
        st.query_params[name] = "yes" if st.session_state[key] else "no"

    return st.toggle(label, value=st.query_params.get(name, "yes" if value else "no") == "yes", key=key, on_change=moved)


def explained(names: Iterable[str], key: str) -> None:
    """What these metrics mean, where they stand."""
    with st.popover("What do these metrics mean?", icon=":material/help:", key=f"glossary-{key}"):
        st.markdown(glossary.SIDES if set(names) & set(glossary.POST_TRAINING | glossary.PRE_TRAINING) else glossary.ROWS)
        st.markdown(glossary.markdown(names))


@st.cache_data(ttl="30m", max_entries=64, show_spinner=False)
def _title(target: str, folder: str) -> str:
    try:
        config = _session.clients().read_json(f"{folder.removesuffix('/output')}/config/analysis_config.json")
        return str(config["methods"]["report"]["title"])
    except (NotFound, KeyError, TypeError, ValueError):  # a job of this name that something else has started
        return ""


def heading(folder: str) -> None:
    """Which model, on which rows; a warning where these are training rows."""
    title = _title(_session.target(), folder)
    st.caption(_show.plain(title) if title else "Of which model and on which rows is not recorded.")
    if "train rows" in title:
        st.warning("Measured on training rows: the model knows them, so this flatters it.", icon=":material/warning:")


def downloads(folder: str, name: str) -> None:
    """The report as HTML, PDF and JSON."""
    kinds = {"html": ("report.html", "text/html"), "pdf": ("report.pdf", "application/pdf"), "json": ("analysis.json", "application/json")}
    with st.container(horizontal=True):
        for kind, (file, mime) in kinds.items():
            st.download_button(
                kind.upper(),
                lambda file=file: _session.clients().read(f"{folder}/{file}"),
                f"{name}.{kind}",
                mime,
                icon=":material/download:",
                key=f"{kind}-{name}",
                on_click="ignore",
            )


def csv(label: str, name: str, headings: Iterable[str], rows: Iterable[Iterable[Any]]) -> None:
    """A table to download, safe to open in a spreadsheet; made when it is asked for."""
    kept = [list(headings), [list(row) for row in rows]]

    def content() -> bytes:
        from core.governance.pack import table

        return table(*kept)

    st.download_button(label, content, f"{name}.csv", "text/csv", icon=":material/download:", key=f"csv-{name}", on_click="ignore")


def model_form(key: str) -> tuple[str, rebalancing.Rebalanced] | None:
    """Choose a training job that has a model, and the rows to judge it on; None where there's none."""
    clients = _session.clients()
    best = [
        job.raw["BestTrainingJob"]["TrainingJobName"]
        for job in (tuning.describe(clients, found.name) for found in tuning.list_jobs(clients)[:10])
        if job.raw.get("BestTrainingJob")
    ]
    single = [job.name for job in jobs.listed(clients, "training", contains=training.PREFIX) if job.status == "Completed"]
    if not best and not single:
        _show.empty("There is no trained model yet.", "tuning", "Train or tune a model")
        return None
    name = st.selectbox(
        "Model of training job", [*best, *single], key=f"{key}-model", help="The best job of each tuning job, and single models."
    )
    data = evaluation.data_of(clients, training.describe(clients, name))
    if data is None:
        st.warning("The job read data that wasn't rebalanced here: its test rows aren't known.", icon=":material/warning:")
        st.markdown("Keep its data here, split them, and train on them. A report that Clarify has made already opens under **Import**.")
        _show.link("data", "Data and rebalancing", tab="new")
        return None
    return name, data


def ensured(training_job: str) -> str:
    """The model of a training job."""
    return models.ensure_model(_session.clients(), _session.identity(), training_job)
