"""The widths of the recipe `tiny`: how many filters its five convolutions have, for a number of parameters."""

from mnist_cnn.card import READING, Task
from mnist_cnn.errors import RecipeError

Widths = tuple[int, int, int, int, int]
STANDARD: Widths = (8, 16, 16, 16, 20)  # 9,426 parameters for MNIST
FAMILY: tuple[Widths, ...] = (  # the largest first
    STANDARD,
    (6, 14, 14, 14, 16),
    (6, 11, 12, 12, 12),
    (4, 8, 9, 9, 10),
    (4, 7, 7, 7, 8),
    (3, 6, 6, 6, 6),
    (2, 5, 5, 5, 5),
    (2, 4, 4, 4, 4),
)
OF_A_KERNEL, OF_NORMALISATION = 9, 4  # 3×3 pixels; gamma, beta, mean and variance


def parameters_of(widths: Widths, task: Task = READING) -> int:
    """The number of parameters with these filters, as Keras counts them: those that are not trained included."""
    takes = (task.channels, *widths[:-1])
    kernels = sum(OF_A_KERNEL * before * filters for before, filters in zip(takes, widths, strict=True))
    return kernels + OF_NORMALISATION * sum(widths) + (2 * widths[-1] + 1) * task.classes


def widths_for(parameters: int, task: Task = READING) -> Widths:
    """The largest widths that have at most so many parameters, the standard ones for 0. Raises RecipeError."""
    if not parameters:
        return STANDARD
    for widths in FAMILY:
        if parameters_of(widths, task) <= parameters:
            return widths
    least = parameters_of(FAMILY[-1], task)
    raise RecipeError(f"parameters is {parameters}: the smallest tiny for these images has {least:,}, so raise it.")
