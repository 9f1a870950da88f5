"""The recipe `classic` as a tutorial would write it, without this project: the baseline for its timing.

    python bench/plain_keras.py mnist.npz SEED

The file holds the same four arrays as `tf.keras.datasets.mnist.load_data()`, which needs a network connection once.
"""

import sys

import numpy as np
import tensorflow as tf
from sklearn.metrics import accuracy_score, confusion_matrix
from tensorflow.keras.layers import Conv2D, Dense, Dropout, Flatten, Input, MaxPool2D

tf.keras.utils.set_random_seed(int(sys.argv[2]))
with np.load(sys.argv[1]) as arrays:
    x_train, y_train, x_test, y_test = (arrays[name] for name in ("x_train", "y_train", "x_test", "y_test"))
x_train = x_train.reshape(-1, 28, 28, 1) / 255.0
x_test = x_test.reshape(-1, 28, 28, 1) / 255.0
y_train = tf.keras.utils.to_categorical(y_train)

model = tf.keras.Sequential(
    [
        Input((28, 28, 1)),
        Conv2D(16, (2, 2), activation="relu"),
        Conv2D(16, (2, 2), activation="relu"),
        MaxPool2D((2, 2)),
        Dropout(0.2),
        Conv2D(32, (2, 2), activation="relu"),
        Conv2D(32, (2, 2), activation="relu"),
        MaxPool2D((2, 2)),
        Flatten(),
        Dense(32, activation="relu"),
        Dense(16, activation="relu"),
        Dense(10, activation="softmax"),
    ]
)
model.summary()
model.compile(optimizer="sgd", loss="categorical_crossentropy", metrics=["accuracy"])
model.fit(x_train, y_train, batch_size=64, validation_split=0.1, epochs=12)
read = model.predict(x_test).argmax(axis=1)
print(f"Test accuracy: {accuracy_score(y_test, read):.2%}")
print(confusion_matrix(y_test, read), flush=True)
