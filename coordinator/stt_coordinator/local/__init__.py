"""An installation on one machine: stand-alone use and the demo."""
