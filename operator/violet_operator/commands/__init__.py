"""Commands for people at a shell: one module each, on the same code as the operator."""
