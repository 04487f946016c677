"""What handlers are given: the desk that the control service works with as well."""

from __future__ import annotations

from litestar.di import NamedDependency

from stt_coordinator.control.desk import Desk

Given = NamedDependency[Desk]
