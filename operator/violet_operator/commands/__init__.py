"""The commands of `violet-operator` beside `run`: offline, on local files, with the operator's own code."""
