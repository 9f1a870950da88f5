"""The framework that Keras runs on: start it and set its threads, precision and random numbers."""

import contextlib
import importlib.util
import os
import random
import sys
import tempfile
from collections.abc import Iterator
from importlib.abc import MetaPathFinder
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING

import numpy as np

from mnist_cnn.errors import RunError
from mnist_cnn.system import environment
from mnist_cnn.training.recipe import Recipe

if TYPE_CHECKING:
    import keras

# TensorFlow's C++ part writes these while it is imported, whatever its log level is set to.
START_UP_MESSAGES = (
    "I0000",
    "WARNING: All log messages before absl::InitializeLog()",
    "To enable the following instructions",
)
WITHOUT_KERAS = "onnxruntime"
ON_KERAS = "jax"  # what trains `fast` fastest where Keras is needed
LIGHTEST = "numpy"  # what Keras starts soonest on; it trains nothing
# Keras imports these, where installed, for its plots, its wrappers, tables as data and old files: none is used here.
NOT_NEEDED = ("matplotlib", "sklearn", "pandas", "h5py")
# On JAX it imports these, which must exist, for sparse arrays and for attention on a TPU: a quarter of its start-up.
NOT_USED_ON_JAX = ("jax.experimental.sparse", "jax.experimental.pallas.ops.tpu.splash_attention")


def prefer(framework: str, *, required: bool = False) -> str | None:
    """Let Keras run on this framework ("auto": on Keras' own setting), unless KERAS_BACKEND names another.

    Where Keras is needed for what would be trained without it, that is the next fastest framework. Returns a sentence
    for the user if Keras will run on another one; raises RunError instead if the framework is `required`. Call it
    before `start`.
    """
    if required and framework == WITHOUT_KERAS:
        raise RunError("ONNX Runtime trains by `train` and `study` only: leave --backend out.")
    framework = ON_KERAS if framework == WITHOUT_KERAS else framework
    requested = os.environ.get("KERAS_BACKEND") or (name() if "keras" in sys.modules else None)
    if framework == "auto" or requested == framework:
        return None
    if requested:
        if required:
            raise RunError(
                f"The backend {framework} was requested, and Keras is set to run on {requested}: request that one, or "
                f"set KERAS_BACKEND={framework} and start again."
            )
        return f"This recipe is fastest on {framework}, and Keras is set to run on {requested}."
    if not importlib.util.find_spec(framework):
        if required:
            raise RunError(
                f"The backend {framework} was requested, which is not installed: install {framework}, or leave "
                "--backend out."
            )
        return f"This recipe is fastest on {framework}, which is not installed, so Keras runs on its own setting."
    os.environ["KERAS_BACKEND"] = framework
    return None


def is_required(recipe: Recipe) -> bool:
    """Whether somebody requested the framework of a recipe: it is not the one that the recipe itself prefers."""
    return recipe.backend not in ("auto", Recipe(recipe.name).backend)


def start() -> None:
    """Import Keras and its framework without their start-up messages; other output on stderr is passed on.

    The messages come from C++, so the stderr of the process is redirected to a file for these seconds. In our own
    command line, what Keras imports and no model here uses is left out: it starts in half the time. Raises RunError if
    Keras cannot start.
    """
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    sys.stderr.flush()
    with tempfile.TemporaryFile() as caught:
        stderr = os.dup(2)
        os.dup2(caught.fileno(), 2)
        try:
            with only_what_is_used() if environment.own_process else contextlib.nullcontext():
                import keras  # noqa: F401  brings its framework with it
        except Exception as error:  # whatever a missing or unknown backend makes Keras raise
            raise RunError(
                f"Keras cannot start ({error}): check KERAS_BACKEND and keras.json, or install mnist-cnn[train] again."
            ) from error
        finally:
            os.dup2(stderr, 2)
            os.close(stderr)
            caught.seek(0)
            lines = caught.read().decode(errors="replace").splitlines(keepends=True)
            sys.stderr.writelines(line for line in lines if not line.startswith(START_UP_MESSAGES))


@contextlib.contextmanager
def only_what_is_used() -> Iterator[None]:
    """Let Keras start without what it imports and no model here uses; afterwards that can be imported as usual."""
    instead: dict[str, ModuleType | None] = dict.fromkeys(NOT_NEEDED)  # None means "not installed" to the import system
    if os.environ.get("KERAS_BACKEND") in ("jax", LIGHTEST) and importlib.util.find_spec("jax"):
        import jax.experimental  # noqa: F401  the parent of those below

        instead |= {module: stand_in(module) for module in NOT_USED_ON_JAX}
    absent = {module: other for module, other in instead.items() if module not in sys.modules}
    sys.modules.update(absent)  # type: ignore[arg-type]  # None, see above
    try:
        yield
    finally:
        for module in absent:
            del sys.modules[module]


def for_saving(*, keras_only: bool) -> str | None:
    """The framework on which a process saves a model; None for Keras' own setting.

    ONNX is written by way of TensorFlow. What only Keras writes takes the one that starts soonest: NumPy, with which
    Keras computes convolutions by JAX.
    """
    if keras_only and importlib.util.find_spec("jax"):
        return LIGHTEST
    return "tensorflow" if importlib.util.find_spec("tensorflow") else None


def leave_out_tensorflow() -> None:
    """Let Keras take TensorFlow for not installed in this process.

    Saving a model on another framework, it would import TensorFlow to ask whether anything is a tensor of that.
    """
    sys.meta_path.insert(0, NotInstalled())


class NotInstalled(MetaPathFinder):
    """What the import system asks first: TensorFlow cannot be imported."""

    def find_spec(self, fullname: str, path: object = None, target: object = None) -> None:  # noqa: ARG002  its signature
        """Raise ModuleNotFoundError for TensorFlow, and find nothing else."""
        if fullname == "tensorflow":
            raise ModuleNotFoundError(f"No module named {fullname!r}", name=fullname)


def stand_in(module: str) -> ModuleType:
    """A module in which every name is an empty class of its own: nothing is an instance of it."""
    empty = ModuleType(module)
    empty.__getattr__ = lambda name: type(name, (), {"__init__": lambda *_, **__: None})  # type: ignore[method-assign]
    return empty


def name() -> str:
    """The framework that Keras runs on."""
    import keras

    return str(keras.backend.backend())


def seed(number: int) -> None:
    """Seed all random generators, like Keras' own function, but without loading a framework that is not in use."""
    if name() == "tensorflow":
        import keras

        keras.utils.set_random_seed(number)
        return
    random.seed(number)
    np.random.seed(number)  # noqa: NPY002  the generator that Keras uses
    if name() == "torch":
        import torch

        torch.manual_seed(number)


def seed_epoch(number: int, epoch: int) -> None:
    """Seed an epoch on PyTorch, where dropout's generator is not in the checkpoint, so that a resumed run is the same.

    On the other frameworks dropout draws from a variable of the model.
    """
    if name() == "torch":
        import torch

        torch.manual_seed(number << 16 | epoch)


def configure(threads: int, deterministic: bool) -> None:
    """Set the number of threads and whether the same seed must give bit-for-bit equal results; once per process.

    Raises RunError if this process has already computed with another number of threads.
    """
    {"tensorflow": _configure_tensorflow, "jax": _configure_jax, "torch": _configure_torch}[name()](
        threads, deterministic
    )


def _configure_tensorflow(threads: int, deterministic: bool) -> None:
    import tensorflow as tf

    # Some CPU kernels add up in the order in which threads finish; determinism fixes that order.
    if deterministic:
        tf.config.experimental.enable_op_determinism()
    # At this size two operations in parallel (the two gradients of a convolution) beat one operation on two threads:
    # 0.94 of the time and 0.8 of the CPU time, a tenth of the context switches (docs/log.md).
    in_parallel = min(threads, 2)
    wanted = (threads // in_parallel, in_parallel)
    threading = tf.config.threading
    if (threading.get_intra_op_parallelism_threads(), threading.get_inter_op_parallelism_threads()) == wanted:
        return
    try:
        threading.set_intra_op_parallelism_threads(wanted[0])
        threading.set_inter_op_parallelism_threads(wanted[1])
    except RuntimeError as error:
        raise RunError(
            f"TensorFlow has already computed in this process, so its threads can no longer be set to {threads}: "
            "train in a new process, or with the same number of threads as before."
        ) from error


def _configure_jax(threads: int, deterministic: bool) -> None:
    """JAX reads its flags, and takes as many threads as it has cores, when it first computes."""
    flags = [os.environ.get("XLA_FLAGS", "")]
    # LLVM's first optimization level compiles in two thirds of the time, and the programs run no slower (docs/log.md).
    flags.append("--xla_backend_optimization_level=1")
    if deterministic:
        flags.append("--xla_gpu_deterministic_ops=true")
    os.environ["XLA_FLAGS"] = " ".join(flags).strip()
    if sys.platform == "linux":
        import jax

        # The pool is created when devices are first requested; afterwards the system may move its threads to any core,
        # or two trainings in parallel would share the first cores.
        cores = os.sched_getaffinity(0)
        os.sched_setaffinity(0, sorted(cores)[:threads])
        jax.devices()
        for thread in Path("/proc/self/task").iterdir():
            os.sched_setaffinity(int(thread.name), cores)


def _configure_torch(threads: int, deterministic: bool) -> None:
    import torch

    torch.set_num_threads(threads)
    torch.use_deterministic_algorithms(deterministic)


def set_precision(precision: str) -> None:
    """Compute in "float32", or in "mixed" precision: products in bfloat16, weights and sums in float32."""
    import keras

    if name() == "tensorflow":
        import tensorflow as tf

        # By rewriting the graph: the model stays float32, and only its products are computed in bfloat16.
        # Keras' own policy is no faster than float32 on a CPU (docs/log.md).
        on_gpu = bool(tf.config.list_physical_devices("GPU"))
        rewriting = "auto_mixed_precision" if on_gpu else "auto_mixed_precision_onednn_bfloat16"
        tf.config.optimizer.set_experimental_options({rewriting: precision == "mixed"})
    else:
        keras.config.set_dtype_policy("mixed_bfloat16" if precision == "mixed" else "float32")


def steps_per_execution(wanted: int) -> int:
    """How many updates to make between two returns to Python; on PyTorch, Keras can make only one."""
    return 1 if name() == "torch" else wanted


def finished(network: "keras.Model", recipe: Recipe) -> "keras.Model":
    """The trained model as it is evaluated and saved: averaged over sub-networks and shifts, in float32."""
    from mnist_cnn.models.architectures import as_saved
    from mnist_cnn.models.layers import plain  # here, because Keras comes with it

    set_precision("float32")
    # On TensorFlow only the training graphs were rewritten, not the model.
    same = network if recipe.precision == "float32" or name() == "tensorflow" else plain(network)
    return as_saved(same, recipe.test_time_shift)
