"""Small tools without domain knowledge."""
