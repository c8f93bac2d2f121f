"""The clock: APScheduler jobs that sweep alarms, send messages, resume waits and keep seasons running."""
