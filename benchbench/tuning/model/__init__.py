"""The model of a search: seconds per step times steps to target, each with what is known of it beforehand."""
