"""The inside of the embedded server's process: ``python -m chains.qwen.embedded_server``.

Prints one JSON line on stdout when it serves: ``{"base_url", "api_key", "pid"}``, or exits with 1.
Ends at once on SIGTERM, and when its stdin ends: then its parent is gone.
"""

import argparse
import ctypes
import os
import secrets
import signal
import sys
import threading
from typing import Any

import orjson

_PR_SET_PDEATHSIG = 1
_MAX_ANSWER = 8192
"""Tokens no answer exceeds, whatever a request says."""


def main() -> None:
    """Serve until told to stop."""
    # Ctrl-C reaches every process of the terminal; the parent decides when this one ends.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    _end_with_parent()
    options = _options()
    key = secrets.token_urlsafe(32)
    try:
        # Held until the process ends: the server lives as long as the object.
        server = _serve(options, key)
    except RuntimeError:
        sys.exit(1)
    ready = {
        "base_url": f"{server.listening_address}/v1",
        "api_key": key,
        "pid": os.getpid(),
    }
    sys.stdout.write(orjson.dumps(ready).decode() + "\n")
    sys.stdout.flush()
    threading.Event().wait()


def _serve(options: argparse.Namespace, key: str) -> Any:
    import xllamacpp  # noqa: PLC0415 - a hundred megabytes, and only this process needs them

    params = xllamacpp.CommonParams()
    params.model.path = options.model
    params.model_alias = {options.alias}
    params.api_keys = [key]
    params.hostnames = ["127.0.0.1"]
    params.port = 0
    params.n_ctx = options.context
    params.n_parallel = options.slots
    params.kv_unified = True  # one long conversation may use the whole context
    params.n_predict = _MAX_ANSWER
    params.cpuparams.n_threads = options.threads
    params.cpuparams_batch.n_threads = options.threads
    params.cache_ram_mib = 0  # nobody's conversation is kept beyond its slot
    params.verbosity = 0  # its log may quote prompts
    params.offline = True
    params.ui = False
    params.endpoint_slots = False  # it shows prompts
    params.endpoint_props = False
    return xllamacpp.Server(params)


def _end_with_parent() -> None:
    """Arrange to end when the parent does, even if it is killed."""

    def watch() -> None:
        # Not sys.stdin: its lock would be held by this thread when the interpreter shuts down.
        while os.read(0, 1):
            pass
        os._exit(0)

    if sys.platform == "linux":
        parent = os.getppid()
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
        if os.getppid() != parent:
            sys.exit(0)
    threading.Thread(target=watch, daemon=True, name="parent watch").start()


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Serve a GGUF file with llama.cpp.")
    parser.add_argument("--model", required=True, help="path of the GGUF file")
    parser.add_argument("--alias", default="qwen", help="the model's name in answers")
    parser.add_argument("--context", type=int, default=8192, help="tokens shared by all slots")
    parser.add_argument("--slots", type=int, default=2, help="answers at the same time")
    parser.add_argument("--threads", type=int, default=_cores(), help="CPU threads")
    return parser.parse_args()


def _cores() -> int:
    """All but one: llama.cpp's threads wait for one another, and the service needs one too."""
    try:
        cores = len(os.sched_getaffinity(0))
    except AttributeError:  # not on macOS
        cores = os.cpu_count() or 1
    return max(1, cores - 1)


if __name__ == "__main__":
    main()
