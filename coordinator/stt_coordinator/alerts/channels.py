"""The channels that the settings configure."""

from __future__ import annotations

from stt_coordinator.alerts.alertmanager import Push
from stt_coordinator.alerts.patience import Channel
from stt_coordinator.alerts.post import Poster, trusted
from stt_coordinator.store.port import Store
from stt_shared.settings_alerts import AlertSettings


def channels(settings: AlertSettings, store: Store) -> tuple[Channel, ...]:
    """Every channel that has an address; raises ConfigError for settings that do not fit."""
    post = Poster(trusted(settings.ca))
    found: list[Channel] = []
    if settings.alertmanager:
        found.append(Push(settings, store, post))
    return tuple(found)
