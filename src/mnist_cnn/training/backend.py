"""The one place that knows which framework Keras runs on: threads, determinism, and its talk on the screen."""

import os
import sys
import tempfile
from typing import Any

import numpy as np

from mnist_cnn.errors import RunError

# TensorFlow's C++ part writes these while it is imported, whatever its log level is set to.
START_UP_NOTES = (
    "I0000",
    "WARNING: All log messages before absl::InitializeLog()",
    "To enable the following instructions",
)


def start() -> None:
    """Import TensorFlow and Keras without their start-up notes; whatever else they write to stderr is passed on.

    The notes come from C++, so the process's own stderr is turned into a file for these seconds. Raises RunError if
    Keras cannot start, or was told to run on another framework.
    """
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    sys.stderr.flush()
    with tempfile.TemporaryFile() as caught:
        stderr = os.dup(2)
        os.dup2(caught.fileno(), 2)
        try:
            import keras  # brings TensorFlow, its default backend, with it
        except Exception as error:  # whatever a backend that is not there, or not known, makes Keras raise
            raise RunError(
                f"Keras cannot start ({error}): check KERAS_BACKEND and keras.json, or install mnist-cnn[train] again."
            ) from error
        finally:
            os.dup2(stderr, 2)
            os.close(stderr)
            caught.seek(0)
            lines = caught.read().decode(errors="replace").splitlines(keepends=True)
            sys.stderr.writelines(line for line in lines if not line.startswith(START_UP_NOTES))
    if keras.backend.backend() != "tensorflow":
        raise RunError(
            f"Keras is set to run on {keras.backend.backend()}, and this version trains on TensorFlow only: "
            "set KERAS_BACKEND=tensorflow."
        )


def configure(threads: int, deterministic: bool) -> None:
    """Set the number of threads, and whether the same seed must give the same bits; once a process.

    Raises RunError where this process has begun to compute with other threads.
    """
    import tensorflow as tf

    # Some CPU kernels add up in the order in which threads come; determinism makes that order fixed.
    if deterministic:
        tf.config.experimental.enable_op_determinism()
    # At this size two operations side by side (the two gradients of a convolution) beat one operation shared by two
    # threads: 0.94 of the time and 0.8 of the processor's, a tenth of the context switches (docs/log.md).
    side_by_side = min(threads, 2)
    wanted = (threads // side_by_side, side_by_side)
    threading = tf.config.threading
    if (threading.get_intra_op_parallelism_threads(), threading.get_inter_op_parallelism_threads()) == wanted:
        return
    try:
        threading.set_intra_op_parallelism_threads(wanted[0])
        threading.set_inter_op_parallelism_threads(wanted[1])
    except RuntimeError as error:
        raise RunError(
            f"TensorFlow has begun to compute in this process, so its threads cannot be set to {threads} any more: "
            "train in a new process, or with the same number of threads as before."
        ) from error


def batches(images: np.ndarray, truth: np.ndarray, batch_size: int) -> Any:
    """What Keras takes to train on or to judge: images (n, 28, 28, 1) and one-hot truth (n, 10), in batches, in order.

    Keras would turn the arrays into such a pipeline itself, but into one that tunes itself as it runs. When such a
    pipeline ends, TensorFlow 2.21 may fail to wake the tuner, and waits for it to wake by itself: at 10.2 seconds after
    its start, say, where the epoch had ended after 6 (docs/log.md).
    """
    import tensorflow as tf

    # Whole batches are cut beforehand, so that no operation of the pipeline waits for a thread of the training's pool.
    whole = len(images) // batch_size * batch_size
    shape = (-1, batch_size)
    pipeline = tf.data.Dataset.from_tensor_slices(
        (images[:whole].reshape(*shape, *images.shape[1:]), truth[:whole].reshape(*shape, *truth.shape[1:]))
    )
    if whole < len(images):
        pipeline = pipeline.concatenate(tf.data.Dataset.from_tensors((images[whole:], truth[whole:])))
    options = tf.data.Options()
    options.autotune.enabled = False
    return pipeline.prefetch(16).with_options(options)
