"""Recurrent layers one frame at a time, in float64 numpy, straight from the equations."""

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]


def sigmoid(x: Array) -> Array:
    return 1 / (1 + np.exp(-x))


def lstm(frames: Array, w_ih: Array, w_hh: Array, b_ih: Array, b_hh: Array) -> Array:
    width = w_hh.shape[1]
    hidden, memory, outputs = np.zeros(width), np.zeros(width), []
    for frame in frames:
        gates = w_ih @ frame + b_ih + w_hh @ hidden + b_hh
        write, forget, candidate, read = np.split(gates, 4)
        memory = sigmoid(forget) * memory + sigmoid(write) * np.tanh(candidate)
        hidden = sigmoid(read) * np.tanh(memory)
        outputs.append(hidden)
    return np.array(outputs)


def gru(frames: Array, w_ih: Array, w_hh: Array, b_ih: Array, b_hh: Array) -> Array:
    width = w_hh.shape[1]
    hidden, outputs = np.zeros(width), []
    for frame in frames:
        reset_x, update_x, new_x = np.split(w_ih @ frame + b_ih, 3)
        reset_h, update_h, new_h = np.split(w_hh @ hidden + b_hh, 3)
        update = sigmoid(update_x + update_h)
        new = np.tanh(new_x + sigmoid(reset_x + reset_h) * new_h)
        hidden = (1 - update) * new + update * hidden
        outputs.append(hidden)
    return np.array(outputs)


def rnn(frames: Array, w_ih: Array, w_hh: Array, b_ih: Array, b_hh: Array) -> Array:
    hidden, outputs = np.zeros(w_hh.shape[1]), []
    for frame in frames:
        hidden = np.tanh(w_ih @ frame + b_ih + w_hh @ hidden + b_hh)
        outputs.append(hidden)
    return np.array(outputs)


CELLS = {"lstm": lstm, "gru": gru, "rnn": rnn}
