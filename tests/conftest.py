"""Settings of all tests: a machine that is slow or busy fails none of them."""

from hypothesis import settings

settings.register_profile("without deadline", deadline=None)
settings.load_profile("without deadline")
