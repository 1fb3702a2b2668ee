"""Measurements behind the design's choices: real parts, fixed inputs, rivals in the same run, ratios reported.

Nothing here asserts a time: machines differ. Results with their date are kept in docs/benchmarks.md.
"""
