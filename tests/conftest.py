"""One profile for hypothesis: no deadlines (the first call of a kernel compiles it), the same examples every run."""

import pytest
from hypothesis import HealthCheck, settings

settings.register_profile(
    "project", deadline=None, max_examples=50, derandomize=True, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("project")


@pytest.fixture(autouse=True)
def _seeded():
    """Weights, shuffling and dropout start from one seed in every test: a failure is the same when it is run again."""
    from convnet.utils import set_random_seed

    set_random_seed(0)
