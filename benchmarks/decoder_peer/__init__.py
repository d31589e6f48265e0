"""The float64 reference of decoders beside a runtime by others, CTranslate2."""
