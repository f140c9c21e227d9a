"""The local cloud: environments, layers, emulator, deployment, pages. Tooling only; nothing here is deployed."""
