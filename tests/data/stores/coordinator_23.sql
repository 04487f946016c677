-- answers: {"at": "2026-11-30T20:45:02.277319Z", "audit": {"entries": [{"at": "2026-11-30T20:45:02.112047Z", "by": "ann", "did": "disable", "reason": "CHG-4411", "role": null, "way": "cli", "what": ""}, {"at": "2026-11-30T20:45:02.060737Z", "by": "ann", "did": "check-disable", "reason": "CHG-4411", "role": null, "way": "cli", "what": "mysql_version"}, {"at": "2026-11-30T20:45:01.856850Z", "by": "ann", "did": "run", "reason": "", "role": null, "way": "cli", "what": "manual-20261130t204501z"}, {"at": "2026-11-30T20:45:01.846559Z", "by": "ann", "did": "accept", "reason": "CHG-4411", "role": null, "way": "cli", "what": "x_dkzv2hnayxxn: f_ehygycvo4ze6 (mysql_empty_password on t1)"}, {"at": "2026-11-30T20:45:01.773838Z", "by": "ann", "did": "enable", "reason": "CHG-4411", "role": null, "way": "cli", "what": ""}], "next": "", "schema": "stt.control.audit-reply/v1"}, "changes": {"changes": [{"after": {"accepted": null, "check": "mysql_empty_password", "description": "", "evidence": [], "family": "mysql", "first_seen": "2026-11-30T20:45:01.814465Z", "id": "f_ehygycvo4ze6", "labels": {}, "last_confirmed": "2026-11-30T20:45:01.814465Z", "object": "'app'@'%'", "read_more_url": "", "remediation": "", "resolved_at": null, "said_severity": null, "severity": "critical", "since": "2026-11-30T20:45:01.814465Z", "site": "eu-west", "state": "open", "summary": "'app'@'%' has no password", "target": "t1"}, "at": "2026-11-30T20:45:01.814465Z", "before": null, "by": "", "change": "opened", "reason": "", "run_id": "enable-20261130t204501z", "schema": "stt.event.finding/v1"}, {"after": {"accepted": null, "check": "mysql_empty_password", "description": "", "evidence": [], "family": "mysql", "first_seen": "2026-11-30T20:45:01.814465Z", "id": "f_2h5jyddyi2wm", "labels": {}, "last_confirmed": "2026-11-30T20:45:01.814465Z", "object": "'old'@'%'", "read_more_url": "", "remediation": "", "resolved_at": null, "said_severity": null, "severity": "critical", "since": "2026-11-30T20:45:01.814465Z", "site": "eu-west", "state": "open", "summary": "'old'@'%' has no password", "target": "t1"}, "at": "2026-11-30T20:45:01.814465Z", "before": null, "by": "", "change": "opened", "reason": "", "run_id": "enable-20261130t204501z", "schema": "stt.event.finding/v1"}, {"after": {"accepted": {"baseline": false, "by": "ann", "exception": "x_dkzv2hnayxxn", "reason": "CHG-4411", "until": "2026-12-30"}, "check": "mysql_empty_password", "description": "", "evidence": [], "family": "mysql", "first_seen": "2026-11-30T20:45:01.814465Z", "id": "f_ehygycvo4ze6", "labels": {}, "last_confirmed": "2026-11-30T20:45:01.814465Z", "object": "'app'@'%'", "read_more_url": "", "remediation": "", "resolved_at": null, "said_severity": null, "severity": "critical", "since": "2026-11-30T20:45:01.814465Z", "site": "eu-west", "state": "open", "summary": "'app'@'%' has no password", "target": "t1"}, "at": "2026-11-30T20:45:01.836966Z", "before": {"accepted": null, "check": "mysql_empty_password", "description": "", "evidence": [], "family": "mysql", "first_seen": "2026-11-30T20:45:01.814465Z", "id": "f_ehygycvo4ze6", "labels": {}, "last_confirmed": "2026-11-30T20:45:01.814465Z", "object": "'app'@'%'", "read_more_url": "", "remediation": "", "resolved_at": null, "said_severity": null, "severity": "critical", "since": "2026-11-30T20:45:01.814465Z", "site": "eu-west", "state": "open", "summary": "'app'@'%' has no password", "target": "t1"}, "by": "ann", "change": "accepted", "reason": "CHG-4411", "run_id": "", "schema": "stt.event.finding/v1"}, {"after": {"accepted": null, "check": "postgresql_super_role", "description": "", "evidence": [], "family": "postgresql", "first_seen": "2026-11-30T20:45:01.857885Z", "id": "f_dwbfzupuglsq", "labels": {}, "last_confirmed": "2026-11-30T20:45:01.857885Z", "object": "app", "read_more_url": "", "remediation": "", "resolved_at": null, "said_severity": null, "severity": "major", "since": "2026-11-30T20:45:01.857885Z", "site": "eu-west", "state": "open", "summary": "app has no password", "target": "p1"}, "at": "2026-11-30T20:45:01.857885Z", "before": null, "by": "", "change": "opened", "reason": "", "run_id": "manual-20261130t204501z", "schema": "stt.event.finding/v1"}, {"after": {"accepted": null, "check": "mysql_empty_password", "description": "", "evidence": [], "family": "mysql", "first_seen": "2026-11-30T20:45:01.814465Z", "id": "f_2h5jyddyi2wm", "labels": {}, "last_confirmed": "2026-11-30T20:45:01.814465Z", "object": "'old'@'%'", "read_more_url": "", "remediation": "", "resolved_at": "2026-11-30T20:45:01.857984Z", "said_severity": null, "severity": "critical", "since": "2026-11-30T20:45:01.814465Z", "site": "eu-west", "state": "resolved", "summary": "'old'@'%' has no password", "target": "t1"}, "at": "2026-11-30T20:45:01.857984Z", "before": {"accepted": null, "check": "mysql_empty_password", "description": "", "evidence": [], "family": "mysql", "first_seen": "2026-11-30T20:45:01.814465Z", "id": "f_2h5jyddyi2wm", "labels": {}, "last_confirmed": "2026-11-30T20:45:01.814465Z", "object": "'old'@'%'", "read_more_url": "", "remediation": "", "resolved_at": null, "said_severity": null, "severity": "critical", "since": "2026-11-30T20:45:01.814465Z", "site": "eu-west", "state": "open", "summary": "'old'@'%' has no password", "target": "t1"}, "by": "", "change": "resolved", "reason": "", "run_id": "manual-20261130t204501z", "schema": "stt.event.finding/v1"}, {"after": {"accepted": null, "check": "mysql_empty_password", "description": "", "evidence": [], "family": "mysql", "first_seen": "2026-11-30T20:45:01.857984Z", "id": "f_f2gsyenytqep", "labels": {}, "last_confirmed": "2026-11-30T20:45:01.857984Z", "object": "'new'@'%'", "read_more_url": "", "remediation": "", "resolved_at": null, "said_severity": null, "severity": "major", "since": "2026-11-30T20:45:01.857984Z", "site": "eu-west", "state": "open", "summary": "'new'@'%' has no password", "target": "t1"}, "at": "2026-11-30T20:45:01.857984Z", "before": null, "by": "", "change": "opened", "reason": "", "run_id": "manual-20261130t204501z", "schema": "stt.event.finding/v1"}], "next": "", "schema": "stt.control.changes-reply/v1", "total": 6, "unchecked": [], "unchecked_total": 0}, "checks": {"checks": [{"category": "", "check": "mysql_empty_password", "digest": "digest-of-mysql_empty_password", "enabled": true, "family": "mysql", "interval": "standard", "summary": "Check mysql_empty_password"}, {"category": "", "check": "mysql_version", "digest": "digest-of-mysql_version", "enabled": false, "family": "mysql", "interval": "rare", "summary": "Check mysql_version"}, {"category": "", "check": "postgresql_super_role", "digest": "digest-of-postgresql_super_role", "enabled": true, "family": "postgresql", "interval": "standard", "summary": "Check postgresql_super_role"}], "releases_as_of": "2026-11-01", "schema": "stt.control.checks-reply/v1"}, "exceptions": {"exceptions": [{"exception": {"by": "ann", "check": "mysql_empty_password", "created": "2026-11-30T20:45:01.836966Z", "ended": null, "finding": "f_ehygycvo4ze6", "id": "x_dkzv2hnayxxn", "imported_by": "", "label": "", "reason": "CHG-4411", "reminded": null, "revoked": null, "revoked_by": "", "revoked_reason": "", "severity": null, "site": "", "target": "t1", "until": "2026-12-30"}, "findings": 1, "state": "live"}], "next": "", "schema": "stt.control.exceptions-reply/v1", "total": 1}, "finding": {"f_2h5jyddyi2wm": {"facts": {"build": "", "flavour": "mysql", "provider": "self-managed", "role": "", "version": [8, 4, 6], "version_text": "8.4.6"}, "finding": {"accepted": null, "check": "mysql_empty_password", "description": "", "evidence": [], "family": "mysql", "first_seen": "2026-11-30T20:45:01.814465Z", "id": "f_2h5jyddyi2wm", "labels": {}, "last_confirmed": "2026-11-30T20:45:01.814465Z", "object": "'old'@'%'", "read_more_url": "", "remediation": "", "resolved_at": "2026-11-30T20:45:01.857984Z", "said_severity": null, "severity": "critical", "since": "2026-11-30T20:45:01.814465Z", "site": "eu-west", "state": "resolved", "summary": "'old'@'%' has no password", "target": "t1"}, "history": [{"after": {"accepted": null, "check": "mysql_empty_password", "description": "", "evidence": [], "family": "mysql", "first_seen": "2026-11-30T20:45:01.814465Z", "id": "f_2h5jyddyi2wm", "labels": {}, "last_confirmed": "2026-11-30T20:45:01.814465Z", "object": "'old'@'%'", "read_more_url": "", "remediation": "", "resolved_at": null, "said_severity": null, "severity": "critical", "since": "2026-11-30T20:45:01.814465Z", "site": "eu-west", "state": "open", "summary": "'old'@'%' has no password", "target": "t1"}, "at": "2026-11-30T20:45:01.814465Z", "before": null, "by": "", "change": "opened", "reason": "", "run_id": "enable-20261130t204501z", "schema": "stt.event.finding/v1"}, {"after": {"accepted": null, "check": "mysql_empty_password", "description": "", "evidence": [], "family": "mysql", "first_seen": "2026-11-30T20:45:01.814465Z", "id": "f_2h5jyddyi2wm", "labels": {}, "last_confirmed": "2026-11-30T20:45:01.814465Z", "object": "'old'@'%'", "read_more_url": "", "remediation": "", "resolved_at": "2026-11-30T20:45:01.857984Z", "said_severity": null, "severity": "critical", "since": "2026-11-30T20:45:01.814465Z", "site": "eu-west", "state": "resolved", "summary": "'old'@'%' has no password", "target": "t1"}, "at": "2026-11-30T20:45:01.857984Z", "before": {"accepted": null, "check": "mysql_empty_password", "description": "", "evidence": [], "family": "mysql", "first_seen": "2026-11-30T20:45:01.814465Z", "id": "f_2h5jyddyi2wm", "labels": {}, "last_confirmed": "2026-11-30T20:45:01.814465Z", "object": "'old'@'%'", "read_more_url": "", "remediation": "", "resolved_at": null, "said_severity": null, "severity": "critical", "since": "2026-11-30T20:45:01.814465Z", "site": "eu-west", "state": "open", "summary": "'old'@'%' has no password", "target": "t1"}, "by": "", "change": "resolved", "reason": "", "run_id": "manual-20261130t204501z", "schema": "stt.event.finding/v1"}], "kind": null, "notice": "", "outcome": "failed", "parts_not_checked": [], "reason": "", "schema": "stt.control.finding-reply/v1"}, "f_dwbfzupuglsq": {"facts": {"build": "", "flavour": "mysql", "provider": "self-managed", "role": "", "version": [8, 4, 6], "version_text": "8.4.6"}, "finding": {"accepted": null, "check": "postgresql_super_role", "description": "", "evidence": [], "family": "postgresql", "first_seen": "2026-11-30T20:45:01.857885Z", "id": "f_dwbfzupuglsq", "labels": {}, "last_confirmed": "2026-11-30T20:45:01.857885Z", "object": "app", "read_more_url": "", "remediation": "", "resolved_at": null, "said_severity": null, "severity": "major", "since": "2026-11-30T20:45:01.857885Z", "site": "eu-west", "state": "open", "summary": "app has no password", "target": "p1"}, "history": [{"after": {"accepted": null, "check": "postgresql_super_role", "description": "", "evidence": [], "family": "postgresql", "first_seen": "2026-11-30T20:45:01.857885Z", "id": "f_dwbfzupuglsq", "labels": {}, "last_confirmed": "2026-11-30T20:45:01.857885Z", "object": "app", "read_more_url": "", "remediation": "", "resolved_at": null, "said_severity": null, "severity": "major", "since": "2026-11-30T20:45:01.857885Z", "site": "eu-west", "state": "open", "summary": "app has no password", "target": "p1"}, "at": "2026-11-30T20:45:01.857885Z", "before": null, "by": "", "change": "opened", "reason": "", "run_id": "manual-20261130t204501z", "schema": "stt.event.finding/v1"}], "kind": null, "notice": "", "outcome": "failed", "parts_not_checked": [], "reason": "", "schema": "stt.control.finding-reply/v1"}, "f_ehygycvo4ze6": {"facts": {"build": "", "flavour": "mysql", "provider": "self-managed", "role": "", "version": [8, 4, 6], "version_text": "8.4.6"}, "finding": {"accepted": {"baseline": false, "by": "ann", "exception": "x_dkzv2hnayxxn", "reason": "CHG-4411", "until": "2026-12-30"}, "check": "mysql_empty_password", "description": "", "evidence": [], "family": "mysql", "first_seen": "2026-11-30T20:45:01.814465Z", "id": "f_ehygycvo4ze6", "labels": {}, "last_confirmed": "2026-11-30T20:45:01.857984Z", "object": "'app'@'%'", "read_more_url": "", "remediation": "", "resolved_at": null, "said_severity": null, "severity": "critical", "since": "2026-11-30T20:45:01.814465Z", "site": "eu-west", "state": "open", "summary": "'app'@'%' has no password", "target": "t1"}, "history": [{"after": {"accepted": null, "check": "mysql_empty_password", "description": "", "evidence": [], "family": "mysql", "first_seen": "2026-11-30T20:45:01.814465Z", "id": "f_ehygycvo4ze6", "labels": {}, "last_confirmed": "2026-11-30T20:45:01.814465Z", "object": "'app'@'%'", "read_more_url": "", "remediation": "", "resolved_at": null, "said_severity": null, "severity": "critical", "since": "2026-11-30T20:45:01.814465Z", "site": "eu-west", "state": "open", "summary": "'app'@'%' has no password", "target": "t1"}, "at": "2026-11-30T20:45:01.814465Z", "before": null, "by": "", "change": "opened", "reason": "", "run_id": "enable-20261130t204501z", "schema": "stt.event.finding/v1"}, {"after": {"accepted": {"baseline": false, "by": "ann", "exception": "x_dkzv2hnayxxn", "reason": "CHG-4411", "until": "2026-12-30"}, "check": "mysql_empty_password", "description": "", "evidence": [], "family": "mysql", "first_seen": "2026-11-30T20:45:01.814465Z", "id": "f_ehygycvo4ze6", "labels": {}, "last_confirmed": "2026-11-30T20:45:01.814465Z", "object": "'app'@'%'", "read_more_url": "", "remediation": "", "resolved_at": null, "said_severity": null, "severity": "critical", "since": "2026-11-30T20:45:01.814465Z", "site": "eu-west", "state": "open", "summary": "'app'@'%' has no password", "target": "t1"}, "at": "2026-11-30T20:45:01.836966Z", "before": {"accepted": null, "check": "mysql_empty_password", "description": "", "evidence": [], "family": "mysql", "first_seen": "2026-11-30T20:45:01.814465Z", "id": "f_ehygycvo4ze6", "labels": {}, "last_confirmed": "2026-11-30T20:45:01.814465Z", "object": "'app'@'%'", "read_more_url": "", "remediation": "", "resolved_at": null, "said_severity": null, "severity": "critical", "since": "2026-11-30T20:45:01.814465Z", "site": "eu-west", "state": "open", "summary": "'app'@'%' has no password", "target": "t1"}, "by": "ann", "change": "accepted", "reason": "CHG-4411", "run_id": "", "schema": "stt.event.finding/v1"}], "kind": null, "notice": "", "outcome": "failed", "parts_not_checked": [], "reason": "", "schema": "stt.control.finding-reply/v1"}, "f_f2gsyenytqep": {"facts": {"build": "", "flavour": "mysql", "provider": "self-managed", "role": "", "version": [8, 4, 6], "version_text": "8.4.6"}, "finding": {"accepted": null, "check": "mysql_empty_password", "description": "", "evidence": [], "family": "mysql", "first_seen": "2026-11-30T20:45:01.857984Z", "id": "f_f2gsyenytqep", "labels": {}, "last_confirmed": "2026-11-30T20:45:01.857984Z", "object": "'new'@'%'", "read_more_url": "", "remediation": "", "resolved_at": null, "said_severity": null, "severity": "major", "since": "2026-11-30T20:45:01.857984Z", "site": "eu-west", "state": "open", "summary": "'new'@'%' has no password", "target": "t1"}, "history": [{"after": {"accepted": null, "check": "mysql_empty_password", "description": "", "evidence": [], "family": "mysql", "first_seen": "2026-11-30T20:45:01.857984Z", "id": "f_f2gsyenytqep", "labels": {}, "last_confirmed": "2026-11-30T20:45:01.857984Z", "object": "'new'@'%'", "read_more_url": "", "remediation": "", "resolved_at": null, "said_severity": null, "severity": "major", "since": "2026-11-30T20:45:01.857984Z", "site": "eu-west", "state": "open", "summary": "'new'@'%' has no password", "target": "t1"}, "at": "2026-11-30T20:45:01.857984Z", "before": null, "by": "", "change": "opened", "reason": "", "run_id": "manual-20261130t204501z", "schema": "stt.event.finding/v1"}], "kind": null, "notice": "", "outcome": "failed", "parts_not_checked": [], "reason": "", "schema": "stt.control.finding-reply/v1"}}, "findings": {"findings": [{"accepted": null, "check": "mysql_empty_password", "description": "", "evidence": [], "family": "mysql", "first_seen": "2026-11-30T20:45:01.814465Z", "id": "f_2h5jyddyi2wm", "labels": {}, "last_confirmed": "2026-11-30T20:45:01.814465Z", "object": "'old'@'%'", "read_more_url": "", "remediation": "", "resolved_at": "2026-11-30T20:45:01.857984Z", "said_severity": null, "severity": "critical", "since": "2026-11-30T20:45:01.814465Z", "site": "eu-west", "state": "resolved", "summary": "'old'@'%' has no password", "target": "t1"}, {"accepted": {"baseline": false, "by": "ann", "exception": "x_dkzv2hnayxxn", "reason": "CHG-4411", "until": "2026-12-30"}, "check": "mysql_empty_password", "description": "", "evidence": [], "family": "mysql", "first_seen": "2026-11-30T20:45:01.814465Z", "id": "f_ehygycvo4ze6", "labels": {}, "last_confirmed": "2026-11-30T20:45:01.857984Z", "object": "'app'@'%'", "read_more_url": "", "remediation": "", "resolved_at": null, "said_severity": null, "severity": "critical", "since": "2026-11-30T20:45:01.814465Z", "site": "eu-west", "state": "open", "summary": "'app'@'%' has no password", "target": "t1"}, {"accepted": null, "check": "postgresql_super_role", "description": "", "evidence": [], "family": "postgresql", "first_seen": "2026-11-30T20:45:01.857885Z", "id": "f_dwbfzupuglsq", "labels": {}, "last_confirmed": "2026-11-30T20:45:01.857885Z", "object": "app", "read_more_url": "", "remediation": "", "resolved_at": null, "said_severity": null, "severity": "major", "since": "2026-11-30T20:45:01.857885Z", "site": "eu-west", "state": "open", "summary": "app has no password", "target": "p1"}, {"accepted": null, "check": "mysql_empty_password", "description": "", "evidence": [], "family": "mysql", "first_seen": "2026-11-30T20:45:01.857984Z", "id": "f_f2gsyenytqep", "labels": {}, "last_confirmed": "2026-11-30T20:45:01.857984Z", "object": "'new'@'%'", "read_more_url": "", "remediation": "", "resolved_at": null, "said_severity": null, "severity": "major", "since": "2026-11-30T20:45:01.857984Z", "site": "eu-west", "state": "open", "summary": "'new'@'%' has no password", "target": "t1"}], "next": "", "notice": "", "parts_not_checked": [], "schema": "stt.control.findings-reply/v1", "total": 4}, "report": {"counts": {"accepted": 1, "baseline": 0, "critical": 0, "gone": 0, "gone_findings": 0, "major": 2, "not_checked": 0, "parts_not_checked": 0, "passed": 0, "targets": 2, "targets_checked": 2, "trivial": 0}, "finished": "2026-11-30T20:45:01.879193Z", "next": "", "notice": "", "results": [{"check": "postgresql_super_role", "family": "postgresql", "findings": [{"accepted": null, "description": "", "evidence": [], "id": "f_dwbfzupuglsq", "labels": {}, "object": "app", "read_more_url": "", "remediation": "", "said_severity": null, "severity": "major", "since": "2026-11-30T20:45:01.857885Z", "summary": "app has no password"}], "kind": null, "outcome": "failed", "parts_not_checked": [], "reason": "", "site": "eu-west", "target": "p1"}, {"check": "mysql_empty_password", "family": "mysql", "findings": [{"accepted": {"baseline": false, "by": "ann", "exception": "x_dkzv2hnayxxn", "reason": "CHG-4411", "until": "2026-12-30"}, "description": "", "evidence": [], "id": "f_ehygycvo4ze6", "labels": {}, "object": "'app'@'%'", "read_more_url": "", "remediation": "", "said_severity": null, "severity": "critical", "since": "2026-11-30T20:45:01.814465Z", "summary": "'app'@'%' has no password"}, {"accepted": null, "description": "", "evidence": [], "id": "f_f2gsyenytqep", "labels": {}, "object": "'new'@'%'", "read_more_url": "", "remediation": "", "said_severity": null, "severity": "major", "since": "2026-11-30T20:45:01.857984Z", "summary": "'new'@'%' has no password"}], "kind": null, "outcome": "failed", "parts_not_checked": [], "reason": "", "site": "eu-west", "target": "t1"}], "run_id": "manual-20261130t204501z", "schema": "stt.control.report-reply/v1", "started": "2026-11-30T20:45:01.851807Z"}, "runs": {"next": "", "runs": [{"done": 2, "finished": "2026-11-30T20:45:01.879193Z", "jobs": 2, "number": 2, "reason": "", "requested_by": "ann", "run_id": "manual-20261130t204501z", "schedule": "manual", "slot": "2026-11-30T20:45:01Z", "started": "2026-11-30T20:45:01.851807Z", "state": "finished", "unanswered": 0}, {"done": 2, "finished": "2026-11-30T20:45:01.818991Z", "jobs": 2, "number": 1, "reason": "CHG-4411", "requested_by": "ann", "run_id": "enable-20261130t204501z", "schedule": "enable", "slot": "2026-11-30T20:45:01Z", "started": "2026-11-30T20:45:01.786542Z", "state": "finished", "unanswered": 0}], "schema": "stt.control.runs-reply/v1"}, "targets": {"next": "", "schema": "stt.control.targets-reply/v1", "targets": [{"claims": [], "facts": {"build": "", "flavour": "mysql", "provider": "self-managed", "role": "", "version": [8, 4, 6], "version_text": "8.4.6"}, "family": "postgresql", "kind": null, "labels": {}, "last_checked": "2026-11-30T20:45:01.857885Z", "never_run": 0, "parts_not_checked": [], "reason": "", "site": "eu-west", "state": "checked", "target": "p1", "workers": ["w1"]}, {"claims": [], "facts": {"build": "", "flavour": "mysql", "provider": "self-managed", "role": "", "version": [8, 4, 6], "version_text": "8.4.6"}, "family": "mysql", "kind": null, "labels": {}, "last_checked": "2026-11-30T20:45:01.857984Z", "never_run": 0, "parts_not_checked": [], "reason": "", "site": "eu-west", "state": "checked", "target": "t1", "workers": ["w1"]}]}}
BEGIN;
CREATE TABLE runs (
    run_id   TEXT PRIMARY KEY,
    schedule TEXT NOT NULL,
    slot     TEXT NOT NULL,
    state    TEXT NOT NULL,
    data     BLOB NOT NULL
, number INTEGER NOT NULL DEFAULT 0);
CREATE TABLE slots (
    schedule TEXT PRIMARY KEY,
    slot     TEXT NOT NULL
);
CREATE TABLE jobs (
    position   INTEGER PRIMARY KEY AUTOINCREMENT,
    job_id     TEXT NOT NULL UNIQUE,
    run_id     TEXT NOT NULL,
    target     TEXT NOT NULL,
    state      TEXT NOT NULL,
    follows    TEXT NOT NULL,
    deadline   TEXT NOT NULL,
    not_before TEXT NOT NULL,
    data       BLOB NOT NULL
, counts TEXT, failed BLOB);
CREATE INDEX jobs_by_run ON jobs (run_id, target);
CREATE INDEX jobs_by_run_and_state ON jobs (run_id, state);
CREATE INDEX jobs_outstanding ON jobs (target, position) WHERE state IN ('pending', 'dispatched');
CREATE INDEX jobs_pending ON jobs (position) WHERE state = 'pending';
CREATE INDEX jobs_by_deadline ON jobs (deadline) WHERE state IN ('pending', 'dispatched');
CREATE INDEX jobs_by_followed ON jobs (follows) WHERE follows <> '';
CREATE TABLE results (
    worker   TEXT NOT NULL,
    epoch    TEXT NOT NULL,
    sequence INTEGER NOT NULL,
    job_id   TEXT NOT NULL,
    received TEXT NOT NULL,
    data     BLOB NOT NULL, content TEXT NOT NULL DEFAULT '',
    PRIMARY KEY (worker, epoch, sequence)
);
CREATE INDEX results_by_age ON results (received);
CREATE TABLE watermarks (
    worker   TEXT NOT NULL,
    epoch    TEXT NOT NULL,
    sequence INTEGER NOT NULL,
    at       TEXT NOT NULL,
    PRIMARY KEY (worker, epoch)
);
CREATE TABLE pairs (
    target     TEXT NOT NULL,
    check_name TEXT NOT NULL,
    site       TEXT NOT NULL,
    outcome    TEXT NOT NULL,
    kind       TEXT NOT NULL,
    data       BLOB NOT NULL, parts TEXT NOT NULL DEFAULT '',
    PRIMARY KEY (target, check_name)
) WITHOUT ROWID;
CREATE TABLE findings (
    id         TEXT PRIMARY KEY,
    target     TEXT NOT NULL,
    family     TEXT NOT NULL,
    site       TEXT NOT NULL,
    check_name TEXT NOT NULL,
    state      TEXT NOT NULL,
    severity   TEXT NOT NULL,
    since      TEXT NOT NULL,
    resolved   TEXT NOT NULL,
    data       BLOB NOT NULL
, accepted TEXT NOT NULL DEFAULT '');
CREATE INDEX findings_by_target ON findings (target);
CREATE TABLE history (
    position INTEGER PRIMARY KEY AUTOINCREMENT,
    finding  TEXT NOT NULL,
    at       TEXT NOT NULL,
    data     BLOB NOT NULL
);
CREATE INDEX history_by_finding ON history (finding, position);
CREATE INDEX history_by_age ON history (at, position);
CREATE TABLE targets (
    target  TEXT PRIMARY KEY,
    family  TEXT NOT NULL,
    site    TEXT NOT NULL,
    gone    INTEGER NOT NULL,
    learned INTEGER NOT NULL,
    state   TEXT NOT NULL,
    data    BLOB NOT NULL
, awaits_run INTEGER NOT NULL DEFAULT 0, last_started TEXT NOT NULL DEFAULT '', last_checked TEXT NOT NULL DEFAULT '');
CREATE TABLE workers (
    worker TEXT PRIMARY KEY,
    data   BLOB NOT NULL
);
CREATE TABLE checks (
    check_name TEXT PRIMARY KEY,
    family     TEXT NOT NULL,
    enabled    INTEGER NOT NULL,
    data       BLOB NOT NULL
);
CREATE TABLE control (
    only_row INTEGER PRIMARY KEY CHECK (only_row = 1),
    data     BLOB NOT NULL
, sequence BIGINT NOT NULL DEFAULT 0);
CREATE TABLE counts (
    hour TEXT PRIMARY KEY,
    at   TEXT NOT NULL,
    data BLOB NOT NULL
);
CREATE TABLE outbox (
    position   INTEGER PRIMARY KEY AUTOINCREMENT,
    subject    TEXT NOT NULL,
    message_id TEXT NOT NULL,
    data       BLOB NOT NULL
);
CREATE TABLE rejected (
    position INTEGER PRIMARY KEY AUTOINCREMENT,
    code     TEXT NOT NULL,
    reason   TEXT NOT NULL,
    subject  TEXT NOT NULL,
    at       TEXT NOT NULL,
    data     BLOB NOT NULL
);
CREATE TABLE exceptions (
    id       TEXT PRIMARY KEY,
    live     INTEGER NOT NULL,
    outcome  TEXT NOT NULL,
    target   TEXT NOT NULL,
    accepts  INTEGER NOT NULL,
    until    TEXT NOT NULL,
    due      TEXT NOT NULL,
    created  TEXT NOT NULL,
    data     BLOB NOT NULL
);
CREATE INDEX exceptions_live ON exceptions (target) WHERE live;
CREATE INDEX exceptions_due ON exceptions (due) WHERE live AND due <> '';
CREATE INDEX exceptions_ending ON exceptions (until) WHERE live AND accepts;
CREATE INDEX exceptions_by_age ON exceptions (created, id);
CREATE INDEX exceptions_by_outcome ON exceptions (outcome, created, id);
CREATE TABLE cursors (
    name     TEXT PRIMARY KEY,
    position INTEGER NOT NULL
);
CREATE TABLE audit (
    position INTEGER PRIMARY KEY AUTOINCREMENT,
    at       TEXT NOT NULL,
    data     BLOB NOT NULL
);
CREATE INDEX audit_by_age ON audit (at);
CREATE TABLE daily (
    day      TEXT NOT NULL,
    severity TEXT NOT NULL,
    open     INTEGER,
    counted  TEXT NOT NULL DEFAULT '',
    opened   INTEGER NOT NULL DEFAULT 0,
    resolved INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (day, severity)
) WITHOUT ROWID;
CREATE TABLE fixes (
    day      TEXT NOT NULL,
    severity TEXT NOT NULL,
    minutes  INTEGER NOT NULL,
    number   INTEGER NOT NULL,
    PRIMARY KEY (day, severity, minutes)
) WITHOUT ROWID;
CREATE INDEX rejected_by_age ON rejected (at);
CREATE INDEX findings_resolved ON findings (resolved) WHERE state = 'resolved';
CREATE INDEX targets_unchecked ON targets (target) WHERE state = 'unchecked';
CREATE INDEX findings_in_order ON findings (
    CASE severity WHEN 'critical' THEN 0 WHEN 'major' THEN 1 ELSE 2 END, since, id,
    state, accepted, severity, family, site, target, check_name
);
CREATE INDEX jobs_open ON jobs (position) WHERE state IN ('pending', 'dispatched') AND follows = '';
CREATE INDEX counts_by_age ON counts (at);
CREATE INDEX targets_present ON targets (target, site, family, learned) WHERE NOT gone;
CREATE INDEX checks_enabled ON checks (check_name) WHERE enabled;
CREATE INDEX pairs_with_parts ON pairs (target, check_name) WHERE parts <> '';
CREATE TABLE write_probe (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    at TEXT NOT NULL
);
CREATE TABLE sequences (
    name TEXT PRIMARY KEY,
    last INTEGER NOT NULL
);
CREATE UNIQUE INDEX runs_in_order ON runs (number);
CREATE INDEX runs_going_on ON runs (number) WHERE state = 'running';
CREATE INDEX runs_finished ON runs (schedule, number) WHERE state = 'finished';
CREATE INDEX runs_by_slot ON runs (slot);
CREATE TABLE upgrades (
    what TEXT PRIMARY KEY,
    at   TEXT NOT NULL
);
CREATE TABLE store_identity (
    id    INTEGER PRIMARY KEY CHECK (id = 1),
    store TEXT NOT NULL
);
CREATE INDEX targets_gone ON targets (target, site, family) WHERE gone;
CREATE VIEW gone_findings_in_order AS
SELECT * FROM findings INDEXED BY findings_in_order
WHERE state <> 'resolved'
    AND +target IN (SELECT target FROM targets WHERE gone)
    AND +check_name IN (SELECT check_name FROM checks WHERE enabled);
CREATE TABLE clock (
    only_row INTEGER PRIMARY KEY CHECK (only_row = 1),
    data     BLOB NOT NULL
);
CREATE INDEX targets_awaiting ON targets (target) WHERE awaits_run AND NOT gone;
CREATE TABLE kept_counts (
    state  TEXT NOT NULL,
    site   TEXT NOT NULL,
    family TEXT NOT NULL,
    detail TEXT NOT NULL,
    target TEXT NOT NULL,
    number INTEGER NOT NULL,
    PRIMARY KEY (state, site, family, detail, target)
) WITHOUT ROWID;
CREATE INDEX kept_counts_by_target ON kept_counts (target, state, number);
CREATE INDEX targets_counted ON targets
    (site, family, state, learned, last_started, last_checked) WHERE NOT gone;
CREATE VIEW current_pairs AS
SELECT * FROM pairs
WHERE target NOT IN (SELECT target FROM targets WHERE gone)
    AND +check_name IN (SELECT check_name FROM checks WHERE enabled);
CREATE INDEX findings_by_check ON findings
    (check_name, target, severity, accepted, site, family, state) WHERE state <> 'resolved';
CREATE VIEW current_findings AS
SELECT * FROM findings INDEXED BY findings_by_check
WHERE state <> 'resolved' AND accepted = ''
    AND +target NOT IN (SELECT target FROM targets WHERE gone)
    AND +check_name IN (SELECT check_name FROM checks WHERE enabled);
CREATE VIEW current_findings_in_order AS
SELECT * FROM findings INDEXED BY findings_in_order
WHERE state <> 'resolved' AND accepted = ''
    AND +target NOT IN (SELECT target FROM targets WHERE gone)
    AND +check_name IN (SELECT check_name FROM checks WHERE enabled);
CREATE VIEW accepted_findings_in_order AS
SELECT * FROM findings INDEXED BY findings_in_order
WHERE state <> 'resolved' AND accepted <> ''
    AND +target NOT IN (SELECT target FROM targets WHERE gone)
    AND +check_name IN (SELECT check_name FROM checks WHERE enabled);
CREATE VIEW current_parts AS
SELECT target, json_extract(each.value, '$.name') AS name, site, min(each.value) AS part
FROM pairs INDEXED BY pairs_with_parts, json_each(pairs.parts) AS each
WHERE parts <> ''
    AND +target NOT IN (SELECT target FROM targets WHERE gone)
    AND +check_name IN (SELECT check_name FROM checks WHERE enabled)
GROUP BY target, name;
CREATE TABLE write_epoch (
    id    INTEGER PRIMARY KEY CHECK (id = 1),
    epoch INTEGER NOT NULL
, installation TEXT NOT NULL DEFAULT '');
CREATE TABLE outcome_sums (
    outcome TEXT NOT NULL,
    site    TEXT NOT NULL,
    family  TEXT NOT NULL,
    kind    TEXT NOT NULL,
    slot    INTEGER NOT NULL,
    number  INTEGER NOT NULL,
    PRIMARY KEY (outcome, site, family, kind, slot)
) WITHOUT ROWID;
CREATE TABLE finding_sums (
    state      TEXT NOT NULL,
    check_name TEXT NOT NULL,
    site       TEXT NOT NULL,
    family     TEXT NOT NULL,
    severities INTEGER NOT NULL,
    slot       INTEGER NOT NULL,
    targets    INTEGER NOT NULL,
    critical   INTEGER NOT NULL,
    major      INTEGER NOT NULL,
    trivial    INTEGER NOT NULL,
    PRIMARY KEY (state, check_name, site, family, severities, slot)
) WITHOUT ROWID;
CREATE INDEX findings_accepted ON findings (accepted, state, target, check_name)
WHERE accepted <> '';
CREATE TABLE confirmed (
    target TEXT NOT NULL PRIMARY KEY,
    data   BLOB NOT NULL
);
CREATE TABLE sessions (
    position INTEGER PRIMARY KEY AUTOINCREMENT,
    digest   TEXT NOT NULL UNIQUE,
    holder   TEXT NOT NULL,
    ends     TEXT NOT NULL
);
CREATE TABLE login_failures (
    position INTEGER PRIMARY KEY AUTOINCREMENT,
    at       TEXT NOT NULL,
    origin   TEXT NOT NULL
);
CREATE TABLE form_keys (
    id       INTEGER PRIMARY KEY CHECK (id = 1),
    form_key TEXT NOT NULL
);
CREATE TABLE leader_report (
    id   INTEGER PRIMARY KEY CHECK (id = 1),
    data BLOB NOT NULL
);
CREATE TABLE checks_pack (
    id     INTEGER PRIMARY KEY CHECK (id = 1),
    digest TEXT NOT NULL
);
INSERT INTO runs VALUES ('enable-20261130t204501z', 'enable', '2026-11-30T20:45:01.000000Z', 'finished', CAST('{"run_id":"enable-20261130t204501z","schedule":"enable","slot":"2026-11-30T20:45:01Z","state":"finished","jobs":2,"done":2,"unanswered":0,"started":"2026-11-30T20:45:01.786542Z","finished":"2026-11-30T20:45:01.818991Z","reason":"CHG-4411","requested_by":"ann","number":1}' AS BLOB), 1);
INSERT INTO runs VALUES ('manual-20261130t204501z', 'manual', '2026-11-30T20:45:01.000000Z', 'finished', CAST('{"run_id":"manual-20261130t204501z","schedule":"manual","slot":"2026-11-30T20:45:01Z","state":"finished","jobs":2,"done":2,"unanswered":0,"started":"2026-11-30T20:45:01.851807Z","finished":"2026-11-30T20:45:01.879193Z","reason":"","requested_by":"ann","number":2}' AS BLOB), 2);
INSERT INTO slots VALUES ('enable', '2026-11-30T20:45:01.000000Z');
INSERT INTO slots VALUES ('manual', '2026-11-30T20:45:01.000000Z');
INSERT INTO jobs VALUES (1, 'enable-20261130t204501z.p1', 'enable-20261130t204501z', 'p1', 'done', '', '2026-11-30T20:50:01.813073Z', '2026-11-30T20:45:01.786542Z', CAST('{"job_id":"enable-20261130t204501z.p1","run_id":"enable-20261130t204501z","target":"p1","family":"postgresql","site":"eu-west","checks":[{"check":"postgresql_super_role","digest":"digest-of-postgresql_super_role"}],"created":"2026-11-30T20:45:01.786542Z","expires":"2026-12-01T20:45:01.786542Z","deadline":"2026-11-30T20:50:01.813073Z","not_before":"2026-11-30T20:45:01.786542Z","state":"done","dispatch":1,"pack":"","nonces":["b5f7f9226deff75fef430141cfe1e649"],"workers":["w1"],"follows":"","answered":1,"started":"2026-11-30T20:45:01.814374Z","executions":["w1 1-1-1"],"outcomes":[{"check":"postgresql_super_role","outcome":"error","digest":"","kind":"unreachable","reason":"connection refused","findings":[],"duration_ms":0.0,"parts_not_checked":[]}]}' AS BLOB), '{"critical":0,"major":0,"trivial":0,"passed":0,"not_checked":1,"targets":1,"targets_checked":0,"accepted":0,"parts_not_checked":0,"gone":0,"gone_findings":0,"baseline":0}', NULL);
INSERT INTO jobs VALUES (2, 'enable-20261130t204501z.t1', 'enable-20261130t204501z', 't1', 'done', '', '2026-11-30T20:50:01.813073Z', '2026-11-30T20:45:01.786542Z', CAST('{"job_id":"enable-20261130t204501z.t1","run_id":"enable-20261130t204501z","target":"t1","family":"mysql","site":"eu-west","checks":[{"check":"mysql_empty_password","digest":"digest-of-mysql_empty_password"},{"check":"mysql_version","digest":"digest-of-mysql_version"}],"created":"2026-11-30T20:45:01.786542Z","expires":"2026-12-01T20:45:01.786542Z","deadline":"2026-11-30T20:50:01.813073Z","not_before":"2026-11-30T20:45:01.786542Z","state":"done","dispatch":1,"pack":"","nonces":["9ab968f7a6e131e3d65cf48e8e64bed2"],"workers":["w1"],"follows":"","answered":1,"started":"2026-11-30T20:45:01.814465Z","executions":["w1 1-2-1"],"outcomes":[{"check":"mysql_empty_password","outcome":"failed","digest":"","kind":null,"reason":"","findings":[{"key":"''app''@''%''","severity":"critical","summary":"''app''@''%'' has no password","object":"''app''@''%''","description":"","remediation":"","read_more_url":"","evidence":[],"labels":{}},{"key":"''old''@''%''","severity":"critical","summary":"''old''@''%'' has no password","object":"''old''@''%''","description":"","remediation":"","read_more_url":"","evidence":[],"labels":{}}],"duration_ms":0.0,"parts_not_checked":[]},{"check":"mysql_version","outcome":"passed","digest":"","kind":null,"reason":"","findings":[],"duration_ms":0.0,"parts_not_checked":[]}]}' AS BLOB), '{"critical":2,"major":0,"trivial":0,"passed":1,"not_checked":0,"targets":1,"targets_checked":1,"accepted":0,"parts_not_checked":0,"gone":0,"gone_findings":0,"baseline":0}', CAST('{"target":"t1","site":"eu-west","checks":{"mysql_empty_password":[2,0,0]}}' AS BLOB));
INSERT INTO jobs VALUES (7, 'manual-20261130t204501z.p1', 'manual-20261130t204501z', 'p1', 'done', '', '2026-11-30T20:50:01.857737Z', '2026-11-30T20:45:01.851807Z', CAST('{"job_id":"manual-20261130t204501z.p1","run_id":"manual-20261130t204501z","target":"p1","family":"postgresql","site":"eu-west","checks":[{"check":"postgresql_super_role","digest":"digest-of-postgresql_super_role"}],"created":"2026-11-30T20:45:01.851807Z","expires":"2026-12-01T20:45:01.851807Z","deadline":"2026-11-30T20:50:01.857737Z","not_before":"2026-11-30T20:45:01.851807Z","state":"done","dispatch":1,"pack":"","nonces":["bfe696e442f6383c37765e51f84565f7"],"workers":["w1"],"follows":"","answered":1,"started":"2026-11-30T20:45:01.857885Z","executions":["w1 1-3-1"],"outcomes":[{"check":"postgresql_super_role","outcome":"failed","digest":"","kind":null,"reason":"","findings":[{"key":"app","severity":"major","summary":"app has no password","object":"app","description":"","remediation":"","read_more_url":"","evidence":[],"labels":{}}],"duration_ms":0.0,"parts_not_checked":[]}]}' AS BLOB), '{"critical":0,"major":1,"trivial":0,"passed":0,"not_checked":0,"targets":1,"targets_checked":1,"accepted":0,"parts_not_checked":0,"gone":0,"gone_findings":0,"baseline":0}', CAST('{"target":"p1","site":"eu-west","checks":{"postgresql_super_role":[0,1,0]}}' AS BLOB));
INSERT INTO jobs VALUES (8, 'manual-20261130t204501z.t1', 'manual-20261130t204501z', 't1', 'done', '', '2026-11-30T20:50:01.857737Z', '2026-11-30T20:45:01.851807Z', CAST('{"job_id":"manual-20261130t204501z.t1","run_id":"manual-20261130t204501z","target":"t1","family":"mysql","site":"eu-west","checks":[{"check":"mysql_empty_password","digest":"digest-of-mysql_empty_password"},{"check":"mysql_version","digest":"digest-of-mysql_version"}],"created":"2026-11-30T20:45:01.851807Z","expires":"2026-12-01T20:45:01.851807Z","deadline":"2026-11-30T20:50:01.857737Z","not_before":"2026-11-30T20:45:01.851807Z","state":"done","dispatch":1,"pack":"","nonces":["f0307ac8788fe972fa541c05895a2b8c"],"workers":["w1"],"follows":"","answered":1,"started":"2026-11-30T20:45:01.857984Z","executions":["w1 1-4-1"],"outcomes":[{"check":"mysql_empty_password","outcome":"failed","digest":"","kind":null,"reason":"","findings":[{"key":"''app''@''%''","severity":"critical","summary":"''app''@''%'' has no password","object":"''app''@''%''","description":"","remediation":"","read_more_url":"","evidence":[],"labels":{}},{"key":"''new''@''%''","severity":"major","summary":"''new''@''%'' has no password","object":"''new''@''%''","description":"","remediation":"","read_more_url":"","evidence":[],"labels":{}}],"duration_ms":0.0,"parts_not_checked":[]},{"check":"mysql_version","outcome":"passed","digest":"","kind":null,"reason":"","findings":[],"duration_ms":0.0,"parts_not_checked":[]}]}' AS BLOB), '{"critical":1,"major":1,"trivial":0,"passed":1,"not_checked":0,"targets":1,"targets_checked":1,"accepted":0,"parts_not_checked":0,"gone":0,"gone_findings":0,"baseline":0}', CAST('{"target":"t1","site":"eu-west","checks":{"mysql_empty_password":[1,1,0]}}' AS BLOB));
DELETE FROM sqlite_sequence;
INSERT INTO sqlite_sequence VALUES ('outbox', 27);
INSERT INTO sqlite_sequence VALUES ('audit', 5);
INSERT INTO sqlite_sequence VALUES ('jobs', 12);
INSERT INTO sqlite_sequence VALUES ('history', 6);
INSERT INTO results VALUES ('w1', 'e1', 1, 'enable-20261130t204501z.p1', '2026-11-30T20:45:01.818991Z', CAST('{"job_id":"enable-20261130t204501z.p1","run_id":"enable-20261130t204501z","dispatch":1,"execution":"1-1-1","target":"p1","family":"postgresql","site":"eu-west","worker":"w1","sequence":1,"epoch":"e1","started":"2026-11-30T20:45:01.814374Z","finished":"2026-11-30T20:45:01.814374Z","outcomes":[{"check":"postgresql_super_role","outcome":"error","digest":"","kind":"unreachable","reason":"connection refused","findings":[],"duration_ms":0.0,"parts_not_checked":[]}],"facts":{"flavour":"mysql","version":[8,4,6],"version_text":"8.4.6","provider":"self-managed","role":"","build":""},"nonce":"b5f7f9226deff75fef430141cfe1e649","left_out":"","oldest":0,"schema":"stt.result/v1"}' AS BLOB), 'e6f33143510219d727fae83422b352fc908347db2fd6cc2f18f15e311fd445cf');
INSERT INTO results VALUES ('w1', 'e1', 2, 'enable-20261130t204501z.t1', '2026-11-30T20:45:01.818991Z', CAST('{"job_id":"enable-20261130t204501z.t1","run_id":"enable-20261130t204501z","dispatch":1,"execution":"1-2-1","target":"t1","family":"mysql","site":"eu-west","worker":"w1","sequence":2,"epoch":"e1","started":"2026-11-30T20:45:01.814465Z","finished":"2026-11-30T20:45:01.814465Z","outcomes":[{"check":"mysql_empty_password","outcome":"failed","digest":"","kind":null,"reason":"","findings":[{"key":"''app''@''%''","severity":"critical","summary":"''app''@''%'' has no password","object":"''app''@''%''","description":"","remediation":"","read_more_url":"","evidence":[],"labels":{}},{"key":"''old''@''%''","severity":"critical","summary":"''old''@''%'' has no password","object":"''old''@''%''","description":"","remediation":"","read_more_url":"","evidence":[],"labels":{}}],"duration_ms":0.0,"parts_not_checked":[]},{"check":"mysql_version","outcome":"passed","digest":"","kind":null,"reason":"","findings":[],"duration_ms":0.0,"parts_not_checked":[]}],"facts":{"flavour":"mysql","version":[8,4,6],"version_text":"8.4.6","provider":"self-managed","role":"","build":""},"nonce":"9ab968f7a6e131e3d65cf48e8e64bed2","left_out":"","oldest":0,"schema":"stt.result/v1"}' AS BLOB), 'e8cd7ff9a19089f293e2907d39b204d4790f8abb17f84456267deec03fb84855');
INSERT INTO results VALUES ('w1', 'e1', 3, 'manual-20261130t204501z.p1', '2026-11-30T20:45:01.879193Z', CAST('{"job_id":"manual-20261130t204501z.p1","run_id":"manual-20261130t204501z","dispatch":1,"execution":"1-3-1","target":"p1","family":"postgresql","site":"eu-west","worker":"w1","sequence":3,"epoch":"e1","started":"2026-11-30T20:45:01.857885Z","finished":"2026-11-30T20:45:01.857885Z","outcomes":[{"check":"postgresql_super_role","outcome":"failed","digest":"","kind":null,"reason":"","findings":[{"key":"app","severity":"major","summary":"app has no password","object":"app","description":"","remediation":"","read_more_url":"","evidence":[],"labels":{}}],"duration_ms":0.0,"parts_not_checked":[]}],"facts":{"flavour":"mysql","version":[8,4,6],"version_text":"8.4.6","provider":"self-managed","role":"","build":""},"nonce":"bfe696e442f6383c37765e51f84565f7","left_out":"","oldest":0,"schema":"stt.result/v1"}' AS BLOB), 'f234e05d08157dad6059aefbf64b02f8c037d6b16bef99f41003dd191de93e1e');
INSERT INTO results VALUES ('w1', 'e1', 4, 'manual-20261130t204501z.t1', '2026-11-30T20:45:01.879193Z', CAST('{"job_id":"manual-20261130t204501z.t1","run_id":"manual-20261130t204501z","dispatch":1,"execution":"1-4-1","target":"t1","family":"mysql","site":"eu-west","worker":"w1","sequence":4,"epoch":"e1","started":"2026-11-30T20:45:01.857984Z","finished":"2026-11-30T20:45:01.857984Z","outcomes":[{"check":"mysql_empty_password","outcome":"failed","digest":"","kind":null,"reason":"","findings":[{"key":"''app''@''%''","severity":"critical","summary":"''app''@''%'' has no password","object":"''app''@''%''","description":"","remediation":"","read_more_url":"","evidence":[],"labels":{}},{"key":"''new''@''%''","severity":"major","summary":"''new''@''%'' has no password","object":"''new''@''%''","description":"","remediation":"","read_more_url":"","evidence":[],"labels":{}}],"duration_ms":0.0,"parts_not_checked":[]},{"check":"mysql_version","outcome":"passed","digest":"","kind":null,"reason":"","findings":[],"duration_ms":0.0,"parts_not_checked":[]}],"facts":{"flavour":"mysql","version":[8,4,6],"version_text":"8.4.6","provider":"self-managed","role":"","build":""},"nonce":"f0307ac8788fe972fa541c05895a2b8c","left_out":"","oldest":0,"schema":"stt.result/v1"}' AS BLOB), 'ebd1c5fdae9296d01a01f419651f47799cf6dfeef8ab1564b891d8b0c348ff0d');
INSERT INTO watermarks VALUES ('w1', 'e1', 4, '2026-11-30T20:45:01.879193Z');
INSERT INTO pairs VALUES ('p1', 'postgresql_super_role', 'eu-west', 'failed', '', CAST('{"target":"p1","check":"postgresql_super_role","family":"postgresql","site":"eu-west","outcome":"failed","run_id":"manual-20261130t204501z","started":"2026-11-30T20:45:01.857885Z","finished":"2026-11-30T20:45:01.857885Z","kind":null,"reason":"","order":[2,1],"verdict":[2,1],"parts_not_checked":[]}' AS BLOB), '');
INSERT INTO pairs VALUES ('t1', 'mysql_empty_password', 'eu-west', 'failed', '', CAST('{"target":"t1","check":"mysql_empty_password","family":"mysql","site":"eu-west","outcome":"failed","run_id":"enable-20261130t204501z","started":"2026-11-30T20:45:01.814465Z","finished":"2026-11-30T20:45:01.814465Z","kind":null,"reason":"","order":[1,1],"verdict":[1,1],"parts_not_checked":[]}' AS BLOB), '');
INSERT INTO pairs VALUES ('t1', 'mysql_version', 'eu-west', 'passed', '', CAST('{"target":"t1","check":"mysql_version","family":"mysql","site":"eu-west","outcome":"passed","run_id":"enable-20261130t204501z","started":"2026-11-30T20:45:01.814465Z","finished":"2026-11-30T20:45:01.814465Z","kind":null,"reason":"","order":[1,1],"verdict":[1,1],"parts_not_checked":[]}' AS BLOB), '');
INSERT INTO findings VALUES ('f_2h5jyddyi2wm', 't1', 'mysql', 'eu-west', 'mysql_empty_password', 'resolved', 'critical', '2026-11-30T20:45:01.814465Z', '2026-11-30T20:45:01.857984Z', CAST('{"id":"f_2h5jyddyi2wm","target":"t1","family":"mysql","site":"eu-west","check":"mysql_empty_password","state":"resolved","severity":"critical","summary":"''old''@''%'' has no password","first_seen":"2026-11-30T20:45:01.814465Z","last_confirmed":"2026-11-30T20:45:01.814465Z","object":"''old''@''%''","description":"","remediation":"","read_more_url":"","evidence":[],"labels":{},"since":"2026-11-30T20:45:01.814465Z","resolved_at":"2026-11-30T20:45:01.857984Z","accepted":null,"said_severity":null}' AS BLOB), '');
INSERT INTO findings VALUES ('f_ehygycvo4ze6', 't1', 'mysql', 'eu-west', 'mysql_empty_password', 'open', 'critical', '2026-11-30T20:45:01.814465Z', '', CAST('{"id":"f_ehygycvo4ze6","target":"t1","family":"mysql","site":"eu-west","check":"mysql_empty_password","state":"open","severity":"critical","summary":"''app''@''%'' has no password","first_seen":"2026-11-30T20:45:01.814465Z","last_confirmed":"2026-11-30T20:45:01.814465Z","object":"''app''@''%''","description":"","remediation":"","read_more_url":"","evidence":[],"labels":{},"since":"2026-11-30T20:45:01.814465Z","resolved_at":null,"accepted":{"exception":"x_dkzv2hnayxxn","until":"2026-12-30","by":"ann","reason":"CHG-4411","baseline":false},"said_severity":null}' AS BLOB), 'x_dkzv2hnayxxn');
INSERT INTO findings VALUES ('f_dwbfzupuglsq', 'p1', 'postgresql', 'eu-west', 'postgresql_super_role', 'open', 'major', '2026-11-30T20:45:01.857885Z', '', CAST('{"id":"f_dwbfzupuglsq","target":"p1","family":"postgresql","site":"eu-west","check":"postgresql_super_role","state":"open","severity":"major","summary":"app has no password","first_seen":"2026-11-30T20:45:01.857885Z","last_confirmed":"2026-11-30T20:45:01.857885Z","object":"app","description":"","remediation":"","read_more_url":"","evidence":[],"labels":{},"since":"2026-11-30T20:45:01.857885Z","resolved_at":null,"accepted":null,"said_severity":null}' AS BLOB), '');
INSERT INTO findings VALUES ('f_f2gsyenytqep', 't1', 'mysql', 'eu-west', 'mysql_empty_password', 'open', 'major', '2026-11-30T20:45:01.857984Z', '', CAST('{"id":"f_f2gsyenytqep","target":"t1","family":"mysql","site":"eu-west","check":"mysql_empty_password","state":"open","severity":"major","summary":"''new''@''%'' has no password","first_seen":"2026-11-30T20:45:01.857984Z","last_confirmed":"2026-11-30T20:45:01.857984Z","object":"''new''@''%''","description":"","remediation":"","read_more_url":"","evidence":[],"labels":{},"since":"2026-11-30T20:45:01.857984Z","resolved_at":null,"accepted":null,"said_severity":null}' AS BLOB), '');
INSERT INTO history VALUES (1, 'f_ehygycvo4ze6', '2026-11-30T20:45:01.814465Z', CAST('{"change":"opened","at":"2026-11-30T20:45:01.814465Z","run_id":"enable-20261130t204501z","after":{"id":"f_ehygycvo4ze6","target":"t1","family":"mysql","site":"eu-west","check":"mysql_empty_password","state":"open","severity":"critical","summary":"''app''@''%'' has no password","first_seen":"2026-11-30T20:45:01.814465Z","last_confirmed":"2026-11-30T20:45:01.814465Z","object":"''app''@''%''","description":"","remediation":"","read_more_url":"","evidence":[],"labels":{},"since":"2026-11-30T20:45:01.814465Z","resolved_at":null,"accepted":null,"said_severity":null},"before":null,"by":"","reason":"","schema":"stt.event.finding/v1"}' AS BLOB));
INSERT INTO history VALUES (2, 'f_2h5jyddyi2wm', '2026-11-30T20:45:01.814465Z', CAST('{"change":"opened","at":"2026-11-30T20:45:01.814465Z","run_id":"enable-20261130t204501z","after":{"id":"f_2h5jyddyi2wm","target":"t1","family":"mysql","site":"eu-west","check":"mysql_empty_password","state":"open","severity":"critical","summary":"''old''@''%'' has no password","first_seen":"2026-11-30T20:45:01.814465Z","last_confirmed":"2026-11-30T20:45:01.814465Z","object":"''old''@''%''","description":"","remediation":"","read_more_url":"","evidence":[],"labels":{},"since":"2026-11-30T20:45:01.814465Z","resolved_at":null,"accepted":null,"said_severity":null},"before":null,"by":"","reason":"","schema":"stt.event.finding/v1"}' AS BLOB));
INSERT INTO history VALUES (3, 'f_ehygycvo4ze6', '2026-11-30T20:45:01.836966Z', CAST('{"change":"accepted","at":"2026-11-30T20:45:01.836966Z","run_id":"","after":{"id":"f_ehygycvo4ze6","target":"t1","family":"mysql","site":"eu-west","check":"mysql_empty_password","state":"open","severity":"critical","summary":"''app''@''%'' has no password","first_seen":"2026-11-30T20:45:01.814465Z","last_confirmed":"2026-11-30T20:45:01.814465Z","object":"''app''@''%''","description":"","remediation":"","read_more_url":"","evidence":[],"labels":{},"since":"2026-11-30T20:45:01.814465Z","resolved_at":null,"accepted":{"exception":"x_dkzv2hnayxxn","until":"2026-12-30","by":"ann","reason":"CHG-4411","baseline":false},"said_severity":null},"before":{"id":"f_ehygycvo4ze6","target":"t1","family":"mysql","site":"eu-west","check":"mysql_empty_password","state":"open","severity":"critical","summary":"''app''@''%'' has no password","first_seen":"2026-11-30T20:45:01.814465Z","last_confirmed":"2026-11-30T20:45:01.814465Z","object":"''app''@''%''","description":"","remediation":"","read_more_url":"","evidence":[],"labels":{},"since":"2026-11-30T20:45:01.814465Z","resolved_at":null,"accepted":null,"said_severity":null},"by":"ann","reason":"CHG-4411","schema":"stt.event.finding/v1"}' AS BLOB));
INSERT INTO history VALUES (4, 'f_dwbfzupuglsq', '2026-11-30T20:45:01.857885Z', CAST('{"change":"opened","at":"2026-11-30T20:45:01.857885Z","run_id":"manual-20261130t204501z","after":{"id":"f_dwbfzupuglsq","target":"p1","family":"postgresql","site":"eu-west","check":"postgresql_super_role","state":"open","severity":"major","summary":"app has no password","first_seen":"2026-11-30T20:45:01.857885Z","last_confirmed":"2026-11-30T20:45:01.857885Z","object":"app","description":"","remediation":"","read_more_url":"","evidence":[],"labels":{},"since":"2026-11-30T20:45:01.857885Z","resolved_at":null,"accepted":null,"said_severity":null},"before":null,"by":"","reason":"","schema":"stt.event.finding/v1"}' AS BLOB));
INSERT INTO history VALUES (5, 'f_2h5jyddyi2wm', '2026-11-30T20:45:01.857984Z', CAST('{"change":"resolved","at":"2026-11-30T20:45:01.857984Z","run_id":"manual-20261130t204501z","after":{"id":"f_2h5jyddyi2wm","target":"t1","family":"mysql","site":"eu-west","check":"mysql_empty_password","state":"resolved","severity":"critical","summary":"''old''@''%'' has no password","first_seen":"2026-11-30T20:45:01.814465Z","last_confirmed":"2026-11-30T20:45:01.814465Z","object":"''old''@''%''","description":"","remediation":"","read_more_url":"","evidence":[],"labels":{},"since":"2026-11-30T20:45:01.814465Z","resolved_at":"2026-11-30T20:45:01.857984Z","accepted":null,"said_severity":null},"before":{"id":"f_2h5jyddyi2wm","target":"t1","family":"mysql","site":"eu-west","check":"mysql_empty_password","state":"open","severity":"critical","summary":"''old''@''%'' has no password","first_seen":"2026-11-30T20:45:01.814465Z","last_confirmed":"2026-11-30T20:45:01.814465Z","object":"''old''@''%''","description":"","remediation":"","read_more_url":"","evidence":[],"labels":{},"since":"2026-11-30T20:45:01.814465Z","resolved_at":null,"accepted":null,"said_severity":null},"by":"","reason":"","schema":"stt.event.finding/v1"}' AS BLOB));
INSERT INTO history VALUES (6, 'f_f2gsyenytqep', '2026-11-30T20:45:01.857984Z', CAST('{"change":"opened","at":"2026-11-30T20:45:01.857984Z","run_id":"manual-20261130t204501z","after":{"id":"f_f2gsyenytqep","target":"t1","family":"mysql","site":"eu-west","check":"mysql_empty_password","state":"open","severity":"major","summary":"''new''@''%'' has no password","first_seen":"2026-11-30T20:45:01.857984Z","last_confirmed":"2026-11-30T20:45:01.857984Z","object":"''new''@''%''","description":"","remediation":"","read_more_url":"","evidence":[],"labels":{},"since":"2026-11-30T20:45:01.857984Z","resolved_at":null,"accepted":null,"said_severity":null},"before":null,"by":"","reason":"","schema":"stt.event.finding/v1"}' AS BLOB));
INSERT INTO targets VALUES ('p1', 'postgresql', 'eu-west', 0, 1, 'checked', CAST('{"target":"p1","family":"postgresql","site":"eu-west","first_seen":"2026-11-30T20:45:01.706919Z","labels":{},"workers":["w1"],"gone":false,"claims":[],"awaits_run":false,"order":[2,1],"last_started":"2026-11-30T20:45:01.857885Z","learned":true,"last_checked":"2026-11-30T20:45:01.857885Z","kind":null,"reason":"","facts":{"flavour":"mysql","version":[8,4,6],"version_text":"8.4.6","provider":"self-managed","role":"","build":""}}' AS BLOB), 0, '2026-11-30T20:45:01.857885Z', '2026-11-30T20:45:01.857885Z');
INSERT INTO targets VALUES ('t1', 'mysql', 'eu-west', 0, 1, 'checked', CAST('{"target":"t1","family":"mysql","site":"eu-west","first_seen":"2026-11-30T20:45:01.706919Z","labels":{},"workers":["w1"],"gone":false,"claims":[],"awaits_run":false,"order":[2,1],"last_started":"2026-11-30T20:45:01.857984Z","learned":true,"last_checked":"2026-11-30T20:45:01.857984Z","kind":null,"reason":"","facts":{"flavour":"mysql","version":[8,4,6],"version_text":"8.4.6","provider":"self-managed","role":"","build":""}}' AS BLOB), 0, '2026-11-30T20:45:01.857984Z', '2026-11-30T20:45:01.857984Z');
INSERT INTO workers VALUES ('w1', CAST('{"worker":"w1","site":"eu-west","state":"up","version":"1","started":"2026-11-23T16:30:00Z","last_heard":"2026-11-30T20:45:02.241377Z","targets":2,"pack":"","running":0,"concurrency":1,"outbox":0,"packs":[],"refused_pack":"","allow_unsigned":false,"epoch":"e1"}' AS BLOB));
INSERT INTO checks VALUES ('mysql_empty_password', 'mysql', 1, CAST('{"check":"mysql_empty_password","family":"mysql","summary":"Check mysql_empty_password","interval":"standard","digest":"digest-of-mysql_empty_password","enabled":true,"category":""}' AS BLOB));
INSERT INTO checks VALUES ('mysql_version', 'mysql', 0, CAST('{"check":"mysql_version","family":"mysql","summary":"Check mysql_version","interval":"rare","digest":"digest-of-mysql_version","enabled":false,"category":""}' AS BLOB));
INSERT INTO checks VALUES ('postgresql_super_role', 'postgresql', 1, CAST('{"check":"postgresql_super_role","family":"postgresql","summary":"Check postgresql_super_role","interval":"standard","digest":"digest-of-postgresql_super_role","enabled":true,"category":""}' AS BLOB));
INSERT INTO control VALUES (1, CAST('{"enabled":false,"since":"2026-11-30T20:45:02.085971Z","by":"ann","reason":"CHG-4411","disabled_checks":["mysql_version"],"schema":"stt.control/v1"}' AS BLOB), 4);
INSERT INTO counts VALUES ('2026-11-30T20:00:00.000000Z', '2026-11-30T20:45:02.120917Z', CAST('{"critical":0,"major":2,"trivial":0,"passed":0,"not_checked":0,"targets":2,"targets_checked":2,"accepted":1,"parts_not_checked":0,"gone":0,"gone_findings":0,"baseline":0}' AS BLOB));
INSERT INTO exceptions VALUES ('x_dkzv2hnayxxn', 1, 'live', 't1', 1, '2026-12-30', '2026-12-24T00:00:00.000000Z', '2026-11-30T20:45:01.836966Z', CAST('{"id":"x_dkzv2hnayxxn","reason":"CHG-4411","by":"ann","created":"2026-11-30T20:45:01.836966Z","finding":"f_ehygycvo4ze6","check":"mysql_empty_password","target":"t1","label":"","site":"","severity":null,"until":"2026-12-30","imported_by":"","reminded":null,"ended":null,"revoked":null,"revoked_by":"","revoked_reason":""}' AS BLOB));
INSERT INTO audit VALUES (1, '2026-11-30T20:45:01.773838Z', CAST('{"at":"2026-11-30T20:45:01.773838Z","by":"ann","way":"cli","did":"enable","what":"","reason":"CHG-4411","role":null}' AS BLOB));
INSERT INTO audit VALUES (2, '2026-11-30T20:45:01.846559Z', CAST('{"at":"2026-11-30T20:45:01.846559Z","by":"ann","way":"cli","did":"accept","what":"x_dkzv2hnayxxn: f_ehygycvo4ze6 (mysql_empty_password on t1)","reason":"CHG-4411","role":null}' AS BLOB));
INSERT INTO audit VALUES (3, '2026-11-30T20:45:01.856850Z', CAST('{"at":"2026-11-30T20:45:01.856850Z","by":"ann","way":"cli","did":"run","what":"manual-20261130t204501z","reason":"","role":null}' AS BLOB));
INSERT INTO audit VALUES (4, '2026-11-30T20:45:02.060737Z', CAST('{"at":"2026-11-30T20:45:02.060737Z","by":"ann","way":"cli","did":"check-disable","what":"mysql_version","reason":"CHG-4411","role":null}' AS BLOB));
INSERT INTO audit VALUES (5, '2026-11-30T20:45:02.112047Z', CAST('{"at":"2026-11-30T20:45:02.112047Z","by":"ann","way":"cli","did":"disable","what":"","reason":"CHG-4411","role":null}' AS BLOB));
INSERT INTO daily VALUES ('2026-11-30', 'critical', 0, '2026-11-30T20:45:02.120917Z', 2, 1);
INSERT INTO daily VALUES ('2026-11-30', 'major', 2, '2026-11-30T20:45:02.120917Z', 2, 0);
INSERT INTO daily VALUES ('2026-11-30', 'trivial', 0, '2026-11-30T20:45:02.120917Z', 0, 0);
INSERT INTO fixes VALUES ('2026-11-30', 'critical', 0, 1);
INSERT INTO sequences VALUES ('runs', 2);
INSERT INTO store_identity VALUES (1, '854e1864c3586413c2076ed6e09e3fcd');
INSERT INTO clock VALUES (1, CAST('{"reading":{"wall":"2026-11-30T20:45:01.408353Z","broker":"2026-11-30T20:45:01.408349Z","uptime_s":2865.622838731,"boot":"9d5a3263-21ea-4cc1-be2b-ed176bd55aea"},"mark":"2026-11-30T20:45:01.408353Z"}' AS BLOB));
INSERT INTO kept_counts VALUES ('failed', 'eu-west', 'postgresql', '', 'p1', 1);
INSERT INTO kept_counts VALUES ('open', 'eu-west', 'postgresql', 'major', 'p1', 1);
INSERT INTO kept_counts VALUES ('accepted', 'eu-west', 'mysql', 'critical', 't1', 1);
INSERT INTO kept_counts VALUES ('failed', 'eu-west', 'mysql', '', 't1', 1);
INSERT INTO kept_counts VALUES ('open', 'eu-west', 'mysql', 'major', 't1', 1);
INSERT INTO write_epoch VALUES (1, 0, '');
INSERT INTO outcome_sums VALUES ('error', 'eu-west', 'postgresql', 'unreachable', 0, 0);
INSERT INTO outcome_sums VALUES ('failed', 'eu-west', 'mysql', '', 0, 1);
INSERT INTO outcome_sums VALUES ('failed', 'eu-west', 'postgresql', '', 0, 1);
INSERT INTO outcome_sums VALUES ('passed', 'eu-west', 'mysql', '', 0, 0);
INSERT INTO finding_sums VALUES ('accepted', 'mysql_empty_password', 'eu-west', 'mysql', 1, 0, 1, 1, 0, 0);
INSERT INTO finding_sums VALUES ('open', 'mysql_empty_password', 'eu-west', 'mysql', 1, 0, 0, 0, 0, 0);
INSERT INTO finding_sums VALUES ('open', 'mysql_empty_password', 'eu-west', 'mysql', 2, 0, 1, 0, 1, 0);
INSERT INTO finding_sums VALUES ('open', 'postgresql_super_role', 'eu-west', 'postgresql', 2, 0, 1, 0, 1, 0);
INSERT INTO finding_sums VALUES ('resolved', 'mysql_empty_password', 'eu-west', 'mysql', 1, 0, 0, 1, 0, 0);
INSERT INTO confirmed VALUES ('t1', CAST('{"answers":[{"run_id":"manual-20261130t204501z","started":"2026-11-30T20:45:01.857984Z","finished":"2026-11-30T20:45:01.857984Z","order":[2,1],"checks":["mysql_empty_password","mysql_version"],"findings":["f_ehygycvo4ze6"]}]}' AS BLOB));
INSERT INTO checks_pack VALUES (1, '');
PRAGMA user_version = 23;
COMMIT;
