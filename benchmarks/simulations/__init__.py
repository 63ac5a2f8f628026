"""What the statistics promise, shown on series and runs of which the truth is known."""
