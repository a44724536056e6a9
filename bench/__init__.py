"""Benchmarks: `make bench` runs all, `make bench ARGS="name"` one. See `bench.registry` for how to add one."""
