"""The rules of one transaction: what results, answers, runs and suppressions change."""
