"""A lesson in PyTorch: a network for two classes in the plane, and one for handwritten digits."""

import argparse
import os

import matplotlib.pyplot as plt
import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F
import torch.optim as optim
from torch.optim.lr_scheduler import StepLR
from torch.utils.data import DataLoader, Dataset, random_split


class Disc(Dataset):
    """Points of the unit square; the class is 1 inside a disc."""

    def __init__(self, n):
        rng = np.random.default_rng(1)
        X = rng.random((n, 2), dtype=np.float32)
        self.X = torch.from_numpy(X)
        self.y = torch.tensor(np.sum((X - 0.5) ** 2, axis=1) < 0.1, dtype=torch.float)

    def __len__(self):
        return len(self.X)

    def __getitem__(self, index):
        return self.X[index], self.y[index]


class Net(nn.Module):
    def __init__(self, nin, nh, nout):
        super().__init__()
        self.hidden = nn.Linear(nin, nh)
        self.output = nn.Linear(nh, nout)

    def forward(self, x):
        x = torch.relu(self.hidden(x))
        return self.output(x)


def train(model, loader, criterion, optimizer, device):
    model.train()
    total_loss, correct = 0.0, 0
    for X, y in loader:
        X, y = X.to(device), y.to(device)
        logits = model(X).squeeze(1)
        loss = criterion(logits, y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        total_loss += loss.item() * len(X)
        correct += ((logits > 0).float() == y).sum().item()
    return total_loss / len(loader.dataset), 100.0 * correct / len(loader.dataset)


def accuracy(model, loader, device):
    model.eval()
    correct = 0
    with torch.no_grad():
        for X, y in loader:
            logits = model(X.to(device)).squeeze(1)
            correct += (logits > 0).float().eq(y.to(device).view_as(logits)).sum().item()
    return 100.0 * correct / len(loader.dataset)


def plane(args, device):
    dataset = Disc(1000)
    train_set, val_set = random_split(dataset, [800, 200], generator=torch.Generator().manual_seed(1))
    train_loader = DataLoader(train_set, batch_size=50, shuffle=True, num_workers=0, pin_memory=False)
    val_loader = DataLoader(val_set, batch_size=200)

    model = Net(2, 16, 1).to(device)
    print(model)
    print("parameters:", sum(p.numel() for p in model.parameters() if p.requires_grad))
    criterion = nn.BCEWithLogitsLoss()
    optimizer = optim.Adam(model.parameters(), lr=0.03, weight_decay=1e-5)
    scheduler = StepLR(optimizer, step_size=20, gamma=0.5)
    for epoch in range(1, args.epochs + 1):
        loss, acc = train(model, train_loader, criterion, optimizer, device)
        scheduler.step()
        if epoch % 10 == 0:
            lr = scheduler.get_last_lr()[0]
            print(f"epoch {epoch}: loss {loss:.3f}, accuracy {acc:.1f} %, lr {lr:.4f}")
    print(f"validation accuracy {accuracy(model, val_loader, device):.1f} %")

    # The decision region
    grid = torch.linspace(0, 1, 50)
    x0, x1 = torch.meshgrid(grid, grid, indexing="xy")
    points = torch.stack([x0.flatten(), x1.flatten()], dim=1)
    with torch.no_grad():
        region = torch.sigmoid(model(points)).reshape(50, 50).cpu().numpy()
    plt.figure()
    plt.imshow(region, origin="lower", extent=(0, 1, 0, 1))
    plt.colorbar()
    plt.scatter(dataset.X[:, 0], dataset.X[:, 1], c=dataset.y, s=5)
    plt.savefig(os.path.join(args.out, "region.png"))
    plt.show()

    # Saving and loading
    path = os.path.join(args.out, "model.pt")
    torch.save({"epoch": args.epochs, "model": model.state_dict(), "optimizer": optimizer.state_dict()}, path)
    checkpoint = torch.load(path, map_location=device, weights_only=True)
    again = Net(2, 16, 1)
    print(again.load_state_dict(checkpoint["model"]))
    optimizer.load_state_dict(checkpoint["optimizer"])
    assert torch.equal(again(points), model(points))
    assert checkpoint["epoch"] == args.epochs


class DigitNet(nn.Module):
    def __init__(self):
        super(DigitNet, self).__init__()
        self.fc1 = nn.Linear(28 * 28, 100)
        self.fc2 = nn.Linear(100, 10)

    def forward(self, x):
        x = x.view(-1, 28 * 28)
        x = torch.sigmoid(self.fc1(x))
        return self.fc2(x)


def digits(args, device):
    from torchvision import datasets, transforms

    transform = transforms.Compose([transforms.ToTensor(), transforms.Normalize((0.1307,), (0.3081,))])
    train_set = datasets.MNIST(args.data_dir, train=True, download=False, transform=transform)
    test_set = datasets.MNIST(args.data_dir, train=False, transform=transform)
    train_loader = DataLoader(train_set, batch_size=100, shuffle=True, num_workers=1, persistent_workers=True)
    test_loader = DataLoader(test_set, batch_size=1000)

    model = DigitNet().to(device)
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
    for epoch in range(1, args.digit_epochs + 1):
        model.train()
        for batch_idx, (data, target) in enumerate(train_loader):
            data, target = data.to(device), target.to(device)
            optimizer.zero_grad()
            loss = F.cross_entropy(model(data), target)
            loss.backward()
            optimizer.step()
            if batch_idx % 100 == 0:
                done = batch_idx * len(data)
                print(f"digits, epoch {epoch} [{done}/{len(train_loader.dataset)}]: loss {loss.item():.3f}")
    model.eval()
    correct = 0
    with torch.no_grad():
        for data, target in test_loader:
            pred = model(data.to(device)).argmax(dim=1, keepdim=True)
            correct += pred.eq(target.to(device).view_as(pred)).sum().item()
    print(f"digits: test accuracy {100.0 * correct / len(test_set):.1f} %")


def main():
    parser = argparse.ArgumentParser(description="A lesson in PyTorch")
    parser.add_argument("--data-dir", help="where MNIST is; without it there are no digits")
    parser.add_argument("--epochs", type=int, default=40)
    parser.add_argument("--digit-epochs", type=int, default=5)
    parser.add_argument("--out", default=".")
    args = parser.parse_args()
    torch.manual_seed(0)
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    plane(args, device)
    if args.data_dir:
        digits(args, device)


if __name__ == "__main__":
    main()
