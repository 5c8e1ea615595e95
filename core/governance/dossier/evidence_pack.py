"""The evidence pack: one zip that can be read and verified without this product."""

from __future__ import annotations

import base64
import io
import zipfile
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime

from core.analysis.performance.performance_json import estimates_in
from core.aws.target import Target
from core.errors import NotFound
from core.governance.dossier import bill_of_materials, dossier, dossier_render, examiner_files, pack_signature
from core.governance.dossier.dossier import Dossier
from core.governance.version_state import read_state
from core.identity import Identity, require_permission
from core.installation import DISTRIBUTION, product_version
from core.ledger import audit_log, signing
from core.ledger.audit_log import Event
from core.ledger.signing import IN_TOTO_TYPE, EnvelopeRecord, Forged, SignatureRecord, canonical_json, sha256
from core.lineage import lineage_graph, openlineage
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

Three commands, run in this folder, check every byte of it. Each must succeed (exit code 0).

1. The list of all files was signed with the key {key}:
       {signed}
   This shows that the holder of that key made the pack. Whoever replaces the whole pack also replaces the key in it: compare it with the
   one that you were given before, or name yours in the command.
2. No file has changed and none is missing:
       {unchanged}
3. No file was added; one that isn't listed is printed:
       {complete}

On macOS, `shasum -a 256 -c` does what `sha256sum -c` does. For an Ed25519 key the first command takes OpenSSL 3; LibreSSL has no -rawin.

What the files are
- pack.json is an in-toto Statement (https://in-toto.io/Statement/v1): the SHA-256 of every file, who exported the pack and when,
  the version of the software, and the head of the log. pack.dsse.json is the same, signed, as a DSSE envelope
  (https://github.com/secure-systems-lab/dsse), for any DSSE verifier.
- evidence.json is the Statement that was signed when the version was submitted; evidence.dsse.json is its envelope. It names every
  file that the decision rests on, with its SHA-256; the model artifact is its subject. Its own SHA-256 is the digest that the decision,
  the model package and the lineage name:
       {digest}
  Its signature by itself:
       {check}
- log/ has the log's events from the first to the last about this version, each signed, in an envelope like that of the evidence.
  Each names the SHA-256 of the payload before it as "previous".
- log-to-head.jsonl has the payload of every event after those, one in each line, with which the chain can be followed to the head of
  the log at the export. log-head.json is that head, signed: it names the number and the SHA-256 of the last event.
- keys/ has the public keys, named by the envelopes' "keyid".
- model-card.json follows AWS's model card JSON schema; bom.cdx.json is a CycloneDX 1.7 bill of materials of model, data, container and
  packages.
- {lineage}

{disclaimer}
"""
LINEAGE = (
    "lineage.ndjson has the data, jobs, models and decisions that led to this version, as OpenLineage events (https://openlineage.io)."
)
NO_LINEAGE = "There is no lineage.ndjson: the target's lineage doesn't have this version, or has lost a part of what led to it."


def build_zip(target: Target, identity: Identity, arn: str) -> bytes:
    """The pack of a version that was submitted, as a zip, signed. Raises NotFound if it wasn't submitted, and Forged if log, evidence or a
    file of the evidence that the pack has differ from what was signed then."""
    require_permission(identity, "export", resource=arn, target_kind=target.settings.target)
    if read_state(target, arn).evidence is None:
        raise NotFound("Nothing was submitted yet, so there is no evidence to pack.", resource=arn, hint="Submit the version first.")
    loaded = dossier.load_dossier(target, arn)
    files = _pack_files(target, identity, loaded)
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        for name in sorted(files):
            entry = zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0))
            entry.compress_type, entry.external_attr, entry.create_system = zipfile.ZIP_DEFLATED, 0o644 << 16, 3
            archive.writestr(entry, files[name])
    return out.getvalue()


def _pack_files(target: Target, identity: Identity, d: Dossier) -> dict[str, bytes]:
    """The files of the pack by name. Beside the statement, the head and the signatures they are the same for the same log."""
    exported_at = datetime.now(UTC).isoformat(timespec="seconds")
    events = audit_log.read_events(target)
    head = signing.sign_envelope(target, audit_log.head_statement(events[-1], exported_at=exported_at))
    signer = _first_signature(head)["keyid"]
    envelope = target.files.read(target.uri(d.evidence.object_key))
    signature = _first_signature(envelope)
    signer_key, evidence_key = f"keys/{signer}.pem", f"keys/{signature['keyid']}.pem"
    signed, unchanged, complete = pack_signature.check_commands(target, signer, signer_key)
    first = next(event.number for event in events if event.subject == d.package.arn)
    reports, log = _included_reports(target, d), _signed_events(target, events[first - 1 : d.state.last_event])
    lineage = _lineage(target, d.package.arn)
    pictures = dossier_render.draw_figures(d)
    submitted = next(e.time for e in reversed(d.state.history) if e.kind == "submit")
    readme = README_TEMPLATE.format(
        title=dossier_render.dossier_title(d),
        digest=d.evidence.digest,
        disclaimer=dossier.DISCLAIMER,
        key=signer_key,
        signed=signed,
        unchanged=unchanged,
        complete=complete,
        lineage=LINEAGE if lineage is not None else NO_LINEAGE,
        check=signing.openssl_command(target, signature["keyid"], evidence_key, "evidence.pae", "evidence.sig"),
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
        **examiner_files.build_examiner_files(d),
        "data-card.json": canonical_json(_data_card(d)),
        "model-card.json": canonical_json(d.card),
        "bom.cdx.json": bill_of_materials.build_cyclonedx(d.package, d.evidence, d.card, d.requirements, submitted),
        "log-head.json": head,
        "log-to-head.jsonl": b"".join(audit_log.event_payload(event) + b"\n" for event in events[d.state.last_event :]),
        **({"lineage.ndjson": lineage} if lineage is not None else {}),
        **reports,
        **log,
    }
    for keyid in {_first_signature(content)["keyid"] for content in (head, envelope, *log.values())}:
        files[f"keys/{keyid}.pem"] = signing.key_to_pem(signing.find_key(target, keyid)).encode()
    export = {
        "package": d.package.arn,
        "evidence": d.evidence.digest,
        "exported": exported_at,
        "by": {"name": identity.name, "role": identity.role.value, "id": identity.id},
        "software": {"name": DISTRIBUTION, "version": product_version()},
        "log": {"first": first, "last": d.state.last_event, "head": events[-1].number, "sha256": events[-1].hash},
    }
    return pack_signature.sign_pack(target, files, export)


def _included_reports(target: Target, d: Dossier) -> dict[str, bytes]:
    """The files of the evidence that a pack contains, by their names in it. Raises Forged for one that has changed."""
    found = {}
    for name in INCLUDED_FILES:
        if name in d.evidence.files:
            pinned = d.evidence.files[name]
            content = target.files.read(pinned["uri"])
            if sha256(content) != pinned["sha256"]:
                hint = "The evidence names the version in S3 that was decided on: restore it."
                raise Forged(f"{pinned['uri']} has changed since the version was submitted.", resource=d.package.arn, hint=hint)
            found[f"reports/{name.replace('/', '-')}{FILE_SUFFIXES.get(name, '.json')}"] = content
    return found


def _signed_events(target: Target, events: Sequence[Event]) -> dict[str, bytes]:
    """The stored envelopes of events, by their names in the pack. Raises Forged for one that isn't that of the event."""
    trusted = signing.load_verification_keys(target)

    def read(event: Event) -> bytes:
        content = target.files.read(target.uri(audit_log.event_key(event.number)))
        if signing.open_envelope(content, trusted, audit_log.EVENT_TYPE) != audit_log.event_payload(event):
            raise Forged(f"Event {event.number} was changed.", resource=event.subject, hint="Run `audit verify`.")
        return content

    with ThreadPoolExecutor(8) as pool:
        return {f"log/{event.number:08d}.json": content for event, content in zip(events, pool.map(read, events), strict=True)}


def _lineage(target: Target, arn: str) -> bytes | None:
    """What led to the version, as OpenLineage events; None if the lineage lacks the version, or a job that led to it."""
    try:
        artifact = lineage_graph.find_artifact_arn(target, arn)
        if artifact is None:
            return None
        graph = lineage_graph.read_graph(target, artifact, hops=lineage_graph.MAX_DEPTH, direction="Ascendants")
        return openlineage.to_ndjson(openlineage.build_events(target, graph))
    except NotFound:
        return None


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
