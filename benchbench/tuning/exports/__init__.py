"""One file a tool that a recommendation can be written for."""
