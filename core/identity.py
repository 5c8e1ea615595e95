"""Who is signed in, and what their role may do. Every function that writes asks here first."""

from __future__ import annotations

import hashlib
import re
import time
import tomllib
import unicodedata
import urllib.parse
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path

from core.errors import DataError, Forbidden
from core.settings import Settings


class Role(StrEnum):
    """The roles of the product, in the order in which they are offered to a person who has several."""

    VIEWER = "viewer"
    DATA_SCIENTIST = "data scientist"
    VALIDATOR = "validator"
    COMPLIANCE_OFFICER = "compliance officer"
    ADMINISTRATOR = "administrator"


@dataclass(frozen=True)
class Identity:
    """A person in one role. ``issuer`` and ``subject``: from the sign-in; ``demo``: whether it is a demo identity of the local target."""

    name: str
    role: Role
    demo: bool = False
    subject: str = ""
    issuer: str = ""

    @property
    def id(self) -> str:
        """The id that never changes: ``issuer#subject``, or the name if the person didn't sign in with a provider."""
        return f"{self.issuer}#{self.subject}" if self.issuer or self.subject else self.name

    @property
    def tag(self) -> str:
        """The id as AWS allows it in a tag or a package's property: other characters as ``=23``, or a hash if it is longer than 256."""
        text = re.sub(r"[^A-Za-z0-9 _.:/+\-@]", _escape_character, self.id)
        return text if len(text) <= 256 else f"sha256:{hashlib.sha256(text.encode()).hexdigest()}"


def identity_from_record(actor: Mapping[str, str]) -> Identity:
    """The person whom an event of the log names, in the role in which they acted. Raises ValueError for a role that doesn't exist, or an id
    that no sign-in gives."""
    issuer, separator, subject = actor["id"].partition("#")
    if not separator and actor["id"] != actor["name"]:
        raise ValueError(f"{actor['id']} isn't the id of {actor['name']}")
    return Identity(actor["name"], Role(actor["role"]), subject=subject, issuer=issuer if separator else "")


def _escape_character(found: re.Match[str]) -> str:
    return "".join(f"={byte:02X}" for byte in found[0].encode("utf-8", "surrogatepass"))


DEMO_IDENTITIES = (
    Identity("Dana (demo)", Role.DATA_SCIENTIST, demo=True),
    Identity("Chris (demo)", Role.COMPLIANCE_OFFICER, demo=True),
    Identity("Olga (demo)", Role.COMPLIANCE_OFFICER, demo=True),
    Identity("Vic (demo)", Role.VALIDATOR, demo=True),
    Identity("Vera (demo)", Role.VIEWER, demo=True),
    Identity("Ada (demo)", Role.ADMINISTRATOR, demo=True),
)
WORKFLOW_IDENTITY = Identity("workflow", Role.DATA_SCIENTIST)


def demo_identities(settings: Settings) -> tuple[Identity, ...]:
    """The identities that anyone may choose if no provider is configured; none on AWS."""
    return DEMO_IDENTITIES if settings.target == "local" else ()


_LOOK_ALIKES = str.maketrans("асԁеɡһіјӏоԛрѕуԝхαιονρυ", "acdeghijloqpsywxaiovpu")
"""Small letters of Cyrillic, Greek and IPA -> the Latin ones that they look like."""
_BUILDERS = frozenset({Role.DATA_SCIENTIST, Role.ADMINISTRATOR})
_OFFICER = frozenset({Role.COMPLIANCE_OFFICER})
_ALL_BUT_VIEWERS = frozenset(Role) - {Role.VIEWER}

ROLES_BY_ACTION: Mapping[str, frozenset[Role]] = {
    "view": frozenset(Role),
    "export": _ALL_BUT_VIEWERS,
    "launch": _BUILDERS,
    "upload": _BUILDERS,
    "register": _BUILDERS,
    "edit card": _ALL_BUT_VIEWERS,
    "submit": _BUILDERS,
    "reproduce": _BUILDERS | {Role.VALIDATOR},
    "validate": frozenset({Role.VALIDATOR}),
    "decide": _OFFICER,
    "approve": _OFFICER,
    "reject": _OFFICER,
    "withdraw": frozenset({Role.COMPLIANCE_OFFICER, Role.ADMINISTRATOR}),
    "retire": frozenset({Role.COMPLIANCE_OFFICER, Role.ADMINISTRATOR}),
    "waive": frozenset({Role.VALIDATOR, Role.COMPLIANCE_OFFICER}),
    "confirm waiver": _OFFICER,
    "meet condition": _ALL_BUT_VIEWERS,
    "adopt policy": frozenset({Role.ADMINISTRATOR}),
    "confirm policy": frozenset({Role.COMPLIANCE_OFFICER, Role.ADMINISTRATOR}),
}
FOUR_EYES_ACTIONS = frozenset({"decide", "approve", "reject", "validate", "confirm waiver", "meet condition", "confirm policy"})
"""Actions that nobody may take on a resource that they have worked on: a second person is needed. Of a condition only those count who made
the version."""


def is_allowed(
    identity: Identity,
    action: str,
    *,
    involved: Mapping[str, str | None] = {},
    trained_by: str | None = None,
    target_kind: str | None = None,
) -> bool:
    """Whether the person may take this action on this resource. ``involved``: who has worked on it (part -> id) and so may not judge it;
    ``trained_by``: one more of them. ``target_kind``: local or aws, by default that of the settings."""
    return explain_refusal(identity, action, involved=involved, trained_by=trained_by, target_kind=target_kind) is None


def require_permission(
    identity: Identity,
    action: str,
    *,
    resource: str = "",
    involved: Mapping[str, str | None] = {},
    trained_by: str | None = None,
    target_kind: str | None = None,
) -> None:
    """Raises Forbidden unless the action is allowed; if the person has worked on the resource, the error says as what."""
    error = explain_refusal(identity, action, resource=resource, involved=involved, trained_by=trained_by, target_kind=target_kind)
    if error is not None:
        raise error


def explain_refusal(
    identity: Identity,
    action: str,
    *,
    resource: str = "",
    involved: Mapping[str, str | None] = {},
    trained_by: str | None = None,
    target_kind: str | None = None,
) -> Forbidden | None:
    """Why the action isn't allowed; None if it is."""
    if type(identity) is not Identity or not isinstance(identity.role, Role) or not _normalize_name(identity.name):
        return Forbidden("Nobody is signed in.", resource=resource, hint="Sign in, with a name and one of the roles.")
    if (target_kind or Settings.current().target) == "aws" and not _is_vouched_for(identity, action):
        remedy = "Configure a sign-in provider: docs/sign-in.md."
        who = "Demo identities" if identity.demo else "People who haven't signed in with a provider"
        return Forbidden(f"{who} may not do anything on AWS.", resource=resource, hint=remedy)
    roles = ROLES_BY_ACTION.get(action, frozenset())
    own = action == "withdraw" and involved.get("submitter") in (identity.id, identity.tag)
    if identity.role not in roles and not own:
        needed = " or ".join(sorted(roles)) or "nobody has"
        return Forbidden(f"The {identity.role} role can't {action}.", resource=resource, hint=f"That needs the role {needed}.")
    parts = {**involved, "trained or registered it": trained_by}
    had = [part for part, person in parts.items() if person and _normalize_name(person) in _known_names(identity)]
    if action in FOUR_EYES_ACTIONS and had:
        what = f"{identity.name} has worked on {resource or 'this'} already: {', '.join(had)}."
        return Forbidden(what, resource=resource, hint=f"Somebody else must {action}.")
    return None


def _is_vouched_for(identity: Identity, action: str) -> bool:
    """Whether a sign-in provider vouches for the person. The workflow, for which nobody signs in, may build but not decide."""
    if identity == WORKFLOW_IDENTITY:
        return action in {"view", "launch", "upload", "register"}
    return bool(identity.issuer and identity.subject) and not identity.demo


def _known_names(identity: Identity) -> set[str]:
    """The names and ids under which records may have this person (older ones have the name). Only for refusing: two people may share a
    name."""
    return {_normalize_name(text) for text in (identity.id, identity.tag, identity.name) if text}


def _normalize_name(text: str) -> str:
    """A name or id as a person reads it: case, width, spaces, invisible characters, accents, look-alike letters, the order of its words,
    markup and a tag's ``=C3`` make no difference."""
    plain = urllib.parse.unquote(re.sub(r"=(?=[0-9A-F]{2})", "%", text), errors="replace")
    folded = unicodedata.normalize("NFKD", unicodedata.normalize("NFKC", plain).casefold())
    visible = "".join(c for c in folded if unicodedata.category(c) not in {"Cf", "Mn"}).translate(_LOOK_ALIKES)
    return " ".join(sorted(re.sub(r"[^\w.:/+\-@#|]", " ", visible).split()))


@dataclass(frozen=True)
class Account:
    """A person that a provider vouches for, and their roles here. Without a role they can't act."""

    name: str
    issuer: str
    subject: str
    roles: tuple[Role, ...]

    @property
    def id(self) -> str:
        return f"{self.issuer}#{self.subject}"

    @property
    def identities(self) -> tuple[Identity, ...]:
        """One for each role: a person with several chooses the one to act in."""
        return tuple(Identity(self.name, role, subject=self.subject, issuer=self.issuer) for role in self.roles)


def account_from_claims(claims: Mapping[str, object], settings: Settings, *, now: float | None = None) -> Account:
    """The person that an ID token's verified ``claims`` name. Raises Forbidden if the claims have expired or name nobody, DataError if the
    roles file is invalid."""
    issuer, subject, until = claims.get("iss"), claims.get("sub"), claims.get("exp")
    if not (isinstance(issuer, str) and issuer and isinstance(subject, str) and subject):
        raise Forbidden("The provider did not say who signed in.", hint="Its ID token must have the claims iss and sub.")
    if isinstance(until, bool) or not isinstance(until, int | float) or not until > (time.time() if now is None else now):
        when = f" at {datetime.fromtimestamp(until, UTC):%H:%M} UTC" if isinstance(until, int | float) and 0 < until < 1e11 else ""
        raise Forbidden(f"Your sign-in ended{when}.", hint="Sign in again to continue.")
    email = _verified_email(claims)
    name = next((text for key in ("name", "preferred_username") if (text := _clean_display_name(claims.get(key)))), "") or email or subject
    claimed, people = _read_roles_file(settings.roles_file) if settings.roles_file else (None, {})
    found: set[Role] = set()
    for value in _claim_values(claims, settings.role_claim):
        found |= claimed.get(value, frozenset()) if claimed is not None else _parse_role(value)
    for key, roles in people.items():
        if key == f"{issuer}#{subject}" or (email and key.lower() == email):
            found |= roles
    return Account(name, issuer, subject, tuple(role for role in Role if role in found))


def _verified_email(claims: Mapping[str, object]) -> str:
    """The e-mail address in lower case, if the provider has verified it. ASCII only: other addresses can become equal in lower case."""
    email = claims.get("email")
    verified = claims.get("email_verified") is True or claims.get("email_verified") == "true"
    return email.strip().lower() if verified and isinstance(email, str) and email.isascii() else ""


def _clean_display_name(name: object) -> str:
    """A name on one line, without characters that a page could take for markup."""
    return re.sub(r"[^\w .,:'’@+()\-]|\s+", " ", name).strip()[:100] if isinstance(name, str) else ""


def _claim_values(claims: Mapping[str, object], name: str) -> Iterator[str]:
    """The texts in a claim; a name such as ``realm_access.roles`` is also looked up as ``roles`` inside ``realm_access``."""
    found = claims.get(name)
    if found is None:
        found = claims
        for part in name.split("."):
            found = found.get(part) if isinstance(found, Mapping) else None
    for value in [found] if isinstance(found, str) else found if isinstance(found, list | tuple) else []:
        if isinstance(value, str):
            yield value


def _parse_role(text: str) -> frozenset[Role]:
    """The role of this name, also as ``Data_Scientist`` or ``data-scientist``; empty if there is no such role."""
    plain = re.sub(r"[\s_\-]+", " ", text).strip().lower()
    return frozenset(role for role in Role if role == plain)


def _read_roles_file(path: Path) -> tuple[dict[str, frozenset[Role]] | None, dict[str, frozenset[Role]]]:
    """([claims], [people]) of a roles file; the first is None if the file has no such table."""
    try:
        tables = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise DataError(
            f"The roles file {path} can't be read: {error.strerror if isinstance(error, OSError) else error}.",
            resource=str(path),
            hint="Correct GOVERNANCE_ROLES_FILE, or the file.",
        ) from error
    if unknown := sorted(set(tables) - {"claims", "people"}):
        raise DataError(
            f"The roles file {path} has unknown tables: {', '.join(unknown)}.",
            resource=str(path),
            hint="It may have [claims] and [people].",
        )
    claims, people = (_parse_roles_table(path, table, tables.get(table)) for table in ("claims", "people"))
    return claims, people or {}


def _parse_roles_table(path: Path, table: str, entries: object) -> dict[str, frozenset[Role]] | None:
    if entries is None:
        return None
    found: dict[str, frozenset[Role]] = {}
    for key, value in entries.items() if isinstance(entries, Mapping) else [("", entries)]:
        names = value if isinstance(value, list) else [value]
        roles = [_parse_role(name) if isinstance(name, str) else frozenset() for name in names]
        if not key or not all(roles):
            what = f"The roles file {path} has an unknown role at {table}.{key}: {value!r}."
            raise DataError(what, resource=str(path), hint=f"The roles are {', '.join(Role)}.")
        found[key] = frozenset[Role]().union(*roles)
    return found
