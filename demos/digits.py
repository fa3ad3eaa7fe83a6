"""Handwritten digits without a download: the network of the slides on the 8×8 images that scikit-learn ships.

Slides "Application to MNIST" and "Fine-tuning the implementation": what the demo `mnist` does, in seconds. 1,197 images
to train, 300 to validate and 300 to test, so that an accuracy is uncertain by about a percent. There are fewer steps in
an epoch than with MNIST, and they may be longer: α = 0.003, which the validation images prefer to the slides' 0.001.
"""

from __future__ import annotations

import argparse

import sklearn.datasets

import autograd
from demos import mnist
from demos.common import parser


def load_digits() -> mnist.Parts:
    """1,197 images to train, 300 to validate and 300 to test, drawn after autograd.manual_seed()."""
    data = sklearn.datasets.load_digits()
    order = autograd.randperm(len(data.target)).numpy()
    images, labels = data.images[order] / 16, data.target[order]
    return (images[:1197], labels[:1197]), (images[1197:1497], labels[1197:1497]), (images[1497:], labels[1497:])


def run(args: argparse.Namespace) -> None:
    num_epoch = args.epochs or (20 if args.quick else 200)
    autograd.manual_seed(args.seed)
    parts = load_digits()
    print("The network of the slides: 64-100-10, sigmoid, Adam")
    mnist.slides_network(parts, num_epoch, 3e-3, args.out)
    print("\nAgainst support vector machines:")
    mnist.against_svm(parts, num_epoch, 3e-3)
    print("\nTuned: 64-800-10, ReLU, dropout, Adam in one cycle")
    mnist.tuned_network(parts, -(-num_epoch // 2), args.out / "tuned")


def main() -> None:
    run(parser(__doc__, out="out/digits", epochs="200").parse_args())


if __name__ == "__main__":
    main()
