"""The network: front end, encoder, head, its loss, and its way to a model folder and back."""
