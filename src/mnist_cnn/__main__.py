"""`python -m mnist_cnn` is the command `mnist-cnn`."""

from mnist_cnn.cli import main

if __name__ == "__main__":
    main()
