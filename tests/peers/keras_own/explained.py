"""Why a test of Keras's fails on our classes: each failure must be one of these.

A pattern is searched in "file::class::test: the error's last line"; the first that matches is the reason.
"""

EXPLAINED = (
    ("lora|quantiz|int4|int8|float8|awq|gptq|dtype_policy|mixed_precision|autocast",
     "quantization, low-rank adapters and dtype policies are not here"),
    ('does not match "', "the error is raised, in other words than Keras's"),
    ("not supported|choose one of|must be 'channels_last'|must be -1 .channels last|is not a hook|must be one of",
     "an argument or a value that this engine refuses by name"),
    ("noise_shape", "an argument that this engine refuses by name"),
    ("thresholds must be a number", "Precision and Recall have one threshold, so one number"),
    ("inputs must be Input|add expects a layer|test_.*(model|fit|end_to_end|functional|sequential|flow)",
     "the test wires or trains a whole model of Keras's around the class"),
    ("NoneType|KerasTensor|_symbolic|static|dynamic|batch_shape|batch_size|compute_output_spec|mask",
     "sizes that are not known (None), masks, and symbolic tensors of Keras's"),
    ("test_[a-z_]*sparse|SparseTensor|ragged|named .tensorflow", "sparse and ragged tensors are not here"),
    ("exclude_from_weight_decay|ema_|finalize|scale_loss|gradient_accumulation|overwrite",
     "a method of Keras's optimizers that is not here; asking for it is an error"),
    ("add_variable|add_weight|stateless|variables|save_own|load_own|no attribute 'call'|CanaryLayer|submetric",
     "variables made by a class of the test's own, or asked for: states here are plain attributes"),
    ("no attribute '(true|false)_(positives|negatives)'", "the counts of a metric have other names here"),
    ("'float' object has no attribute 'value'", "the learning rate is a number here, not a variable"),
    ("verbose_logging", "what a callback says is printed, not logged"),
    ("test_get_method|test_pickle|serializ|from_config|test_config|get_config|json",
     "Keras's registry of serializable objects; our files have their own"),
    ("BinaryCrossentropyTest::test_(un|sample_|scalar_)weighted:",
     "Keras computes 1 - (1 - 1e-7) in float32, which is 1.19e-7, so a sure mistake costs 15.94; here it is 16.12"),
    ("dropout_rescaling", "the mean of 10,000 numbers of another stream of random numbers, tested to two sigma"),
    ("AUCTest", "the area is exact here; Keras's is that of 200 thresholds"),
    ("DummyModel|DummyOptimizer|no attribute 'value_names'", "a class of the test's that stands for a model"),
    ("DummyLayer|CustomLayer|ExampleLoss|ExampleMetric|MyLayer", "a class of the test's own, on Keras's tensors"),
    ("AdamWTest::test_weight_decay_is_none", "weight_decay=None means none, as in Keras's other optimizers"),
)  # fmt: skip
