"""Access to Qwen: which endpoint there is, the streaming client, the embedded server."""
