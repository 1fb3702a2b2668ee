"""kopf's events, handed to our queues; no logic. With `main` and `tuning` the only place that knows kopf."""
