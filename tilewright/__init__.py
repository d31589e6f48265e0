"""Tilewright generates, proves, models and schedules edge-AI accelerators."""

__version__ = "0.1.0"
