"""The template of a new check: it loads and runs, and one of its samples fails."""

from __future__ import annotations

from pathlib import Path
from string import Template

from stt_shared.checkfile.catalogue import CHECK_FILE
from stt_shared.checkfile.parse import NAME
from stt_shared.checkfile.policies import SAMPLES_FILE
from stt_shared.errors import UsageError
from stt_shared.protocol.enums import Family

QUERIES = {
    Family.MYSQL: "type: MYSQL_SHOW\n        query: GLOBAL VARIABLES LIKE 'local_infile'",
    Family.POSTGRESQL: (
        "type: POSTGRESQL_SELECT\n        query: name, setting FROM pg_catalog.pg_settings"
        " WHERE name = 'ssl'"
    ),
    Family.MONGODB: "type: MONGODB_GETPARAMETER",
}
PRIVILEGES = {
    Family.MYSQL: "      mysql: []\n      percona: []\n      mariadb: []",
    Family.POSTGRESQL: "      postgresql: []",
    Family.MONGODB: (
        "      mongodb: [clusterMonitor on admin]\n      percona: [clusterMonitor on admin]"
    ),
}
SERVERS = {
    Family.MYSQL: "{flavour: mysql, version: [8, 4, 6]}",
    Family.POSTGRESQL: "{flavour: postgresql, version: [18, 4]}",
    Family.MONGODB: "{flavour: mongodb, version: [8, 0, 12]}",
}
CHECK = Template("""\
checks:
  - version: 2
    name: $name
    family: $family
    category: configuration
    summary: State in a few words what is wrong
    description: >-
      State what an attacker gains from it.
    interval: standard
    references:
      - CWE-16
    privileges:
$privileges
    remediation: >-
      State what to change, whether it needs a restart, and how to undo it.
    queries:
      - $query
    script: |
      # docs holds the rows of each query, in order; a finding is a dict, none is a pass.
      def check_context(docs, context):
          rows = docs[0]
          if not rows:
              fail("no rows: the query returned nothing")
          print("first row:", rows[0])
          findings = []
          for row in rows:
              if row["the_column_to_check"] == "bad":
                  findings.append({
                      "summary": "what is wrong, with its name",
                      "severity": "warning",
                      "object": "the name of what is wrong",
                      "remediation": {
                          "before": "what to look at first, and a query that shows who is cut off",
                          "statement": "the statement that fixes it",
                          "effect": "what changes for whom",
                          "restart": "none",
                          "persistent": "why it survives a restart, or which line keeps it",
                          "undo": "the statement that restores the state before",
                      },
                  })
          return findings
""")
SAMPLES = Template("""\
# Rows that the script receives, and the outcome expected from it. Record rows of a server:
#   stt checks test --pack FOLDER --target URL --record $name
samples:
  - name: as_it_should_be
    server: $server
    docs:
      - [{the_column_to_check: good}]
    expect: passed

  - name: as_it_should_not_be
    server: $server
    docs:
      - [{the_column_to_check: very bad}]
    expect: failed
    findings:
      - severity: major
        object: the name of what is wrong
        remediation:
          before: what to look at first, and a query that shows who is cut off
          statement: the statement that fixes it
          effect: what changes for whom
          restart: none
          persistent: why it survives a restart, or which line keeps it
          undo: the statement that restores the state before

  - name: no_answer
    server: $server
    docs:
      - []
    expect: error
    reason: no rows
""")


def write(name: str, family: Family, pack: Path) -> tuple[Path, Path]:
    """Create the files of a check below `pack`; raises UsageError for a bad or existing name."""
    if not NAME.fullmatch(name):
        raise UsageError(
            f"invalid check name {name!r}", hint="use letters, digits and underscores: app_no_tls"
        )
    folder = pack / family / name
    if folder.exists():
        raise UsageError(f"{folder} already exists", hint="choose another name, or edit it")
    folder.mkdir(parents=True)
    words = {
        "name": name,
        "family": family.upper(),
        "query": QUERIES[family],
        "privileges": PRIVILEGES[family],
        "server": SERVERS[family],
    }
    check, samples = folder / CHECK_FILE, folder / SAMPLES_FILE
    check.write_text(CHECK.substitute(words), encoding="utf-8")
    samples.write_text(SAMPLES.substitute(words), encoding="utf-8")
    return check, samples
