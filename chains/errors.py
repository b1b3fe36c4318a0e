"""What can go wrong on the path of a message.

```
CovenantError                      code
├── BadRequestError                bad_request
├── AuthenticationError            authentication
│   └── ForbiddenError             forbidden
├── NotFoundError                  not_found
├── ConflictError                  conflict
├── RateLimitError                 rate_limited
├── BudgetExceededError            budget_exhausted
├── ServiceUnavailableError        service_unavailable
│   ├── ModelUnavailableError      (no endpoint, refused, 5xx, 429, timeouts before the first token)
│   └── ModelInterruptedError      (the stream died after its first token)
├── ConstitutionalViolationError   constitutional_violation
└── InternalError                  internal
```

Messages are written for people and never hold anybody's text, a prompt, a key or a URL with a
password. Foreign errors are mapped where they enter: `chains.qwen.client` for the model's,
`api.problems` for everything that leaves over HTTP.
"""

from datetime import timedelta
from typing import ClassVar


class CovenantError(Exception):
    """Base of every error this project raises on purpose."""

    code: ClassVar[str] = "internal"
    """Stable machine-readable name, part of the HTTP contract."""

    def __init__(self, message: str, *, retry_after: timedelta | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.retry_after = retry_after
        """When another try is worth it; None where it is not known or not useful."""


class BadRequestError(CovenantError):
    """The request is malformed; `fields` names what and why, without quoting it."""

    code = "bad_request"

    def __init__(
        self,
        message: str,
        *,
        fields: tuple[tuple[str, str], ...] = (),
        too_large: bool = False,
    ) -> None:
        super().__init__(message)
        self.fields = fields
        """(field, reason) pairs."""
        self.too_large = too_large


class AuthenticationError(CovenantError):
    """There is no valid token."""

    code = "authentication"


class ForbiddenError(AuthenticationError):
    """The token is valid, its role is not enough."""

    code = "forbidden"


class NotFoundError(CovenantError):
    """Nothing of that name that this person may see."""

    code = "not_found"


class ConflictError(CovenantError):
    """The request contradicts the present state."""

    code = "conflict"


class RateLimitError(CovenantError):
    """Too many requests; `retry_after` says when the next one is welcome."""

    code = "rate_limited"


class BudgetExceededError(CovenantError):
    """A budget of tokens or USD is spent."""

    code = "budget_exhausted"

    def __init__(
        self, message: str, *, whole_service: bool, retry_after: timedelta | None = None
    ) -> None:
        super().__init__(message, retry_after=retry_after)
        self.whole_service = whole_service
        """Whether the service's budget or kill switch stopped it, not a person's quota."""


class ServiceUnavailableError(CovenantError):
    """Every rung of the fallback ladder failed."""

    code = "service_unavailable"


class ModelUnavailableError(ServiceUnavailableError):
    """The model gave nothing: another rung may still answer."""

    def __init__(
        self, message: str, *, retry_after: timedelta | None = None, status: int | None = None
    ) -> None:
        super().__init__(message, retry_after=retry_after)
        self.status = status
        """HTTP status the model's server answered; None where it answered none."""


class ModelInterruptedError(ServiceUnavailableError):
    """The model's stream ended early, after some of its answer had been read."""


class ConstitutionalViolationError(CovenantError):
    """A principle stops a text that is only stored (feedback, drafts).

    On chat endpoints a block is an answer, not a fault, and this is not raised.
    """

    code = "constitutional_violation"

    def __init__(self, message: str, *, principle_id: str, decision_id: str) -> None:
        super().__init__(message)
        self.principle_id = principle_id
        self.decision_id = decision_id


class InternalError(CovenantError):
    """A defect of ours. Its message never carries the cause."""
