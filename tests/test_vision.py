"""The MNIST data set under torchvision's names, and the transforms; NumPy is the oracle."""

import numpy as np
import pytest
from PIL import Image

import autograd
import nn
from nn.data import MNIST, DataLoader, DatasetError, Subset, mnist, transforms
from tests.test_mnist_files import put, small_mnist

STANDARD = transforms.Compose([transforms.ToTensor(), transforms.Normalize((0.1307,), (0.3081,))])


@pytest.fixture
def root(tmp_path):
    put(tmp_path / "MNIST" / "raw", small_mnist(train=7, test=3), compress=True)
    return tmp_path


def original(part, count):
    content = small_mnist(**{part: count})[f"{'t10k' if part == 'test' else part}-images-idx3-ubyte"]
    return np.frombuffer(content[16:], np.uint8).reshape(-1, 28, 28)


# ---- MNIST


@pytest.mark.parametrize(("train", "images"), [(True, original("train", 7)), (False, original("test", 3))])
def test_samples_are_images_and_labels(root, train, images):
    dataset = MNIST(root, train=train)
    assert len(dataset) == len(images)
    for k, (image, label) in enumerate(dataset):
        np.testing.assert_array_equal(image, images[k])
        assert (image.dtype, type(label), label) == (np.uint8, int, k)
    assert (dataset.data.shape, dataset.data.dtype) == (images.shape, np.uint8)
    assert (dataset.targets.tolist(), dataset.targets.dtype) == (list(range(len(images))), np.int64)
    assert dataset.classes[7] == "7 - seven"
    assert dataset.class_to_idx["7 - seven"] == 7


def test_transforms_are_applied_to_image_and_label(root):
    dataset = MNIST(str(root), transform=lambda image: image.sum(), target_transform=lambda label: -label)
    assert dataset[2] == (original("train", 7)[2].sum(), -2)


def test_a_transform_that_writes_into_its_image_leaves_the_data_set_alone(root):
    def spoil(image):
        image[:] = 0
        return image

    dataset = MNIST(root, transform=spoil)
    assert not dataset[0][0].any()
    assert dataset.data.array[0].any()


def test_only_the_part_asked_for_need_be_there(root):
    for path in (root / "MNIST" / "raw").glob("t10k*"):
        path.unlink()
    assert len(MNIST(root)) == 7
    with pytest.raises(FileNotFoundError, match="Dataset not found.*download=True.*t10k-images.*t10k-labels") as caught:
        MNIST(root, train=False)
    assert isinstance(caught.value, RuntimeError)  # torchvision's


def test_damaged_files_are_an_error(root):
    (root / "MNIST" / "raw" / "train-labels-idx1-ubyte.gz").write_bytes(b"junk")
    with pytest.raises(DatasetError, match="train-labels.*magic"):
        MNIST(root)


def test_download_goes_to_torchvisions_folder(root, monkeypatch):
    asked = []
    monkeypatch.setattr("nn.data.vision.download_mnist", asked.append)
    MNIST(root, download=True)
    assert asked == [str(root / "MNIST" / "raw")]
    assert callable(mnist.download_mnist)


def test_the_repr_is_torchvisions(root):
    assert repr(MNIST(root, transform=STANDARD)).splitlines() == [
        "Dataset MNIST",
        "    Number of datapoints: 7",
        f"    Root location: {root}",
        "    Split: Train",
        "    Transform: Compose(",
        "                   ToTensor()",
        "                   Normalize(mean=(0.1307,), std=(0.3081,))",
        "               )",
    ]


# ---- batches at once


@pytest.mark.parametrize("wrap", [lambda d: d, lambda d: Subset(d, [4, 2, 5])])
@pytest.mark.parametrize("transform", [None, transforms.ToTensor(), STANDARD, transforms.Compose([STANDARD])], ids=str)
def test_batches_at_once_are_those_of_single_samples_bit_for_bit(root, transform, wrap):
    dataset = wrap(MNIST(root, transform=transform))
    for workers in (0, 2):
        at_once = list(DataLoader(dataset, batch_size=4, num_workers=workers))
        singly = list(DataLoader(dataset, batch_size=4, collate_fn=lambda s: nn.data.default_collate(s)))
        assert len(at_once) == len(singly)
        for (a, b), (c, d) in zip(at_once, singly, strict=True):
            assert (a.shape, a.dtype, b.dtype) == (c.shape, c.dtype, d.dtype)
            assert a.array.tobytes() == c.array.tobytes()
            assert b.tolist() == d.tolist()


def test_data_that_are_no_longer_bytes_are_not_taken_for_them(root):
    dataset = MNIST(root, transform=STANDARD)
    dataset.data = dataset.data.long()
    with pytest.raises(TypeError, match="sample 0 of MNIST.*float tensor"):
        list(DataLoader(dataset))


def fails(self, *args):
    raise AssertionError("asked for a single sample")


def test_standard_transforms_are_not_called_for_each_sample(root, monkeypatch):
    monkeypatch.setattr(transforms.ToTensor, "__call__", fails)
    (x, _), *_ = DataLoader(MNIST(root, transform=STANDARD), batch_size=4)
    assert x.shape == (4, 1, 28, 28)


class Inverted(transforms.ToTensor):
    def __call__(self, pic):
        return 1 - super().__call__(pic)


@pytest.mark.parametrize(
    "transform",
    [
        Inverted(),
        transforms.Compose([Inverted()]),
        transforms.Compose([transforms.ToTensor(), transforms.Lambda(lambda x: 1 - x)]),
        lambda image: 1 - transforms.ToTensor()(image),
    ],
)
def test_a_transform_of_your_own_sees_each_image(root, transform):
    ((x, _),) = DataLoader(MNIST(root, transform=transform), batch_size=7)
    np.testing.assert_array_equal(x.numpy(), 1 - original("train", 7)[:, None].astype(np.float32) / 255)


def test_a_subclass_with_samples_of_its_own_is_asked_for_each(root):
    class Even(MNIST):
        def __getitem__(self, k):
            image, label = super().__getitem__(k)
            return image, label % 2

    ((_, y),) = DataLoader(Even(root, transform=STANDARD), batch_size=7)
    assert y.tolist() == [0, 1, 0, 1, 0, 1, 0]


def test_target_transforms_are_called_for_each(root):
    ((_, y),) = DataLoader(MNIST(root, transform=STANDARD, target_transform=lambda k: k * 10), batch_size=7)
    assert y.tolist() == [0, 10, 20, 30, 40, 50, 60]


# ---- transforms


@pytest.mark.parametrize("shape", [(4, 5), (4, 5, 1), (4, 5, 3)])
@pytest.mark.parametrize("dtype", [np.uint8, np.float32, np.float64, np.int64])
def test_to_tensor_puts_channels_first_and_scales_bytes_only(shape, dtype):
    image = np.random.default_rng(0).integers(0, 256, shape).astype(dtype)
    expected = np.atleast_3d(image).transpose(2, 0, 1)
    if dtype is np.uint8:
        expected = (expected / 255).astype(np.float32)
    found = transforms.ToTensor()(image)
    assert found.dtype == expected.dtype
    np.testing.assert_array_equal(found.numpy(), expected)
    found.zero_()
    assert image.any()  # the memory is not shared


@pytest.mark.parametrize("mode", ["L", "RGB", "RGBA", "1", "F", "I"])
def test_to_tensor_takes_pillow_images(mode):
    grey = Image.fromarray(np.random.default_rng(0).integers(0, 256, (4, 5)).astype(np.uint8))
    image = grey.convert(mode)
    scale = {"F": 1, "I": 1, "1": 1}.get(mode, 255)
    expected = np.atleast_3d(np.asarray(image)).transpose(2, 0, 1).astype(np.float32) / np.float32(scale)
    found = transforms.ToTensor()(image)
    assert found.dtype == (np.int32 if mode == "I" else np.float32)
    np.testing.assert_array_equal(found.numpy(), expected)


def test_to_tensor_refuses_anything_else():
    for pic in (autograd.ones(2, 2), [[1]], None):
        with pytest.raises(TypeError, match="should be PIL Image or ndarray"):
            transforms.ToTensor()(pic)
    with pytest.raises(ValueError, match="2/3 dimensional. Got 4"):
        transforms.ToTensor()(np.ones((1, 2, 3, 4)))


@pytest.mark.parametrize("shape", [(3, 4, 5), (2, 3, 4, 5)])
def test_normalize_works_channel_by_channel(shape):
    x = autograd.rand(*shape, dtype="float64")
    mean, std = [0.1, 0.2, 0.3], [0.5, 1.0, 2.0]
    expected = (x.numpy() - np.reshape(mean, (3, 1, 1))) / np.reshape(std, (3, 1, 1))
    before = x.tolist()
    np.testing.assert_array_equal(transforms.Normalize(mean, std)(x).numpy(), expected)
    assert x.tolist() == before
    assert transforms.Normalize(mean, std, inplace=True)(x) is x
    np.testing.assert_array_equal(x.numpy(), expected)


@pytest.mark.parametrize(
    ("transform", "x", "error", "message"),
    [
        ((0.5, 0.0), autograd.ones(1, 2, 2), ValueError, "std evaluated to zero"),
        ((0.5, [1.0, 1.0]), autograd.ones(3, 2, 2), ValueError, "each of the 3 channels"),
        ((0.5, 1.0), autograd.ones(2, 2), ValueError, r"size \(..., C, H, W\)"),
        ((0.5, 1.0), np.ones((1, 2, 2)), TypeError, "should be a torch tensor"),
        ((0.5, 1.0), autograd.arange(4).reshape(1, 2, 2), TypeError, "should be a float tensor"),
    ],
)
def test_normalize_refuses_what_it_cannot_normalize(transform, x, error, message):
    with pytest.raises(error, match=message):
        transforms.Normalize(*transform)(x)


def test_a_fault_in_a_transform_is_reported_with_the_sample(root):
    wrong = transforms.Compose([transforms.ToTensor(), transforms.Normalize(0.1, 0.0)])
    with pytest.raises(ValueError, match="sample 0 of MNIST: Normalize: std evaluated to zero"):
        list(DataLoader(MNIST(root, transform=wrong), batch_size=4))


def test_lambda_wants_a_function():
    with pytest.raises(TypeError, match="should be callable"):
        transforms.Lambda(3)
