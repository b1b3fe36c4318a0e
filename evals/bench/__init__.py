"""The benchmark: a guarded chat beside its bare upstream and a plain LangChain relay.

`make bench` starts a paced upstream, each target in turn, and an open-loop load; it prints a table
and, with `--json`, the raw figures. Start at `evals.bench.__main__`.
"""
