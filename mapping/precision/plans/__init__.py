"""Plans of precision: which format each matrix of a model is stored in, measured and searched on its real weights."""
