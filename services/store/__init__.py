"""transaction(), and the one writer that turns a Transition into rows."""
