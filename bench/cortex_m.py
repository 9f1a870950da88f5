"""The exported C code on emulated Cortex-M processors: is it right, how large is it, how many instructions per image.

    apt-get install qemu-system-arm gcc-arm-none-eabi
    python bench/cortex_m.py

`tiny` of four sizes, with random weights, on which none of the numbers depend but for a few instructions. QEMU counts
instructions (`-icount shift=0`: each takes a nanosecond of its clock), not cycles: it does not know how many of them a
real processor needs for an instruction, nor how long it waits for its flash.
"""

import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np

from results import write

HERE = Path(__file__).parent / "cortex_m"
COMPILER, SIZE, EMULATOR = "arm-none-eabi-gcc", "arm-none-eabi-size", "qemu-system-arm"
FLAGS = ["-std=c99", "-Wall", "-Wextra", "-Werror", "-O2", "-mthumb", "-ffreestanding", "-nostdlib"]
PARAMETERS = (0, 5000, 2000, 700)
IMAGES = 10


class Board(NamedTuple):
    """A machine of QEMU, its processor, and the megahertz of the clock that its SysTick counts."""

    machine: str
    processor: str
    megahertz: int


BOARDS = (
    Board("microbit", "cortex-m0", 16),
    Board("mps2-an385", "cortex-m3", 25),
    Board("mps2-an386", "cortex-m4", 25),
)


@dataclass(frozen=True)
class Run:
    """What a board computed: the classes and scores (n, 1 + classes), and what that took.

    `instructions` are those of an image, the mean; `flash` are the bytes of the model's code and constants; `stack` are
    those that were used beside the buffers.
    """

    answers: np.ndarray
    instructions: float
    flash: int
    stack: int


def missing() -> list[str]:
    """The programs that are needed and not installed."""
    return [name for name in (COMPILER, SIZE, EMULATOR) if shutil.which(name) is None]


def run(exported: Path, board: Board, images: np.ndarray) -> Run:
    """Compile the model in a folder that `export --to microcontroller` made, and run it on images (n, …) uint8."""
    with tempfile.TemporaryDirectory() as scratch:
        program, code, folder = Path(scratch) / "model.elf", Path(scratch) / "model.o", exported.absolute()
        compiler = [COMPILER, *FLAGS, f"-mcpu={board.processor}", f"-I{folder}"]
        subprocess.run([*compiler, "-c", folder / "model.c", "-o", code], check=True)
        link = [f"-T{HERE / 'device.ld'}", HERE / "main.c", code, "-lgcc", "-o", program]
        subprocess.run([*compiler, *link], check=True)
        (Path(scratch) / "images.bin").write_bytes(images.tobytes())
        options = ["-nographic", "-semihosting-config", "enable=on,target=native", "-icount", "shift=0"]
        said = subprocess.run(
            [EMULATOR, "-M", board.machine, *options, "-kernel", program],
            cwd=scratch, capture_output=True, text=True, check=True, timeout=600, stdin=subprocess.DEVNULL,
        )  # fmt: skip
        flash = int(subprocess.run([SIZE, code], capture_output=True, text=True, check=True).stdout.split()[6])
    *lines, last = (said.stdout + said.stderr).replace(":", "").splitlines()
    rows = np.array([line.split() for line in lines], np.int64)
    return Run(rows[:, :-1], float(rows[:, -1].mean()) * 1000 / board.megahertz, flash, int(last.split()[1]))


def main() -> None:
    """Measure every board with every size, print the table and save the results."""
    import keras

    from mnist_cnn.artifact import microcontroller
    from mnist_cnn.artifact.integers import quantized
    from mnist_cnn.artifact.layer_chain import folded
    from mnist_cnn.card import Task
    from mnist_cnn.models.architectures import build

    if lacking := missing():
        raise SystemExit(f"{', '.join(lacking)} cannot be found: apt-get install qemu-system-arm gcc-arm-none-eabi.")
    images = np.random.default_rng(0).integers(0, 256, (IMAGES, 28, 28, 1), np.uint8)
    found = []
    print(
        "| parameters | processor | flash | RAM | stack | multiply-adds | instructions |\n|---|---|---|---|---|---|---|"
    )
    for parameters in PARAMETERS:
        keras.utils.set_random_seed(0)
        network = build("tiny", 0.0, parameters=parameters)
        integers = quantized(folded(network), images)
        with tempfile.TemporaryDirectory() as scratch:
            written = microcontroller.write(network, Path(scratch) / "chip", images, Task())
            for board in BOARDS:
                ran = run(Path(scratch) / "chip", board, images)
                assert np.array_equal(ran.answers[:, 1:], integers.scores(images))
                row = {
                    "parameters": network.count_params(),
                    "processor": board.processor,
                    "flash_bytes": ran.flash,
                    "stack_bytes": ran.stack,
                    "instructions": round(ran.instructions),
                    **written.sizes(),
                }
                found.append(row)
                names = ("parameters", "processor", "flash_bytes", "ram_bytes", "stack_bytes", "multiply_adds")
                print(
                    "|", *(f"{row[name]:,} |" if name != "processor" else f"{row[name]} |" for name in names), end=" "
                )
                print(f"{row['instructions']:,} |")
    versions = [
        subprocess.run([name, "--version"], capture_output=True, text=True, check=True).stdout.splitlines()[0]
        for name in (COMPILER, EMULATOR)
    ]
    write("cortex_m", {"versions": versions, "images": IMAGES, "runs": found})


if __name__ == "__main__":
    main()
