"""The keras.io example "Simple MNIST convnet", trained until its test accuracy reaches 99.0%.

    python bench/keras_example.py mnist.npz SEED [ACCURACY]

The example: Conv2D 32, 3×3; pooling; Conv2D 64, 3×3; pooling; dropout 0.5; dense; Adam; batch size 128; validation
split 0.1. It is evaluated on the test images after every epoch and stops at the first with an accuracy of ACCURACY
(0.99). Evaluating so often flatters the example; it is what "time to 99%" means for it.
"""

import sys

import keras
import numpy as np
from keras import layers

keras.utils.set_random_seed(int(sys.argv[2]))
wanted = float(sys.argv[3]) if len(sys.argv) > 3 else 0.99
with np.load(sys.argv[1]) as arrays:
    x_train, y_train, x_test, y_test = (arrays[name] for name in ("x_train", "y_train", "x_test", "y_test"))
x_train = np.expand_dims(x_train.astype("float32") / 255, -1)
x_test = np.expand_dims(x_test.astype("float32") / 255, -1)
y_train, y_test = keras.utils.to_categorical(y_train, 10), keras.utils.to_categorical(y_test, 10)

model = keras.Sequential(
    [
        keras.Input((28, 28, 1)),
        layers.Conv2D(32, kernel_size=(3, 3), activation="relu"),
        layers.MaxPooling2D(pool_size=(2, 2)),
        layers.Conv2D(64, kernel_size=(3, 3), activation="relu"),
        layers.MaxPooling2D(pool_size=(2, 2)),
        layers.Flatten(),
        layers.Dropout(0.5),
        layers.Dense(10, activation="softmax"),
    ]
)
model.compile(loss="categorical_crossentropy", optimizer="adam", metrics=["accuracy"])


class UntilGoodEnough(keras.callbacks.Callback):
    """Evaluates after every epoch and stops training at the wanted accuracy."""

    def on_epoch_end(self, epoch: int, logs: object = None) -> None:  # noqa: ARG002
        """Keras calls this with the index of the finished epoch."""
        _, accuracy = self.model.evaluate(x_test, y_test, verbose=0)
        if accuracy >= wanted:
            print(f"Test accuracy: {accuracy:.2%} after epoch {epoch + 1}", flush=True)
            self.model.stop_training = True


model.fit(x_train, y_train, batch_size=128, epochs=40, validation_split=0.1, verbose=0, callbacks=[UntilGoodEnough()])
