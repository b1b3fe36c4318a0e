"""The knowledge base: documents read, split and indexed, and passages found for a question.

`retriever` finds; `sync` brings an index up to date with folders of documents; `builder` writes a
version of it, `shelf` swaps versions under running services.
"""
