"""The first network of the next unit: two convolutions read MNIST better than any network of two layers did.

What follows the slides "Application to MNIST" and "History" (2012-now: the deep-network revolution). A convolution
looks at 5×5 pixels with the same few weights everywhere, so that the network has fewer parameters than 784-100-10
and makes fewer mistakes. MNIST is found as in the demo `mnist`.
"""

from __future__ import annotations

import autograd
import nn
import viz
from demos import mnist
from demos.common import parser
from nn import optim
from viz import plots


class ConvNet(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.activation = nn.ReLU()
        self.pool = nn.MaxPool2d(2)
        self.Conv1 = nn.Conv2d(1, 8, kernel_size=5)  # (n, 1, 28, 28) to (n, 8, 24, 24), pooled to 12×12
        self.Conv2 = nn.Conv2d(8, 16, kernel_size=5)  # to (n, 16, 8, 8), pooled to 4×4
        self.Dense1 = nn.Linear(16 * 4 * 4, 64)
        self.Dense2 = nn.Linear(64, 10)

    def forward(self, x: autograd.Tensor) -> autograd.Tensor:
        x = self.pool(self.activation(self.Conv1(x)))
        x = self.pool(self.activation(self.Conv2(x)))
        x = self.activation(self.Dense1(x.flatten(1)))
        out: autograd.Tensor = self.Dense2(x)
        return out


def channel(images: mnist.Images) -> autograd.Tensor:
    """Images of one channel, (n, 1, height, width)."""
    return autograd.Tensor(images[:, None])


def main() -> None:
    options = parser(__doc__, out="out/convnet", epochs="6")
    options.add_argument("--data-dir", help="a folder that has MNIST's four files")
    args = options.parse_args()
    num_epoch = args.epochs or (2 if args.quick else 6)
    autograd.manual_seed(args.seed)
    parts = mnist.load_mnist(args.data_dir)
    if args.quick:
        parts = mnist.first(parts, 2000)
    X_test, y_test = parts[2]

    model = ConvNet()
    for name, net in ("convolutions", model), ("784-100-10", mnist.Net(784, 100, 10)):
        print(f"{name}: {sum(p.numel() for p in net.parameters()):,} parameters")
    history = mnist.train(model, parts, num_epoch, optim.Adam(model.parameters()), max_lr=4e-3, shape=channel)
    saved = mnist.report(args.out, history, mnist.decisions(model, channel(X_test)), (X_test, y_test))

    import matplotlib.pyplot as plt

    plots.images(model.Conv1.weight.detach().numpy()[:, 0], columns=8)
    plt.savefig(args.out / "filters.png")
    with autograd.no_grad():
        features = model.activation(model.Conv1(channel(X_test[:4]))).numpy()  # what the filters find in four digits
    plots.images(features.reshape(-1, 24, 24), columns=8)
    plt.savefig(args.out / "features.png")

    loss = nn.CrossEntropyLoss()(model(channel(X_test[:10])), autograd.tensor(y_test[:10]))
    for show in "forward", "backward":
        viz.draw(loss, show=show).save(args.out / f"{show}.svg")
    print(f"saved in {args.out}: {saved}, filters and features .png, forward and backward .svg")


if __name__ == "__main__":
    main()
