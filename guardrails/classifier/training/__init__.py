"""Training of the L1 classifier: scripts that run in their own environment, never at run time."""
