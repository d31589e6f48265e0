"""The SIMD MAC: multiply-accumulate in several formats, with several lanes in a word."""
