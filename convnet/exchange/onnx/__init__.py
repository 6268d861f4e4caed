"""ONNX files: read into models of this engine, written from them."""
