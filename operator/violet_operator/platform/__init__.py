"""The Platform flow: where packages go, and whether the way in works."""
