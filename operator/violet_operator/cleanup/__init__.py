"""Deleting what nothing uses any more: gather, judge, plan; and the schedule that starts it.

In data-flow order: `schedule` says when, `gather` reads every cluster, `parse` makes `state` of it, `judge` decides by
`operators`, `plugins` and `protections`, `plan` and `summary` tell. Whatever is not known keeps its objects.
"""
