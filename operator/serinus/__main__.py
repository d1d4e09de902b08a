"""`python -m serinus` runs the operator."""

from importlib.util import find_spec

from serinus.unused import leave_out_the_synchronous_client


def main() -> None:
    """Run the operator.

    Raises:
        SystemExit: what only the operator needs is not installed.
    """
    if find_spec("kopf") is None:
        raise SystemExit("The operator needs more than the command line: pip install 'serinus[operator]'")
    leave_out_the_synchronous_client()
    from serinus.app import main as operator

    operator()


if __name__ == "__main__":
    main()
