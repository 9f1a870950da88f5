"""The classic recipe for MNIST: a small CNN in Keras, evaluated with scikit-learn. Run: python examples/classic.py

`mnist-cnn train` follows it exactly; tests/test_classic.py compares the two bit for bit.
"""

import tensorflow as tf
from sklearn.metrics import accuracy_score, confusion_matrix
from tensorflow.keras.layers import Conv2D, Dense, Dropout, Flatten, Input, MaxPool2D

# Load the images, scale their pixels to 0..1, and one-hot encode the training labels.
(x_train, y_train), (x_test, y_test) = tf.keras.datasets.mnist.load_data()
x_train = x_train.reshape(-1, 28, 28, 1) / 255.0
x_test = x_test.reshape(-1, 28, 28, 1) / 255.0
y_train = tf.keras.utils.to_categorical(y_train)

# Build the model.
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

# Train on the first 90% of the training images and validate on the rest.
model.compile(optimizer="sgd", loss="categorical_crossentropy", metrics=["accuracy"])
model.fit(x_train, y_train, batch_size=64, validation_split=0.1, epochs=12)

# Evaluate on the test images.
y_pred = model.predict(x_test).argmax(axis=1)
print(f"Test accuracy: {accuracy_score(y_test, y_pred):.2%}")
print(confusion_matrix(y_test, y_pred))
