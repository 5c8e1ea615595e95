"""``python -m bench``: every figure; each also by its own command, ``python -m bench.bias``."""

from __future__ import annotations

from bench import bias, explanations, log, start

for module in (bias, explanations, log, start):
    module.main()
