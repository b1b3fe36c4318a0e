"""The `covenant` command line. Start at `api.cli.main`."""
