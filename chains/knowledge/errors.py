"""What can go wrong with documents and their index.

```
CovenantError
├── BadRequestError
│   └── UnreadableDocumentError   this file or line is no document we can read; others can
└── ServiceUnavailableError
    └── BrokenIndexError          there is an index, and it cannot be used
```

Messages name files and reasons, never what a document says.
"""

from chains.errors import BadRequestError, ServiceUnavailableError


class UnreadableDocumentError(BadRequestError):
    """A document cannot be read; the message says why."""


class BrokenIndexError(ServiceUnavailableError):
    """An index version is damaged or of another format; the message says what to type."""
