"""`python -m api.cli` is `covenant`."""

from api.cli.main import run

if __name__ == "__main__":
    run()
