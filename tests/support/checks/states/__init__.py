"""All declared states: each module beside this one holds the list STATES of one group of checks."""

from __future__ import annotations

import importlib
import pkgutil

from tests.support.checks.scenario import State

ALL: list[State] = [
    state
    for module in pkgutil.iter_modules(__path__)
    for state in importlib.import_module(f"{__name__}.{module.name}").STATES
]
