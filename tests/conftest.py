"""One profile for hypothesis: no deadlines (the first call of a kernel compiles it), the same examples every run."""

from hypothesis import HealthCheck, settings

settings.register_profile(
    "project", deadline=None, max_examples=50, derandomize=True, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("project")
