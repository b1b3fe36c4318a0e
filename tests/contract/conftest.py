"""The contract is tested against the real application with a scripted backend."""

from tests.api.conftest import backend, person, redis, redis_url, service, settings

__all__ = ["backend", "person", "redis", "redis_url", "service", "settings"]
