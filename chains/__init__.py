"""The path of one message, from a person's words to checked, cited windows of an answer.

Start at `chains.chat`. Knows no web and no environment.
"""
