"""What the views of several pages share: the figures' style, numbers as text, costs, the metric glossary, differences in words."""
