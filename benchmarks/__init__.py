"""What the project claims about itself, as runnable files with recorded results."""
