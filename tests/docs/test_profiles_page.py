"""docs/profiles.md is what the product's regulatory profiles say."""

from __future__ import annotations

from tools.profiles import OUT, render_page


def test_the_page_has_every_profile_item_and_field_as_they_are():
    """`make reference` renews it."""
    assert OUT.read_text(encoding="utf-8") == render_page()
