"""`python -m serinus` runs the operator."""

from serinus.app import main

if __name__ == "__main__":
    main()
