"""The evidence pack: one zip that can be read and verified without this product. The same evidence gives the same bytes."""

from __future__ import annotations

import base64
import csv
import io
import json
import unicodedata
import zipfile
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from core.clients import Clients
from core.errors import NotFound
from core.governance import bom, decisions, dossier, dossier_render, log, signing
from core.governance.dossier import Dossier
from core.governance.signing import IN_TOTO, canonical, sha256
from core.identity import Identity, require

REPORTS = ("quality", "bias", "explainability", "bias-config", "explainability-config", "policy", "package-lock", "data/manifest.json")
"""What of the evidence goes in whole. Rows, scores and the model go in as hashes only: a pack is handed round."""
SUFFIX = {"policy": ".toml", "package-lock": ".txt", "data/manifest.json": ""}
README = """Evidence pack: {title}

index.html and report.pdf are for reading; the rest is what they were made from.

1. Nothing in this folder has changed since the pack was made:
       sha256sum -c SHA256SUMS
2. The evidence was signed with the key {key} (compare it with the one that you know):
       {check}
   evidence.dsse.json is the same signature as a DSSE envelope (https://github.com/secure-systems-lab/dsse) around
   evidence.json, an in-toto Statement (https://in-toto.io/Statement/v1); any DSSE verifier checks it. The statement names
   every file with its SHA-256; that of the model artifact is its subject. SHA-256 of evidence.json is the digest that the
   decision, the model package and the lineage hold:
       {digest}
3. model-card.json is by AWS's model card JSON schema; bom.cdx.json is a CycloneDX 1.6 bill of materials of model, data, container
   and packages, for any CycloneDX validator.
4. log/ holds the events from the first to the last about this version, each in an envelope signed in the same way (keys/ has the public
   keys by the envelopes' "keyid"), and each with the SHA-256 of the payload before as "previous".

{disclaimer}
"""


def build(clients: Clients, identity: Identity, arn: str) -> bytes:
    """The pack of a version that was submitted, as a zip. Raises NotFound before, Forged where log or evidence don't hold."""
    require(identity, "export", subject=arn, target=clients.settings.target)
    if decisions.state(clients, arn).evidence is None:
        raise NotFound("Nothing was submitted yet, so there is no evidence to pack.", subject=arn, remedy="Submit the version first.")
    found = dossier.collect(clients, arn)
    files = _files(clients, found)
    files["SHA256SUMS"] = "".join(f"{sha256(content)}  {name}\n" for name, content in sorted(files.items())).encode()
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        for name in sorted(files):
            entry = zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0))
            entry.compress_type, entry.external_attr, entry.create_system = zipfile.ZIP_DEFLATED, 0o644 << 16, 3
            archive.writestr(entry, files[name])
    return out.getvalue()


def _files(clients: Clients, d: Dossier) -> dict[str, bytes]:
    envelope = clients.read(clients.uri(d.evidence.uri_part))
    signature = json.loads(envelope)["signatures"][0]
    key = f"keys/{signature['keyid']}.pem"
    pictures = dossier_render.figures(d)
    submitted = next(e.time for e in reversed(d.state.history) if e.kind == "submit")
    readme = README.format(
        title=dossier_render.title(d),
        digest=d.evidence.digest,
        disclaimer=dossier.DISCLAIMER,
        key=key,
        check=signing.openssl_command(clients, signature["keyid"], key, "evidence.pae", "evidence.sig"),
    )
    files = {
        "README.txt": readme.encode(),
        "index.html": dossier_render.html(d, pictures),
        "report.pdf": dossier_render.pdf(d, pictures),
        "evidence.json": d.evidence.statement,
        "evidence.dsse.json": envelope,
        "evidence.pae": b"DSSEv1 %d %s %d %s" % (len(IN_TOTO), IN_TOTO.encode(), len(d.evidence.statement), d.evidence.statement),
        "evidence.sig": base64.b64decode(signature["sig"]),
        "decision.json": canonical(_decision(d)),
        "comparison.csv": table(
            ("metric", "this version", "low", "high", "n", "other", "difference", "low", "high", "method"), _comparison(d)
        ),
        "bias.csv": table(("facet", "value", "stage", "metric", "this version", "why undefined", "in words"), _bias(d)),
        "shap.csv": table(("feature", "mean |SHAP|"), _shap(d)),
        "data-card.json": canonical(_data_card(d)),
        "model-card.json": canonical(d.card),
        "bom.cdx.json": bom.build(d.package, d.evidence, d.card, d.lock, submitted),
    }
    for name in REPORTS:
        if name in d.evidence.files:
            content = clients.read(d.evidence.files[name]["uri"])
            files[f"reports/{name.replace('/', '-')}{SUFFIX.get(name, '.json')}"] = content
    events = log.read(clients)
    first = next(event.number for event in events if event.subject == d.package.arn)
    numbers = range(first, d.state.version + 1)
    with ThreadPoolExecutor(8) as pool:
        excerpt = pool.map(lambda number: clients.read(clients.uri(log.key(number))), numbers)
    files |= {f"log/{number:08d}.json": content for number, content in zip(numbers, excerpt, strict=True)}
    signed = [files[name] for name in files if name == "evidence.dsse.json" or name.startswith("log/")]
    for keyid in {json.loads(content)["signatures"][0]["keyid"] for content in signed}:
        files[f"keys/{keyid}.pem"] = signing.pem(signing.key_named(clients, keyid)).encode()
    return files


def _decision(d: Dossier) -> dict[str, Any]:
    return {
        "package": d.package.arn,
        "status": d.state.status,
        "tier": d.state.tier,
        "profile": d.state.profile,
        "expires": d.state.expires,
        "evidence": d.evidence.digest,
        "conditions": [vars(c) for c in d.state.conditions],
        "waivers": [vars(w) for w in d.state.waivers],
        "gates": [vars(v) for v in d.verdicts],
        "history": [{k: v for k, v in vars(e).items() if k != "hash"} | {"hash": e.hash} for e in d.state.history],
        "notice": dossier.DISCLAIMER,
    }


def _comparison(d: Dossier) -> Iterable[tuple[Any, ...]]:
    for name, value in (d.package.performance or {}).items():
        if isinstance(value, dict) and {"value", "low", "high", "n"} <= value.keys():
            x = d.differences.get(name)
            rest = (x.a, x.value, x.low, x.high, x.method) if x else (None,) * 5
            yield (name, value["value"], value["low"], value["high"], value["n"], *rest)


def _bias(d: Dossier) -> Iterable[tuple[Any, ...]]:
    for facet in d.package.bias.facets if d.package.bias else ():
        for stage in ("pre_training", "post_training"):
            for name, measure in getattr(facet, stage).items():
                yield (facet.facet, facet.value, stage, name, measure.value, measure.error, measure.in_words)


def _shap(d: Dossier) -> list[tuple[str, float]]:
    return sorted(d.package.shap.items(), key=lambda item: -item[1])


def _data_card(d: Dossier) -> dict[str, Any]:
    if d.data is None:
        return {}
    manifest = d.data.manifest
    return {
        "name": d.data.dataset.name,
        "uri": d.data.dataset.uri,
        "sha256": d.data.dataset.sha256,
        "rows": d.data.dataset.rows,
        "columns": list(d.data.dataset.columns),
        "roles": {
            key: manifest["config"][key] for key in ("label", "favourable", "facet", "facet_value", "group", "categorical", "ignored")
        },
        "split": manifest["split"],
        "rebalancing": {key: manifest["config"][key] for key in ("method", "target", "parameters", "order")},
        "synthetic": {key: value for key, value in manifest["synthetic"].items() if key != "rows"},
        "leaked_rows": manifest["leaked_rows"],
        "counts": manifest["counts"],
        "files": manifest["files"],
    }


def table(headings: Iterable[str], rows: Iterable[Iterable[Any]]) -> bytes:
    """A CSV that a spreadsheet opens without running anything: a text that would be a formula gets an apostrophe (OWASP, CSV injection)."""
    out = io.StringIO()
    for row in [headings, *rows]:
        cells = [_safe(cell) for cell in row]
        bare = any(isinstance(cell, str) and "\r" in cell for cell in cells)  # which csv leaves unquoted, and readers take for a new row
        csv.writer(out, lineterminator="\n", quoting=csv.QUOTE_ALL if bare else csv.QUOTE_MINIMAL).writerow(cells)
    return out.getvalue().encode()


def _safe(cell: Any) -> Any:
    if not isinstance(cell, str):
        return cell
    plain = unicodedata.normalize("NFKC", cell).lstrip(" \t\r\n\u200b\ufeff")
    return f"'{cell}" if cell.startswith(("\t", "\r", "\n")) or plain.startswith(("=", "+", "-", "@")) else cell
