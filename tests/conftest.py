"""One hypothesis profile for all: noisy machines must not fail a test by being slow."""

from hypothesis import HealthCheck, settings

settings.register_profile("serinus", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("serinus")
