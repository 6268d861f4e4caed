"""What is fuzzed."""

from tests.fuzz import corpus, models, targets
from tests.fuzz.run import Campaign

DICOM = Campaign("DICOM", corpus.mutation, targets.dicom_file, corpus.good)
MODELS = Campaign("model", models.mutation, models.model_file, models.good)
