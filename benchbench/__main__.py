"""`python -m benchbench` is the command `benchbench`."""

from benchbench.cli.main import main

if __name__ == "__main__":
    main()
