"""One module a group of paths; `api.app` mounts them."""
