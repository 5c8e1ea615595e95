"""``python -m tools.profiles``: docs/profiles.md, what each regulatory profile of the product asks and which field is evidence for it."""

from __future__ import annotations

from pathlib import Path

from core.governance import regulatory_profiles
from core.governance.regulatory_profiles import RegulatoryProfile
from core.governance.version_facts import FACT_TITLES

OUT = Path(__file__).parents[1] / "docs" / "profiles.md"
INTRODUCTION = """# Regulatory profiles

What each text asks for, and which fields of the record are evidence for it, as `core/governance/regulatory_profiles.toml` has it
(`python -m tools.profiles` writes this page). It is configuration, not legal advice: a complete list doesn't mean that a text is met.

- **Dates.** `date` is the date of this version of the text, `applies_from` the first day on which it applies, `checked` the day on which
  somebody last looked it up. After `review_months` (6 unless given) a profile says that it is old wherever it is shown; so does one
  without `checked`.
- **Unverified** means that the wording couldn't be compared with the text, nor with an account of it by an authority or in print.
- **Fields.** *Measured* fields are filled by jobs, reports, data and the log; *card* fields by people, in the model card. What doesn't
  exist is shown as missing. The fields that can be named are in the last table.
- **Mitigation by group.** The search for less discriminatory alternatives, and rebalancing or choosing a model by its effect on a group, is
  asked for in one place and risky in another. The notes stand on the tuning page beside the alternatives, on the data page beside the
  methods, and under each checklist.

A profile of your own: copy the file, change it, and name the copy in `GOVERNANCE_PROFILES`.
"""


def main() -> None:
    """Write the page."""
    OUT.write_text(render_page(), encoding="utf-8")


def render_page() -> str:
    """The page, by the profiles that ship with the product."""
    profiles = regulatory_profiles.load_profiles()
    parts = [INTRODUCTION, "## Mitigation by group\n", *_notes(profiles)]
    for profile in profiles:
        parts += [f"## {profile.title}\n", *_head(profile), *_items(profile)]
    parts += ["## Measured fields\n", "| field | what it is |\n|---|---|"]
    parts += [f"| `{path}` | {title} |" for path, title in FACT_TITLES.items()]
    return "\n".join(parts) + "\n"


def _notes(profiles: tuple[RegulatoryProfile, ...]) -> list[str]:
    rows = ["| jurisdiction | mitigation by group | text | date |", "|---|---|---|---|"]
    for profile in profiles:
        note = profile.mitigation_note
        if note:
            words = note.text if note.verified else f"{note.text} *Unverified.*"
            rows.append(f"| {profile.jurisdiction} | **{note.stance}** | {words} | [{note.date}]({note.source}) |")
    return [*rows, ""]


def _head(profile: RegulatoryProfile) -> list[str]:
    applies = f", applies from {profile.applies_from}" if profile.applies_from else ""
    dates = f"`{profile.id}`: text of [{profile.date}]({profile.source}){applies}; last looked up on {profile.checked}."
    return [dates, profile.note, ""]


def _items(profile: RegulatoryProfile) -> list[str]:
    rows = ["| part | asks for | measured fields | card fields |", "|---|---|---|---|"]
    for item in profile.items:
        card = [path for path in item.fields if path.startswith("card.")]
        measured = [f"`{path}`" for path in item.fields if path not in card]
        asks = item.asks if item.verified else f"{item.asks} *(unverified)*"
        rows.append(
            f"| {item.ref} | {asks} | {', '.join(measured) or '—'} | {', '.join(map(regulatory_profiles.field_title, card)) or '—'} |"
        )
    return [*rows, ""]


if __name__ == "__main__":
    main()
