"""Names of consumers say of which site they are, whatever characters the site has."""

from __future__ import annotations

import pytest

from stt_shared.protocol import subjects
from stt_shared.protocol.enums import Family


@pytest.mark.parametrize("site", ["eu", "eu_west", "w_eu", "a_mysql", "9-b"])
@pytest.mark.parametrize("family", Family)
def test_site_of_a_consumer_of_jobs_is_the_one_it_was_made_for(site: str, family: Family) -> None:
    assert subjects.site_of_consumer(subjects.jobs_consumer(site, family).name) == site


@pytest.mark.parametrize(
    "name",
    ["results-1", "aggregator", "w_", "w_mysql", "w__mysql", "w_eu", "w_eu_oracle", "x_eu_mysql"],
)
def test_other_consumers_are_of_no_site(name: str) -> None:
    assert subjects.site_of_consumer(name) is None
