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


@pytest.fixture(autouse=True, scope="session")
def _own_key_and_cache(tmp_path_factory):
    """Tests, and the commands they start, leave the user's key, decoded images and record of runs alone."""
    folder = tmp_path_factory.mktemp("user")
    (folder / "key").write_bytes(bytes(range(32)))
    (folder / "key").chmod(0o600)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("FORMULA_CONVNET_HELPER", "0")  # the tests themselves are two processes
        patch.setenv("FORMULA_CONVNET_KEY", str(folder / "key"))
        patch.setenv("FORMULA_CONVNET_IMAGES", str(folder / "images"))
        patch.setenv("FORMULA_CONVNET_RUNS", str(folder / "runs.jsonl"))
        yield
