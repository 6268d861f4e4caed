"""What is fuzzed."""

from tests.fuzz import corpus, formats, models, onnx_files, targets
from tests.fuzz.run import Campaign

DICOM = Campaign("DICOM", corpus.mutation, targets.image_file, corpus.good)
MODELS = Campaign("model", models.mutation, models.model_file, models.good)
ONNX = Campaign("ONNX", onnx_files.mutation, onnx_files.onnx_file, onnx_files.good)
PICTURES, VOLUMES, ARCHIVES = (
    Campaign(
        name,
        formats.mutation(name, seeds, kinds),
        target,
        lambda seeds=seeds, kinds=kinds: seeds(kinds[0])[0],
        formats.kind_of(kinds),
    )
    for name, seeds, kinds, target in (
        ("picture", formats.picture, formats.PICTURES, targets.image_file),
        ("volume", formats.volume, formats.VOLUMES, targets.image_file),
        ("archive", formats.archive, formats.ARCHIVES, formats.archive_file),
    )
)
ALL = (DICOM, MODELS, PICTURES, VOLUMES, ARCHIVES, ONNX)
