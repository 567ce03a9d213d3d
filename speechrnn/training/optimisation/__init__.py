"""From a batch to better weights: gradients, their sum over ranks, the step, the average."""
