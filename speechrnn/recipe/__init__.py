"""What the recipes share: settings for the machine, an experiment from corpus to figures, and its report."""
