"""The laptop's AWS: ministack, made into what the lake needs."""
