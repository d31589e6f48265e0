"""The public interface for scripts, on which the command line is a thin layer; docs/api.md describes it."""
