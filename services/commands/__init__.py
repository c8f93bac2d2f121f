"""The `guantong` command's groups: one module per group, each with a Typer `app` that `services.cli` mounts."""
