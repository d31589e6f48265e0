"""Exploration: designs of a space, estimated by the million; the Pareto front of those that the exact model has run."""
