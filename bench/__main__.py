"""``python -m bench``: every figure; each also by its own command, ``python -m bench.bias``."""

from __future__ import annotations

from bench import bias, engine, explanations, log, start

for module in (bias, explanations, log, engine, start):
    module.main()
