"""The page docs/metrics.md, written from the closed set of metrics."""

from __future__ import annotations

from stt_coordinator.metrics.specs import SPECS

HEAD = """# Metrics

Written from the code; a test compares. The coordinator serves them on its page, `/metrics`, in the
text format of Prometheus, from one read of its store:

```yaml
scrape_configs:
  - job_name: stt
    static_configs:
      - targets: ["127.0.0.1:8642"]
```

There is no series per database or per finding: their number follows sites, engines and reasons.
Series of findings and databases are there with the value 0 as well, so that an alert ends because
the number is 0. Counters begin again when the coordinator starts.

| metric | kind | labels | meaning |
|---|---|---|---|
"""

TAIL = """
`engine` is `mysql`, `postgresql` or `mongodb`; `severity` is `critical`, `major` or `trivial`;
`reason` is one of the kinds of [the protocol](protocol.md).

Alerting rules over these metrics: `stt alerts rules > /etc/prometheus/rules/stt.yml`.
"""


def render() -> str:
    """The whole page as Markdown."""
    rows = (
        f"| `{spec.name}` | {spec.kind} | {', '.join(f'`{label}`' for label in spec.labels)} "
        f"| {spec.help} |\n"
        for spec in SPECS.values()
    )
    return HEAD + "".join(rows) + TAIL
