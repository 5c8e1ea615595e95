"""Who acts in a script: a demo identity of the local target, or the person whom an ID token of the sign-in provider names."""

from __future__ import annotations

import argparse
import os
from pathlib import Path

from core.errors import DataError, Forbidden
from core.identity import Account, Identity, Role, account_from_claims, demo_identities
from core.settings import ID_TOKEN_VARIABLE, Settings


def add_person_options(parser: argparse.ArgumentParser) -> None:
    """Add the options that say who acts."""
    parser.add_argument("--as", dest="person", metavar="NAME", help="who acts: a demo identity of the local target, or the token's name")
    parser.add_argument("--role", choices=[str(role) for role in Role], help="the role to act in, for people with several")
    parser.add_argument("--id-token", type=Path, metavar="FILE", help=f"a file with an ID token; default: {ID_TOKEN_VARIABLE}")
    parser.add_argument("--secrets", type=Path, metavar="FILE", help="the file whose [auth] names the provider; default: the dashboard's")


def find_person(settings: Settings, options: argparse.Namespace) -> Identity:
    """The person in the role in which they act. As on the page, demo identities exist only on the local target, and only if no provider is
    configured. Raises Forbidden if nobody may act so."""
    from core.cli import id_token  # the libraries of OpenID Connect, which other commands don't need

    providers, token = id_token.read_providers(options.secrets), _read_token(options.id_token)
    if token:
        account = account_from_claims(id_token.verify_id_token(token, providers), settings)
        return _choose_role(account, options.person, options.role)
    remedy = f"Set {ID_TOKEN_VARIABLE}, or give a file with --id-token."
    if providers:
        raise Forbidden("Nobody is signed in: the sign-in provider's ID token is missing.", hint=remedy)
    if settings.target != "local":
        raise Forbidden(
            "Demo identities may not do anything on AWS." if options.person else "Nobody is signed in.",
            resource=options.person or "",
            hint=f"Configure a sign-in provider as docs/sign-in.md says. {remedy}",
        )
    return _find_demo_identity(settings, options.person, options.role)


def _read_token(file: Path | None) -> str:
    """The token in the file, or else in the environment; "" if there is none."""
    if file is None:
        return os.environ.get(ID_TOKEN_VARIABLE, "").strip()
    try:
        text = file.read_text(encoding="ascii").strip()
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it isn't a token"
        raise DataError(f"{file} can't be read: {reason}.", resource=str(file), hint="Give the file with the ID token.") from error
    if not text:
        raise DataError(f"{file} is empty.", resource=str(file), hint="Give the file with the ID token.")
    return text


def _choose_role(account: Account, name: str | None, role: str | None) -> Identity:
    if name and name.casefold() not in {account.name.casefold(), account.id.casefold()}:
        raise Forbidden(f"The ID token is that of {account.name}, not of {name}.", resource=name, hint="Correct --as, or leave it out.")
    if not account.roles:
        hint = f"Ask an administrator to give one to {account.id}, in the provider or in the roles file."
        raise Forbidden(f"{account.name} has no role here.", resource=account.id, hint=hint)
    found = [one for one in account.identities if role in {None, one.role}]
    if len(found) != 1:
        what = f"has the roles {', '.join(account.roles)}" if role is None else f"doesn't have the role {role}"
        raise Forbidden(f"{account.name} {what}.", resource=account.id, hint=f"Choose --role: {' or '.join(account.roles)}.")
    return found[0]


def _find_demo_identity(settings: Settings, name: str | None, role: str | None) -> Identity:
    found = {_plain(person.name): person for person in demo_identities(settings)}
    hint = f"Choose --as one of {', '.join(sorted(found)).title()}."
    person = found.get(_plain(name or ""))
    if person is None:
        raise Forbidden(f"Nobody here is called {name}." if name else "Nobody is signed in.", resource=name or "", hint=hint)
    if role not in {None, person.role}:
        raise Forbidden(f"{person.name} doesn't have the role {role}, but {person.role}.", resource=person.name, hint=hint)
    return person


def _plain(name: str) -> str:
    return name.removesuffix(" (demo)").lower()
