"""What is right and wrong with an installation, judged from what its parts answered."""
