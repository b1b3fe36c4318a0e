"""HTTP, people and money around the chain. Start at `api.app`."""
