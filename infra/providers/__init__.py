"""Payment providers as their public documents describe them, for tests and for a stack that must not call the real ones."""
