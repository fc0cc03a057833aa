"""What the lake is measured by: `python -m benchmarks` runs all of it and writes docs/benchmarks.md."""
