"""The evidence pack: one zip that can be read and verified without this product. The same evidence gives the same bytes."""

from __future__ import annotations

import base64
import io
import zipfile
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor

from core.analysis.performance.performance_json import estimates_in
from core.aws.target import Target
from core.errors import NotFound
from core.governance.dossier import bill_of_materials, dossier, dossier_render
from core.governance.dossier.dossier import Dossier
from core.governance.version_state import read_state
from core.identity import Identity, require_permission
from core.ledger import audit_log, signing
from core.ledger.signing import IN_TOTO_TYPE, EnvelopeRecord, SignatureRecord, canonical_json, sha256
from core.registry.registry_types import version_value_names
from core.safe_csv import safe_csv_bytes

INCLUDED_FILES = (
    "quality",
    "bias",
    "explainability",
    "bias-config",
    "explainability-config",
    "policy",
    "package-lock",
    "data/manifest.json",
)
"""The files of the evidence that a pack contains. Of rows, scores and the model it has only the hashes, since packs are passed on."""
ROLE_KEYS = {"label", "favourable", "facet", "facet_value", "further_facets", "group", "categorical", "ordered", "derived", "ignored"}
REBALANCING_KEYS = {"method", "target", "parameters", "order"}
FILE_SUFFIXES = {"policy": ".toml", "package-lock": ".txt", "data/manifest.json": ""}
README_TEMPLATE = """Evidence pack: {title}

index.html and report.pdf are for reading; the rest is what they were made from.

1. Check that nothing in this folder has changed since the pack was made:
       sha256sum -c SHA256SUMS
2. Check that the evidence was signed with the key {key} (compare it with the one that you know):
       {check}
   evidence.dsse.json is the same signature as a DSSE envelope (https://github.com/secure-systems-lab/dsse) around
   evidence.json, an in-toto Statement (https://in-toto.io/Statement/v1); any DSSE verifier checks it. The statement names
   every file with its SHA-256; the model artifact is its subject. The SHA-256 of evidence.json is the digest that the
   decision, the model package and the lineage name:
       {digest}
3. model-card.json follows AWS's model card JSON schema; bom.cdx.json is a CycloneDX 1.6 bill of materials of model, data, container
   and packages, which any CycloneDX validator reads.
4. log/ has the log's events from the first to the last about this version. Each is in an envelope that is signed in the same way
   (keys/ has the public keys, named by the envelopes' "keyid"), and names the SHA-256 of the payload before it as "previous".

{disclaimer}
"""


def build_zip(target: Target, identity: Identity, arn: str) -> bytes:
    """The pack of a version that was submitted, as a zip. Raises NotFound if it wasn't, Forged if log or
    evidence differ from what was signed."""
    require_permission(identity, "export", resource=arn, target_kind=target.settings.target)
    if read_state(target, arn).evidence is None:
        raise NotFound("Nothing was submitted yet, so there is no evidence to pack.", resource=arn, hint="Submit the version first.")
    loaded = dossier.load_dossier(target, arn)
    files = _pack_files(target, loaded)
    files["SHA256SUMS"] = "".join(f"{sha256(content)}  {name}\n" for name, content in sorted(files.items())).encode()
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        for name in sorted(files):
            entry = zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0))
            entry.compress_type, entry.external_attr, entry.create_system = zipfile.ZIP_DEFLATED, 0o644 << 16, 3
            archive.writestr(entry, files[name])
    return out.getvalue()


def _pack_files(target: Target, d: Dossier) -> dict[str, bytes]:
    envelope = target.files.read(target.uri(d.evidence.object_key))
    signature = _first_signature(envelope)
    key = f"keys/{signature['keyid']}.pem"
    pictures = dossier_render.draw_figures(d)
    submitted = next(e.time for e in reversed(d.state.history) if e.kind == "submit")
    readme = README_TEMPLATE.format(
        title=dossier_render.dossier_title(d),
        digest=d.evidence.digest,
        disclaimer=dossier.DISCLAIMER,
        key=key,
        check=signing.openssl_command(target, signature["keyid"], key, "evidence.pae", "evidence.sig"),
    )
    files = {
        "README.txt": readme.encode(),
        "index.html": dossier_render.render_html(d, pictures),
        "report.pdf": dossier_render.render_pdf(d, pictures),
        "evidence.json": d.evidence.statement,
        "evidence.dsse.json": envelope,
        "evidence.pae": b"DSSEv1 %d %s %d %s" % (len(IN_TOTO_TYPE), IN_TOTO_TYPE.encode(), len(d.evidence.statement), d.evidence.statement),
        "evidence.sig": base64.b64decode(signature["sig"]),
        "decision.json": canonical_json(_decision(d)),
        "comparison.csv": safe_csv_bytes(
            ("metric", "this version", "low", "high", "n", "other", "difference", "low", "high", "method"), _comparison(d)
        ),
        "bias.csv": safe_csv_bytes(("facet", "value", "stage", "metric", "this version", "why undefined", "in words"), _bias(d)),
        "shap.csv": safe_csv_bytes(("feature", "mean |SHAP|"), _shap(d)),
        "data-card.json": canonical_json(_data_card(d)),
        "model-card.json": canonical_json(d.card),
        "bom.cdx.json": bill_of_materials.build_cyclonedx(d.package, d.evidence, d.card, d.requirements, submitted),
    }
    for name in INCLUDED_FILES:
        if name in d.evidence.files:
            content = target.files.read(d.evidence.files[name]["uri"])
            files[f"reports/{name.replace('/', '-')}{FILE_SUFFIXES.get(name, '.json')}"] = content
    events = audit_log.read_events(target)
    first = next(event.number for event in events if event.subject == d.package.arn)
    numbers = range(first, d.state.last_event + 1)
    with ThreadPoolExecutor(8) as pool:
        excerpt = pool.map(lambda number: target.files.read(target.uri(audit_log.event_key(number))), numbers)
    files |= {f"log/{number:08d}.json": content for number, content in zip(numbers, excerpt, strict=True)}
    signed = [files[name] for name in files if name == "evidence.dsse.json" or name.startswith("log/")]
    for keyid in {_first_signature(content)["keyid"] for content in signed}:
        files[f"keys/{keyid}.pem"] = signing.key_to_pem(signing.find_key(target, keyid)).encode()
    return files


def _first_signature(envelope: bytes) -> SignatureRecord:
    return signing.parse_signed_json(envelope, "This file is not a signed envelope.", EnvelopeRecord)["signatures"][0]


def _decision(d: Dossier) -> dict[str, object]:
    return {
        "package": d.package.arn,
        "status": d.state.status,
        "tier": d.state.tier,
        "profile": d.state.profile,
        "expires": d.state.expires,
        "evidence": d.evidence.digest,
        "conditions": [vars(c) for c in d.state.conditions],
        "waivers": [vars(w) for w in d.state.waivers],
        "gates": [vars(v) for v in d.gate_results],
        "history": [{k: v for k, v in vars(e).items() if k != "hash"} | {"hash": e.hash} for e in d.state.history],
        "notice": dossier.DISCLAIMER,
    }


def _comparison(d: Dossier) -> Iterable[tuple[object, ...]]:
    for name, value in estimates_in(d.package.performance).items():
        x = d.differences.get(name)
        rest = (x.a, x.value, x.low, x.high, x.method) if x else (None,) * 5
        yield (name, value["value"], value["low"], value["high"], value["n"], *rest)


def _bias(d: Dossier) -> Iterable[tuple[object, ...]]:
    names = version_value_names(d.package, d.data)
    for facet in d.package.bias.facets if d.package.bias else ():
        for stage in ("pre_training", "post_training"):
            for name, measure in getattr(facet, stage).items():
                yield (facet.facet, names.value(facet.facet, facet.value), stage, name, measure.value, measure.error, measure.in_words)


def _shap(d: Dossier) -> list[tuple[str, float]]:
    return sorted(d.package.shap.items(), key=lambda item: -item[1])


def _data_card(d: Dossier) -> dict[str, object]:
    if d.data is None:
        return {}
    manifest, names = d.data.manifest, d.data.value_names
    config = manifest["config"]
    return {
        "name": d.data.dataset.name,
        "uri": d.data.dataset.uri,
        "sha256": d.data.dataset.sha256,
        "rows": d.data.dataset.rows,
        "columns": list(d.data.dataset.columns),
        "roles": {key: value for key, value in config.items() if key in ROLE_KEYS},
        "roles_in_words": {
            "favourable": names.describe(config["label"], config["favourable"]),
            "facets": [names.describe(*facet) for facet in ((config["facet"], config["facet_value"]), *config.get("further_facets", ()))],
        },
        "values": names.to_json()["values"],
        "found_and_done": list(d.data.dataset.notes),
        "treatments": d.data.dataset.treatments,
        "empty_cells": dict(d.data.dataset.roles.missing),
        "split": manifest["split"],
        "rebalancing": {key: value for key, value in config.items() if key in REBALANCING_KEYS},
        "synthetic": {key: value for key, value in manifest["synthetic"].items() if key != "rows"},
        "leaked_rows": manifest["leaked_rows"],
        **({"leaks": manifest["leaks"]} if "leaks" in manifest else {}),
        "counts": {
            when: [
                {**cell, "label": names.value(config["label"], cell["label"]), "facet": names.value(config["facet"], cell["facet"])}
                for cell in cells
            ]
            for when, cells in manifest["counts"].items()
        },
        "files": manifest["files"],
    }
