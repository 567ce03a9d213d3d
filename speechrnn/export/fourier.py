"""The discrete Fourier transform as two small matrix products.

Graphs have no fast transform that is fast: in ONNX Runtime the operator `DFT` costs twice as much as one
product with the whole transform, and one product does five times the arithmetic that is needed. Cooley and
Tukey's step (1965), taken once, is both plain and quick. With size = first x second, n = second x a + b and
k = c + first x d,

    X[k] = sum over b of  exp(-2 pi i b k / size)  x  sum over a of  exp(-2 pi i a c / first) x[n]

The inner sum is one product for all frames, the outer one a product for each c, its twiddle factors included.
Samples are real, so that c up to first / 2 gives every frequency.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Double = npt.NDArray[np.float64]


@dataclass(frozen=True)
class TwoStageTransform:
    """Both matrices, and which frequency each output is. Complex numbers: real parts, then imaginary ones."""

    size: int
    """Points of the transform."""
    first: Double
    """Inner sum: [2 x branches, rows]; samples come as rows x columns, filled up with zeros."""
    second: Double
    """Outer sum with twiddle factors: [branches, 2 x columns, 2 x columns]."""
    frequencies: npt.NDArray[np.int64]
    """Frequency [branches x columns] of each output; those above size / 2 stand for their mirror images."""

    @property
    def branches(self) -> int:
        """Number of different c."""
        return len(self.second)

    @property
    def rows(self) -> int:
        """Number of different a that any sample has."""
        return int(self.first.shape[1])

    @property
    def columns(self) -> int:
        """Number of different b."""
        return int(self.second.shape[1]) // 2


def two_stage_transform(size: int, samples: int) -> TwoStageTransform:
    """Return the cheapest transform of `size` points for frames whose samples from `samples` on are zero."""
    factors = [factor for factor in range(1, size + 1) if size % factor == 0]
    first = min(factors, key=lambda factor: _multiplications(size, factor, samples))
    columns = size // first
    rows = -(-samples // columns)
    c = np.arange(first // 2 + 1)
    d = b = np.arange(columns)
    k = c[:, None] + first * d  # [branches, columns]
    return TwoStageTransform(
        size=size,
        first=_stacked(np.exp(-2j * np.pi * np.outer(c, np.arange(rows)) / first)),
        second=_as_real_products(np.exp(-2j * np.pi * k[:, :, None] * b / size)),
        frequencies=k.ravel(),
    )


def power_to_bins(transform: TwoStageTransform, mel: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """Return `mel` for powers in the order of the outputs: [bins, branches x columns].

    `mel` is [frequencies, bins] for frequencies from 0 to half the size.
    """
    weights = np.zeros((len(transform.frequencies), mel.shape[1]), np.float32)
    folded = np.minimum(transform.frequencies, transform.size - transform.frequencies)
    _, first_seen = np.unique(folded, return_index=True)  # a frequency and its mirror image count once
    weights[first_seen] = mel[folded[first_seen]]
    return np.ascontiguousarray(weights.T)


def _multiplications(size: int, first: int, samples: int) -> int:
    """Return the multiplications for each frame when the inner sum has `first` terms."""
    columns, branches = size // first, first // 2 + 1
    rows = -(-samples // columns)
    return 2 * branches * rows * columns + branches * (2 * columns) ** 2


def _stacked(matrix: npt.NDArray[np.complex128]) -> Double:
    """Return complex [branches, rows] as [2 x branches, rows], real and imaginary rows by turns."""
    return np.stack([matrix.real, matrix.imag], axis=1).reshape(-1, matrix.shape[1])


def _as_real_products(matrices: npt.NDArray[np.complex128]) -> Double:
    """Return complex [branches, columns, columns] as matrices on real parts stacked on imaginary ones."""
    upper = np.concatenate([matrices.real, -matrices.imag], axis=2)
    lower = np.concatenate([matrices.imag, matrices.real], axis=2)
    return np.concatenate([upper, lower], axis=1)
