"""The evidence pack, as someone who has no part of this product reads and checks it."""

from __future__ import annotations

import base64
import csv
import dataclasses
import hashlib
import io
import json
import re
import subprocess
import sys
import zipfile
from datetime import UTC, datetime, timedelta
from unittest.mock import Mock

import boto3
import pytest
from botocore.exceptions import ClientError
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.asymmetric.utils import Prehashed
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat, load_pem_public_key
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator
from deciding import adopt, register_again
from moto.kms.utils import ECDSAPrivateKey
from moto.server import ThreadedMotoServer
from paths import ROOT
from pypdf import PdfReader
from replacing import replaced
from securesystemslib.dsse import Envelope
from securesystemslib.signer import SSlibKey

from core import installation
from core.aws.target import connect
from core.doctor import target_checks
from core.errors import Forbidden, GovernanceError, NotFound
from core.governance import decisions, policy
from core.governance.dossier import evidence_pack, pack_signature
from core.governance.model_cards import model_card
from core.identity import Identity, Role
from core.ledger import audit_log, signing
from core.ledger.signing import Forged
from core.registry import model_packages, registry_types, version_registration
from core.safe_csv import safe_csv_bytes
from core.settings import Settings

pytestmark = pytest.mark.engine

FORMULA = "=HYPERLINK(1) <script>alert(1)</script> as it stands in the rationale."
DANA = Identity("=Dana <b>", Role.DATA_SCIENTIST, issuer="https://id.example", subject="dana")
VIC = Identity("Vic", Role.VALIDATOR, issuer="https://id.example", subject="vic")
CHRIS = Identity("Chris", Role.COMPLIANCE_OFFICER, issuer="https://id.example", subject="chris")
VERA = Identity("Vera", Role.VIEWER, issuer="https://id.example", subject="vera")


@pytest.fixture(scope="module")
def target(demo):
    return connect(Settings(workspace=demo[0]))


@pytest.fixture(scope="module")
def arn(demo, target):
    """A version that was submitted, validated and rejected, beside a baseline, by the product's own policy."""
    adopt(target, policy.BUNDLED.read_text(encoding="utf-8"))
    for model, role in zip(demo[1][0]["models"], ("baseline", "mitigated"), strict=True):
        package = model_packages.read_package(target, model["model_package_arn"])
        jobs = {"bias_job": package.properties["governance:bias-job"], "shap_job": package.properties["governance:shap-job"]}
        data = model_packages.find_rebalancing(target, package)
        made = version_registration.register_version(
            target, DANA, training_job=model["training_job"], data=data, role=role, group="packed", **jobs
        )
    answers = {"model_overview.model_owner": FORMULA, "intended_uses.purpose_of_model": "To decide on loans. \u8cb8 \u202e"}
    model_card.save_answers(target, DANA, made, answers, seen_version=0)
    submission = {"tier": "low", "tier_rationale": FORMULA, "profile": "standard"}
    state = decisions.submit(target, DANA, made, seen_event=0, reason=FORMULA, code="first version", **submission)
    state = decisions.validate(target, VIC, made, seen_event=state.last_event, reason=FORMULA, code="evidence reviewed")
    decisions.reject(target, CHRIS, made, seen_event=state.last_event, reason=FORMULA, code="bias")
    register_again(target, made)
    return made


@pytest.fixture(scope="module")
def content(target, arn):
    return evidence_pack.build_zip(target, CHRIS, arn)


@pytest.fixture
def folder(content, tmp_path):
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        archive.extractall(tmp_path / "pack")
    return tmp_path / "pack"


ENVELOPES = ("evidence.dsse.json", "log-head.json", "pack.dsse.json")


def run(folder, *command):
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)


def commands(folder):
    """What the pack's README tells its reader to run."""
    return [line.strip() for line in (folder / "README.txt").read_text().splitlines() if re.match(r"\s+(sha256sum|openssl|! find) ", line)]


def found_by(folder, lines):
    """The first command that fails."""
    return next((line for line in lines if run(folder, "sh", "-c", line).returncode), None)


def rewrite_sums(folder):
    files = sorted(path for path in folder.rglob("*") if path.is_file() and not path.name.startswith("SHA256SUMS"))
    lines = [f"{hashlib.sha256(path.read_bytes()).hexdigest()}  {path.relative_to(folder)}\n" for path in files]
    (folder / "SHA256SUMS").write_text("".join(lines))


SIGNED_ANEW = {"SHA256SUMS", "SHA256SUMS.sig", "log-head.json", "pack.dsse.json", "pack.json"}
"""What says when a pack was exported, and by whom."""


def test_the_same_evidence_gives_the_same_bytes_but_for_who_exports_it_and_when(demo, arn, content):
    again = connect(Settings(workspace=demo[0]))
    packs = [zipfile.ZipFile(io.BytesIO(pack)) for pack in (content, evidence_pack.build_zip(again, DANA, arn))]
    first, second = ({name: pack.read(name) for name in pack.namelist()} for pack in packs)
    assert first.keys() == second.keys()
    assert {name for name in first if first[name] != second[name]} <= SIGNED_ANEW
    assert json.loads(second["pack.json"])["predicate"]["by"]["name"] == DANA.name


def test_the_commands_of_its_readme_verify_it_without_this_product(folder):
    lines = commands(folder)
    assert [line.split()[0] for line in lines] == ["openssl", "sha256sum", "!", "openssl"]
    for line in lines:
        done = run(folder, "sh", "-c", line)
        assert done.returncode == 0, done.stdout + done.stderr


def test_a_changed_byte_of_any_file_is_found(folder):
    lines = commands(folder)[:3]
    for path in [path for path in folder.rglob("*") if path.is_file() and path.stat().st_size]:
        content = path.read_bytes()
        path.write_bytes(content[: len(content) // 2] + bytes([content[len(content) // 2] ^ 1]) + content[len(content) // 2 + 1 :])
        assert found_by(folder, lines), path
        path.write_bytes(content)
    assert not found_by(folder, lines)


def edited(name, old=b"", new=b""):
    def edit(folder):
        content = (folder / name).read_bytes()
        assert old in content
        (folder / name).write_bytes(content.replace(old, new) if old else content + b"%")
        rewrite_sums(folder)

    return edit


def swapped_events(folder):
    first, second = sorted((folder / "log").iterdir())[-2:]
    one, other = first.read_bytes(), second.read_bytes()
    first.write_bytes(other)
    second.write_bytes(one)
    rewrite_sums(folder)


def swapped_key(folder):
    """A forger's key in the place of the pack's; returns the forger's."""
    key = ed25519.Ed25519PrivateKey.generate()
    for path in (folder / "keys").iterdir():
        path.write_bytes(key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo))
    rewrite_sums(folder)
    return key


def added(name):
    def add(folder):
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text("Approved by the board.")

    return add


def added_to_the_list(folder):
    added("approval.txt")(folder)
    rewrite_sums(folder)


def removed(folder):
    (folder / "reports/bias.json").unlink()


def removed_from_the_list(folder):
    removed(folder)
    rewrite_sums(folder)


def without_a_list(folder):
    (folder / "SHA256SUMS").write_text("")


@pytest.mark.parametrize(
    "forge",
    [
        edited("decision.json", b'"status":"rejected"', b'"status":"approved"'),
        edited("index.html", b"Reject by", b"Approved by"),
        edited("evidence.json", b'"version":1', b'"version":2'),
        edited("report.pdf"),
        edited("README.txt", b"No file was added", b"A file may be added"),
        edited("pack.json", b"compliance officer", b"administrator"),
        swapped_events,
        swapped_key,
        added("approval.txt"),
        added("log/00000999.json"),
        added(".hidden"),
        added("more/approval.txt"),
        added("SHA256SUMS\nxxREADME.txt"),
        lambda folder: (folder / "approval.txt").symlink_to("index.html"),
        added_to_the_list,
        removed,
        removed_from_the_list,
        without_a_list,
    ],
    ids=[
        *("decision", "page", "evidence", "pdf", "readme", "statement", "events swapped", "key swapped", "added", "event added", "hidden"),
        *("folder added", "line break", "link", "added and listed", "removed", "removed and listed", "empty list"),
    ],
)
def test_a_forged_pack_of_each_kind_is_found_by_the_commands_of_its_readme(folder, forge):
    lines = commands(folder)[:3]
    assert not found_by(folder, lines)
    forge(folder)
    assert found_by(folder, lines)


def test_a_pack_that_a_forger_signed_is_found_by_the_key_that_its_reader_knows(folder, target):
    (folder.parent / "known.pem").write_text(signing.public_pem(target))
    lines, key = commands(folder)[:3], swapped_key(folder)
    (path,) = (folder / "keys").iterdir()
    (folder / "SHA256SUMS.sig").write_bytes(key.sign((folder / "SHA256SUMS").read_bytes()))
    assert not found_by(folder, lines)
    assert found_by(folder, [lines[0].replace(f"keys/{path.name}", "../known.pem")])


def test_its_statement_names_every_file_who_exported_it_and_the_head_of_the_log(folder, target, arn):
    statement = json.loads((folder / "pack.json").read_text())
    assert base64.b64decode(json.loads((folder / "pack.dsse.json").read_text())["payload"]) == (folder / "pack.json").read_bytes()
    files = {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}
    named = {subject["name"]: subject["digest"]["sha256"] for subject in statement["subject"]}
    assert set(named) == files - (SIGNED_ANEW - {"log-head.json"})
    assert all(hashlib.sha256((folder / name).read_bytes()).hexdigest() == digest for name, digest in named.items())
    said = statement["predicate"]
    assert (said["package"], said["by"]["id"]) == (arn, CHRIS.id)
    assert said["software"] == {"name": "governance-dashboard", "version": installation.product_version()}
    assert abs(datetime.now(UTC) - datetime.fromisoformat(said["exported"])) < timedelta(hours=1)
    head = audit_log.read_head((folder / "log-head.json").read_bytes(), signing.load_verification_keys(target))
    assert head == (said["log"]["head"], said["log"]["sha256"])


def test_it_says_where_the_version_came_from_as_openlineage_events(folder, target, arn):
    events = [json.loads(line) for line in (folder / "lineage.ndjson").read_text().splitlines()]
    outputs = {output["name"] for event in events for output in event["outputs"]}
    inputs = {given["name"] for event in events for given in event["inputs"]}
    package = model_packages.read_package(target, arn)
    assert model_packages.find_rebalancing(target, package).dataset.uri.partition("/governance/")[2] in {
        name.partition("governance/")[2] for name in inputs
    }
    assert any(name.endswith(arn.partition("model-package/")[2]) for name in outputs)


def test_evidence_and_events_are_dsse_envelopes_that_plain_cryptography_verifies(folder):
    for path in (*(folder / name for name in ENVELOPES), *sorted((folder / "log").iterdir())):
        envelope = json.loads(path.read_text())
        kind, payload = envelope["payloadType"], base64.b64decode(envelope["payload"])
        signed = b"DSSEv1 %d %s %d %s" % (len(kind), kind.encode(), len(payload), payload)
        (signature,) = envelope["signatures"]
        pem = (folder / f"keys/{signature['keyid']}.pem").read_bytes()
        load_pem_public_key(pem).verify(base64.b64decode(signature["sig"]), signed)
        with pytest.raises(InvalidSignature):
            load_pem_public_key(pem).verify(base64.b64decode(signature["sig"]), signed + b" ")
        Envelope.from_dict(json.loads(path.read_text())).verify([SSlibKey.from_crypto(load_pem_public_key(pem))], 1)


def test_the_statement_is_in_totos_and_its_subject_is_the_model_artifact(folder, target, arn):
    raw = (folder / "evidence.json").read_bytes()
    statement = json.loads(raw)
    assert statement["_type"] == "https://in-toto.io/Statement/v1"
    artifact = target.files.read(model_packages.read_package(target, arn).raw["InferenceSpecification"]["Containers"][0]["ModelDataUrl"])
    assert statement["subject"][0]["digest"]["sha256"] == hashlib.sha256(artifact).hexdigest()
    digest = hashlib.sha256(raw).hexdigest()
    assert model_packages.read_package(target, arn).properties[registry_types.EVIDENCE_PROPERTY] == digest
    assert digest in (folder / "README.txt").read_text()


def test_each_event_holds_the_hash_of_the_one_before_from_the_registration_to_the_decision(folder, arn):
    payloads = [base64.b64decode(json.loads(p.read_text())["payload"]) for p in sorted((folder / "log").iterdir())]
    events = [json.loads(payload) for payload in payloads]
    for before, event in zip(payloads, events[1:], strict=False):
        assert event["previous"] == hashlib.sha256(before).hexdigest()
    assert [event["kind"] for event in events if event["subject"] == arn] == ["register", "submit", "validate", "reject"]
    decision = json.loads((folder / "decision.json").read_text())
    assert decision["history"][-1]["hash"] == hashlib.sha256(payloads[-1]).hexdigest()
    assert (folder / "log-to-head.jsonl").read_text().count('"kind":"register"') >= 1


def test_the_bill_of_materials_is_valid_by_cyclonedxs_own_schema(folder):
    text = (folder / "bom.cdx.json").read_text()
    assert JsonStrictValidator(SchemaVersion.V1_7).validate_str(text) is None
    bom = json.loads(text)
    assert bom["metadata"]["component"]["type"] == "machine-learning-model"
    kinds = [component["type"] for component in bom["components"]]
    assert {"data", "container", "library"} <= set(kinds)
    names = {component["name"] for component in bom["components"]}
    assert {"boto3", "xgboost-cpu", "test_res.csv"} <= names
    assert bom["metadata"]["component"]["modelCard"]["quantitativeAnalysis"]["performanceMetrics"]


def test_the_page_needs_nothing_else_and_shows_hostile_text_as_text(folder):
    page = (folder / "index.html").read_text()
    assert "<script" not in page
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page
    assert not re.findall(r"(?:src|href|srcset|action|data)\s*=\s*[\"']?(?!data:image/png|[\"']?data:image/png)", page)
    assert not re.findall(r"@import|url\(", page)
    assert "default-src 'none'" in page
    assert len(re.findall(r'<img alt="[^"]{20,}"', page)) == 4


def test_the_pdf_says_what_was_decided_by_whom_and_why(folder):
    reader = PdfReader(folder / "report.pdf")
    text = "\n".join(page.extract_text() for page in reader.pages)
    for part in (
        "Reject by Chris",
        "as it stands in the rationale",
        "Vic",
        "Gates of the policy",
        "Calibration",
        "not a statement that any law",
    ):
        assert part in text
    assert "[U+8CB8]" in text  # what the font lacks is not lost unseen
    assert sum(len(page.images) for page in reader.pages) == 4
    assert "complies" not in text.lower()


def test_no_cell_of_a_csv_is_a_formula(folder):
    files = list(folder.rglob("*.csv"))
    assert {file.name for file in files} == {"comparison.csv", "bias.csv", "groups.csv", "shap.csv", "reasons.csv", "trials.csv"}
    hostile = ["=1+1", "+1", "-1", "@x", "\t=1", "\r=1", "  =1", "\tx", "\rx", "\nx", "＝1", "＠x", "\u200b=1", "\ufeff=1", "\u00a0=1"]
    for cell in hostile:
        ((written,),) = list(csv.reader(io.StringIO(safe_csv_bytes(("a",), [(cell,)]).decode(), newline="")))[1:]
        assert written == f"'{cell}"
    assert safe_csv_bytes(("a",), [(-1.5,)]) == b"a\n-1.5\n"


def test_the_data_card_says_what_was_found_and_done_and_values_have_their_names(folder):
    card = json.loads((folder / "data-card.json").read_text())
    assert card["roles_in_words"] == {"favourable": "outcome = paid", "facets": ["region = north"]}
    assert card["treatments"] == {"customer": "leave out"}
    assert any("customer looks like an id" in note and note.endswith("It's left out.") for note in card["found_and_done"])
    with (folder / "bias.csv").open() as file:
        assert {row["value"] for row in csv.DictReader(file)} == {"north"}
    assert {cell["label"] for cell in card["counts"]["before"]} == {"paid", "late"}
    assert {cell["facet"] for cell in card["counts"]["before"]} == {"north", "south"}
    bill = json.loads((folder / "bom.cdx.json").read_text())["metadata"]["component"]["modelCard"]
    assert bill["considerations"]["fairnessAssessments"] == [{"groupAtRisk": "region = north"}]
    assert {metric["slice"] for metric in bill["quantitativeAnalysis"]["performanceMetrics"]} == {"held-out test rows", "region = north"}
    said = " ".join(" ".join(page.extract_text() for page in PdfReader(folder / "report.pdf").pages).split())
    assert "customer looks like an id" in said
    assert {"age (sensitive)", "region (sensitive)"} <= set(re.findall(r"\w+ \(sensitive\)", said))


def test_names_in_the_zip_stay_in_its_folder_and_rows_of_people_stay_out(content):
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        names = archive.namelist()
        assert all(re.fullmatch(r"[\w.-]+(/[\w.-]+)?", name) for name in names)
        assert not any(name.endswith(("scores.csv", "test_res.csv", "model.tar.gz")) for name in names)
        assert sorted(names) == names
        assert all(info.date_time == (1980, 1, 1, 0, 0, 0) and info.external_attr >> 16 == 0o644 for info in archive.infolist())


@pytest.mark.parametrize("changed", ["event", "report"])
def test_what_was_changed_in_s3_gets_into_no_pack(target, arn, folder, changed):
    if changed == "event":
        before, last = sorted((folder / "log").iterdir())[-2:]
        forged = {target.uri(audit_log.event_key(int(last.stem))): before.read_bytes()}
    else:
        uri = json.loads((folder / "evidence.json").read_text())["predicate"]["files"]["bias"]["uri"]
        forged = {uri: target.files.read(uri) + b" "}
    with replaced(target, forged), pytest.raises(Forged):
        evidence_pack.build_zip(target, CHRIS, arn)


def test_only_who_may_export_gets_a_pack_and_only_of_what_was_submitted(target, arn, demo):
    with pytest.raises(Forbidden, match="can't export"):
        evidence_pack.build_zip(target, VERA, arn)
    with pytest.raises(NotFound, match="Nothing was submitted"):
        evidence_pack.build_zip(target, CHRIS, demo[1][1]["models"][0]["model_package_arn"])


@pytest.mark.parametrize("kind", ["ed25519", "p256", "p384", "rsa"])
def test_the_command_for_each_kind_of_key_verifies_and_finds_a_changed_byte(target, tmp_path, kind):
    make = {
        "ed25519": ed25519.Ed25519PrivateKey.generate,
        "p256": lambda: ec.generate_private_key(ec.SECP256R1()),
        "p384": lambda: ec.generate_private_key(ec.SECP384R1()),
        "rsa": lambda: rsa.generate_private_key(65537, 2048),
    }[kind]
    (tmp_path / "own.pem").write_bytes(make().private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    own = dataclasses.replace(target, settings=target.settings.model_copy(update={"signing_key": f"file2:{tmp_path / 'own.pem'}"}))
    verified(own, tmp_path)


def test_a_key_in_kms_signs_as_on_aws(target, tmp_path, monkeypatch):
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    try:
        host, port = server.get_host_and_port()
        changes = {"ENDPOINT_URL_KMS": f"http://{host}:{port}", "DEFAULT_REGION": "us-east-1"}
        for name, value in (changes | {"ACCESS_KEY_ID": "key", "SECRET_ACCESS_KEY": "secret"}).items():
            monkeypatch.setenv(f"AWS_{name}", value)
        digest = ec.ECDSA(Prehashed(SHA256()))  # moto hashes a digest once more
        monkeypatch.setattr(ECDSAPrivateKey, "sign", lambda self, message, _: self.private_key.sign(message, digest))
        kms = boto3.client("kms")
        key = kms.create_key(KeySpec="ECC_NIST_P256", KeyUsage="SIGN_VERIFY")["KeyMetadata"]["KeyId"]
        own = dataclasses.replace(target, settings=target.settings.model_copy(update={"target": "aws", "signing_key": f"awskms:{key}"}))
        verified(own, tmp_path)
        with pytest.raises(NotFound, match=r"Invalid keyId none\. Check GOVERNANCE_SIGNING_KEY"):
            signing.load_verification_keys(
                dataclasses.replace(own, settings=own.settings.model_copy(update={"signing_key": "awskms:none"}))
            )
        denied = ClientError({"Error": {"Code": "AccessDeniedException", "Message": "no"}}, "Sign")  # the public half can still be had
        monkeypatch.setattr(signing._current_signer(own), "sign", Mock(side_effect=denied))
        before = len(model_packages.list_own_versions(target))
        with pytest.raises(GovernanceError, match="Sign of the signing key"):
            version_registration.register_version(own, DANA, training_job="t", data=None, bias_job="b", shap_job="s", role="r")
        assert len(model_packages.list_own_versions(target)) == before
        (finding,) = target_checks.check_signing_key(target)
        assert finding.state == "ok"
        with pytest.raises(GovernanceError, match="Sign of the signing key"):
            list(target_checks.check_signing_key(own))
    finally:
        server.stop()


def verified(target, folder):
    """Sign as these clients do, and verify with openssl; a changed byte must be found."""
    envelope = json.loads(signing.sign_envelope(target, b'{"a":1}'))
    assert signing.open_envelope(signing.canonical_json(envelope), signing.load_verification_keys(target)) == b'{"a":1}'
    (folder / "key.pem").write_text(signing.public_pem(target))
    (folder / "sig").write_bytes(base64.b64decode(envelope["signatures"][0]["sig"]))
    command = signing.openssl_command(target, envelope["signatures"][0]["keyid"], "key.pem", "pae", "sig")
    sums = b"0  a\n"
    (folder / "SHA256SUMS.sig").write_bytes(signing.sign_file(target, sums))
    of_list, *_ = pack_signature.check_commands(target, envelope["signatures"][0]["keyid"], "key.pem")
    for content, code in ((sums, 0), (sums + b"\n", 1)):
        (folder / "SHA256SUMS").write_bytes(content)
        assert run(folder, *of_list.split()).returncode == code
    with pytest.raises(ValueError, match="envelope"):
        signing.sign_file(target, b"DSSEv1 0  0 ")
    for payload, code in ((b'{"a":1}', 0), (b'{"a":2}', 1)):
        (folder / "pae").write_bytes(
            b"DSSEv1 %d %s %d %s" % (len(signing.IN_TOTO_TYPE), signing.IN_TOTO_TYPE.encode(), len(payload), payload)
        )
        done = run(folder, *command.split())
        assert done.returncode == code, done.stdout + done.stderr


def test_the_guides_few_lines_verify_envelopes_and_chain_and_stop_at_what_was_changed(folder):
    guide = (ROOT / "docs/governance.md").read_text()
    (snippet,) = re.findall(r"```python\n(.*?)```", guide, re.DOTALL)
    assert run(folder, sys.executable, "-c", snippet).returncode == 0
    chain = (folder / "log-to-head.jsonl").read_bytes()
    (folder / "log-to-head.jsonl").write_bytes(chain[: chain.rfind(b"\n", 0, -1) + 1])
    assert "AssertionError" in run(folder, sys.executable, "-c", snippet).stderr
    (folder / "log-to-head.jsonl").write_bytes(chain)
    event = next((folder / "log").iterdir())
    envelope = json.loads(event.read_text())
    envelope["payload"] = base64.b64encode(base64.b64decode(envelope["payload"]).replace(b'"role":"', b'"role":" ', 1)).decode()
    event.write_text(json.dumps(envelope))
    done = run(folder, sys.executable, "-c", snippet)
    assert done.returncode == 1
    assert "VerificationError" in done.stderr
