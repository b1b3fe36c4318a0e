"""Verdicts on text: layered rails that enforce a published constitution.

Knows no chain and no web. NeMo Guardrails looks for names of the `guardrails-ai` package in a
package called ``guardrails``, so this file stays a docstring and no module here is called
``errors`` or ``hub``.
"""
