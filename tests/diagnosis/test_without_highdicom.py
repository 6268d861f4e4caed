"""Without the extra [clinical] everything works but `--dicom`, which says what to install."""

import builtins

import pytest

from convnet.diagnosis import dicom_results


def test_without_highdicom_the_option_names_the_package(monkeypatch, tmp_path):
    real = builtins.__import__

    def absent(name, *rest, **options):
        if name == "highdicom":
            raise ImportError(name)
        return real(name, *rest, **options)

    monkeypatch.setattr(builtins, "__import__", absent)
    with pytest.raises(ImportError, match="pip install 'highdicom"):
        dicom_results.Filing(tmp_path / "out", "0" * 64, ["a", "b"])
    assert not (tmp_path / "out").exists()
