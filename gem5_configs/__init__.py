"""Host cores and caches in gem5: scripts that gem5 runs (``gem5_*.py``), workloads in C, runs and their statistics."""
