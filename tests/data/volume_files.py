"""Volumes whose place in the patient is known, by SimpleITK: the independent library that tests read them with."""

import numpy as np
import SimpleITK as sitk
from scipy.spatial.transform import Rotation

TILT = Rotation.from_euler("xyz", [5, 7, -4], degrees=True).as_matrix()
TURNS = {
    "as DICOM": np.eye(3),
    "as NIfTI": np.diag([-1.0, -1.0, 1.0]),
    "exchanged": np.array([[0, 0, -1], [-1, 0, 0], [0, 1, 0.0]]),
    "tilted": np.array([[0, -1, 0], [0, 0, 1], [-1, 0, 0.0]]) @ TILT,
}


def volume(turn="as DICOM", dtype=np.int16):
    """A SimpleITK image of 9 x 7 x 5 voxels of 0.5 x 0.7 x 3 mm, every one different."""
    values = np.random.default_rng(0).permutation(9 * 7 * 5).reshape(5, 7, 9) - 100
    image = sitk.GetImageFromArray(values.astype(dtype))
    image.SetSpacing((0.5, 0.7, 3.0))
    image.SetDirection(TURNS[turn].ravel())
    image.SetOrigin((1.0, 2.0, 3.0))
    return image


def seen(path, plane):
    """(slices (N,rows,columns), (mm between rows, between columns)) as readers see them, by SimpleITK alone."""
    turned = sitk.DICOMOrient(sitk.ReadImage(str(path)), "LPS")  # x to the left, y to the back, z to the head
    values, (x, y, z) = sitk.GetArrayFromImage(turned), turned.GetSpacing()
    if plane == "axial":
        return values, (y, x)
    upright = values[::-1]  # the head above
    return (upright.transpose(1, 0, 2), (z, x)) if plane == "coronal" else (upright.transpose(2, 0, 1), (z, y))
