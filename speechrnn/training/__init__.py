"""From manifests to a trained model. The only part that imports PyTorch.

    utterances -> batches (`data/`, `augmentation/`) -> network (`model/`) -> weights (`optimisation/`)

`run.py` puts a run together, `loop.py` takes it to its end.
"""

import os

# PyTorch's threads shall sleep while they wait for each other. By default they spin, on a core that a data
# worker or another program needs; a step of the optimiser then takes three times as long. PyTorch reads this
# when it is loaded.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
