# %% [markdown]
# # 4. Faster and smaller
#
# *Last of a course of four:* 1 step by step · 2 your own photo · 3 how confident is it · **4 faster and smaller**
#
# A network for digits can have half a million parameters or ten thousand, and answer in a tenth of a millisecond or
# in fifty. What makes it large, what makes it slow, and what can be left out? The times below are those of the
# machine that ran this notebook; yours will differ, and their order will hardly. It runs in less than a minute on two
# cores.

# %%
import time

import keras
import matplotlib.pyplot as plt
import numpy as np
from keras import layers

import mnist_cnn

keras.utils.set_random_seed(0)
(x_train, y_train), (x_test, y_test) = mnist_cnn.load_data("digits")
x_train, x_test = x_train[..., np.newaxis], x_test[..., np.newaxis]

# %% [markdown]
# ## Size and speed are different things
#
# The size of a network is its number of parameters: each is stored as four bytes. Its time is mostly that of
# multiplications, and a kernel of a convolution is used again at every position: few parameters, many
# multiplications. A dense layer uses each of its weights once. This is the network of the recipe `fast`, as a
# function of its width.


# %%
def network(width=1.0):
    """The layers of the recipe `fast`, with a fraction of its filters."""
    return keras.Sequential(
        [
            layers.Input((28, 28, 1)),
            layers.Rescaling(1 / 255),
            layers.Conv2D(int(8 * width), 5, strides=2, activation="relu"),
            layers.Conv2D(int(32 * width), 3, strides=2, activation="relu"),
            layers.Conv2D(int(96 * width), 3, use_bias=False),
            layers.BatchNormalization(momentum=0.9),
            layers.ReLU(),
            layers.Flatten(),
            layers.Dense(10, activation="softmax"),
        ]
    )


def multiplications(layer):
    """How many multiplications a layer does for one image."""
    if isinstance(layer, layers.Conv2D):
        rows, columns = layer.output.shape[1:3]
        return rows * columns * int(np.prod(layer.kernel.shape))
    return int(np.prod(layer.kernel.shape)) if isinstance(layer, layers.Dense) else 0


def table(model):
    """Print the layers that have weights."""
    print(f"{'layer':18} {'output':>10} {'parameters':>11} {'multiplications':>16}")
    for layer in model.layers:
        if layer.count_params():
            shape = "×".join(map(str, layer.output.shape[1:]))
            name = type(layer).__name__
            print(f"{name:18} {shape:>10} {layer.count_params():>11,} {multiplications(layer):>16,}")


model = network()
table(model)

# %% [markdown]
# The first convolution has 208 parameters and does more than the last layer with 8,650. `fast` is fast because it
# steps two pixels at a time (`strides=2`): each such layer leaves a quarter of the positions for all that follow.
#
# The recipes that come with the package, as they are built, without training: the time does not depend on the
# weights.

# %%
from mnist_cnn.models.architectures import build
from mnist_cnn.models.classifier import keras_classifier

networks = {name: build(name, 0.0) for name in ("classic", "fast", "tiny", "robust")}
some = x_test[:250, ..., 0]


def seconds_of(call, repeats=5):
    """The seconds that a call takes: the fastest of several, since other programs only make it slower."""
    call()  # the first call also compiles the network
    found = []
    for _ in range(repeats):
        begin = time.perf_counter()
        call()
        found.append(time.perf_counter() - begin)
    return min(found)


print(f"{'recipe':8} {'parameters':>11} {'multiplications':>16} {'µs per image':>13}")
for name, one in networks.items():
    classify = keras_classifier(one)
    microseconds = seconds_of(lambda classify=classify: classify(some)) / len(some) * 1e6
    print(f"{name:8} {one.count_params():>11,} {sum(map(multiplications, one.layers)):>16,} {microseconds:>13.0f}")

# %% [markdown]
# `tiny` has a quarter of the parameters of `fast` and nearly three times its multiplications: its first kernels run
# on nearly all of the 28×28 positions.
#
# ## Many images at once
#
# A call has a price that does not depend on the number of images: Python, checks, starting the computation. In
# batches it is paid once. The bundled model runs in ONNX Runtime, which was made for small prices; Keras' `predict`
# was made for large batches.

# %%
bundled = mnist_cnn.load("robust")
sizes = (1, 4, 16, 64, 256)
figure, axis = plt.subplots(figsize=(5, 2.8))
for name, classify in (
    ("robust, ONNX Runtime", bundled.predict_proba),
    ("fast, Keras predict", lambda images: model.predict(images[..., None], verbose=0)),
):
    batches = [x_test[:size, ..., 0] for size in sizes]
    seconds = [seconds_of(lambda batch=batch, classify=classify: classify(batch)) for batch in batches]
    axis.plot(sizes, 1000 * np.array(seconds) / sizes, marker="o", label=name)
axis.set_xscale("log", base=2)
axis.set_yscale("log")
axis.set_xlabel("batch size")
axis.set_ylabel("milliseconds per image")
axis.legend(fontsize=8)
plt.show()

# %% [markdown]
# For one image, the small network in Keras may take longer than one that is eleven times as large in ONNX Runtime. So
# `mnist-cnn export` writes a trained model for ONNX Runtime, LiteRT (phones) or the browser.
#
# ## Fewer filters
#
# Half the filters are half the parameters in the first layer and a quarter in the other convolutions, since each
# kernel also looks at half as many maps.


# %%
def trained(width):
    """A network of this width after ten epochs, and its test accuracy."""
    made = network(width)
    falling = keras.optimizers.schedules.CosineDecay(0.008, 410)  # to 0 at the last of the updates
    made.compile(optimizer=keras.optimizers.Adam(falling), loss="sparse_categorical_crossentropy")
    made.fit(x_train, y_train, batch_size=32, epochs=10, verbose=0)
    return made


def accuracy(made):
    """The fraction of test images that is predicted correctly."""
    return (made.predict(x_test, verbose=0).argmax(axis=1) == y_test).mean()


by_width = {width: trained(width) for width in (1.0, 0.5, 0.25)}
for width, made in by_width.items():
    work = sum(map(multiplications, made.layers))
    print(
        f"width {width:4}: {made.count_params():6,} parameters, {work:7,} multiplications, {accuracy(made):.1%} correct"
    )

# %% [markdown]
# On such easy data a twelfth of the work is hardly less accurate. The intervals of these accuracies, with 500 test
# images, are two percentage points wide, so do not read much into the differences.
#
# ## Fewer bits
#
# A weight need not be a 32-bit number. *Quantization* rounds all weights of a filter to a few evenly spaced levels:
# with 8 bits 255 levels, with 2 bits three (negative, zero, positive). Only a small integer per weight is stored, and
# one scale per filter.


# %%
def quantized(weights, bits):
    """The weights rounded to 2^bits − 1 levels, with a scale of its own for each filter (the last axis)."""
    levels = 2 ** (bits - 1) - 1
    scale = abs(weights).max(axis=tuple(range(weights.ndim - 1)), keepdims=True) / levels
    return np.round(weights / scale) * scale


def changed(made, change):
    """The same network with its kernels changed; everything else stays."""
    copy = keras.models.clone_model(made)
    copy.set_weights(made.get_weights())
    for layer in copy.layers:
        if hasattr(layer, "kernel"):
            layer.kernel.assign(change(layer.kernel.numpy()))
    return copy


whole = by_width[1.0]
print(f"32 bits: {whole.count_params() * 4 / 1000:6.1f} kB, {accuracy(whole):.1%} correct")
for bits in (8, 5, 4, 3, 2):
    made = changed(whole, lambda weights, bits=bits: quantized(weights, bits))
    print(f"{bits:2} bits: {whole.count_params() * bits / 8 / 1000:6.1f} kB, {accuracy(made):.1%} correct")

# %% [markdown]
# Eight bits cost nothing. `mnist-cnn export --to onnx --quantize int8` rounds the activations as well, so that a
# processor can compute in integers, and compares the result with the original on all test images.
#
# ## Fewer weights
#
# *Pruning* sets the smallest weights to 0. Zeros compress well; they make a network faster only where the program
# that runs it can skip them.


# %%
def pruned(weights, share):
    """The weights without this share of them, the smallest."""
    return np.where(abs(weights) >= np.quantile(abs(weights), share), weights, 0)


shares = (0.0, 0.3, 0.5, 0.6, 0.7, 0.8, 0.9)
accuracies = [accuracy(changed(whole, lambda weights, share=share: pruned(weights, share))) for share in shares]
figure, axis = plt.subplots(figsize=(5, 2.6))
axis.plot(shares, accuracies, marker="o")
axis.set_xlabel("fraction of weights set to 0")
axis.set_ylabel("test accuracy")
axis.grid(alpha=0.4)
plt.show()

# %% [markdown]
# ## What counts in the end
#
# Measure on your own machine, with your own images, and look at the accuracy each time: a network that is twice as
# fast and wrong is not faster. `mnist-cnn evaluate` and `mnist-cnn study compare` tell whether a difference is more
# than chance (notebook 3); the page *Benchmarks* of the documents has what the recipes of this package reach on
# MNIST.
#
# ## Exercises
#
# 1. How many multiplications would the first layer need with `strides=1`? And the second, if the first had no stride?
# 2. Quantize with one scale for the whole layer rather than one for each filter. At how many bits do you see the
#    difference, and why?
# 3. A *depthwise separable* convolution (`layers.SeparableConv2D`) first looks at each map alone, with 3×3 weights,
#    and then combines the maps in each position. Compute the parameters of the third convolution in this form,
#    without bias, then build it and check. How many multiplications does it save?
#
# Try them before you read on.
#
# ## Answers
#
# **1.** There are 24×24 positions instead of 12×12, so four times as many. The second layer then works on a map of
# 24×24 instead of 12×12 as well, and has 11×11 positions instead of 5×5.

# %%
first, second = model.layers[1], model.layers[2]
print(f"first layer: {multiplications(first):,}, with strides=1 {24 * 24 * int(np.prod(first.kernel.shape)):,}")
print(f"second layer: {multiplications(second):,}, then {11 * 11 * int(np.prod(second.kernel.shape)):,}")

# %% [markdown]
# **2.** Filters differ in size: with one scale for all, the levels are as far apart as the largest weight of the
# layer demands, and small filters are rounded to few of them. With eight bits there are levels enough.


# %%
def quantized_by_layer(weights, bits):
    """The weights rounded to 2^bits − 1 levels, with one scale for all."""
    scale = abs(weights).max() / (2 ** (bits - 1) - 1)
    return np.round(weights / scale) * scale


for bits in (8, 4, 3, 2):
    both = [
        accuracy(changed(whole, lambda weights, bits=bits, rounded=rounded: rounded(weights, bits)))
        for rounded in (quantized, quantized_by_layer)
    ]
    print(f"{bits} bits: {both[0]:.1%} with a scale per filter, {both[1]:.1%} with one per layer")

# %% [markdown]
# **3.** 32 maps with 3×3 weights each, then 96 filters that look at the 32 maps: 32·9 + 32·96 = 3,360 instead of
# 32·9·96 = 27,648. Both are used at 3×3 positions, so the multiplications are an eighth as well.

# %%
separable = layers.SeparableConv2D(96, 3, use_bias=False)
separable.build((None, 5, 5, 32))
print(f"{separable.count_params():,} parameters instead of {model.layers[3].count_params():,}")
print(f"{9 * separable.count_params():,} multiplications instead of {multiplications(model.layers[3]):,}")
