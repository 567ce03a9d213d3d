"""Orthogonal steps by singular value decomposition, in float64: slow and obvious."""

import numpy as np
import numpy.typing as npt

Matrix = npt.NDArray[np.float64]


def orthogonal_in_blocks(matrix: Matrix, block: int) -> Matrix:
    """Return `matrix` with all singular values of every `block` rows made 1."""
    pieces = [matrix[first : first + block] for first in range(0, len(matrix), block)]
    return np.concatenate([_equalised(piece) for piece in pieces])


def muon(weights: Matrix, gradients: list[Matrix], rate: float, weight_decay: float, block: int) -> Matrix:
    """Return `weights` after a step along each of `gradients`: Nesterov's momentum 0.95, size 0.2."""
    momentum = np.zeros_like(weights)
    for gradient in gradients:
        momentum = 0.95 * momentum + 0.05 * gradient
        direction = orthogonal_in_blocks(0.05 * gradient + 0.95 * momentum, block)
        size = 0.2 * np.sqrt(weights.shape[1])
        weights = (1 - rate * weight_decay) * weights - rate * size * direction
    return weights


def _equalised(piece: Matrix) -> Matrix:
    left, _, right = np.linalg.svd(piece, full_matrices=False)
    return left @ right
