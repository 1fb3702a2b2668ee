"""Random platforms, the operator's judgement of them, and an independent one: `python -m tests.simulation.cleanup`."""
