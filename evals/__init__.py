"""Evaluation suites: Task, Sample, Solver, Scorer, Metric, Report."""
