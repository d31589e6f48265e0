"""Multiply-accumulate with several formats, several lanes a word."""
