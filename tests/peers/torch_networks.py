"""Networks that people bring, written in PyTorch with random parameters: the layers and wiring of the papers."""

from __future__ import annotations

import torch
from torch import nn
from torch.nn import functional


class BasicBlock(nn.Module):
    """Two 3x3 convolutions beside the identity. He et al., CVPR 2016."""

    def __init__(self, inputs, outputs, stride=1):
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(outputs)
        self.conv2 = nn.Conv2d(outputs, outputs, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(outputs)
        self.downsample = None
        if stride != 1 or inputs != outputs:
            self.downsample = nn.Sequential(nn.Conv2d(inputs, outputs, 1, stride, bias=False), nn.BatchNorm2d(outputs))

    def forward(self, x):
        y = self.bn2(self.conv2(functional.relu(self.bn1(self.conv1(x)))))
        return functional.relu(y + (x if self.downsample is None else self.downsample(x)))


class ResNet18(nn.Module):
    """torchvision's resnet18, with `width` instead of 64 channels at the start.

    small: for images of some 30 pixels it begins with 3x3, stride 1 and no pooling.
    """

    def __init__(self, classes=1000, width=64, small=False):
        super().__init__()
        first = (3, 1, 1) if small else (7, 2, 3)
        self.conv1 = nn.Conv2d(3, width, *first, bias=False)
        self.bn1 = nn.BatchNorm2d(width)
        self.maxpool = nn.Identity() if small else nn.MaxPool2d(3, 2, 1)
        channels = [width * f for f in (1, 1, 2, 4, 8)]
        for k in range(4):
            first = BasicBlock(channels[k], channels[k + 1], 1 if k == 0 else 2)
            setattr(self, f"layer{k + 1}", nn.Sequential(first, BasicBlock(channels[k + 1], channels[k + 1])))
        self.avgpool = nn.AdaptiveAvgPool2d(1)
        self.fc = nn.Linear(channels[4], classes)

    def forward(self, x):
        x = self.maxpool(functional.relu(self.bn1(self.conv1(x))))
        x = self.layer4(self.layer3(self.layer2(self.layer1(x))))
        return self.fc(torch.flatten(self.avgpool(x), 1))


def conv_bn(inputs, outputs, kernel=3, stride=1, groups=1, activation=nn.ReLU6):
    """A convolution, its normalization and its activation."""
    conv = nn.Conv2d(inputs, outputs, kernel, stride, kernel // 2, groups=groups, bias=False)
    return nn.Sequential(conv, nn.BatchNorm2d(outputs), *([activation()] if activation else []))


class InvertedResidual(nn.Module):
    """Expansion, depthwise convolution, projection. Sandler et al., CVPR 2018."""

    def __init__(self, inputs, outputs, stride, expansion):
        super().__init__()
        hidden = inputs * expansion
        self.residual = stride == 1 and inputs == outputs
        stack = [] if expansion == 1 else [conv_bn(inputs, hidden, 1)]
        stack += [conv_bn(hidden, hidden, 3, stride, hidden), conv_bn(hidden, outputs, 1, activation=None)]
        self.conv = nn.Sequential(*stack)

    def forward(self, x):
        return x + self.conv(x) if self.residual else self.conv(x)


MOBILENET = [
    (1, 16, 1, 1),
    (6, 24, 2, 2),
    (6, 32, 3, 2),
    (6, 64, 4, 2),
    (6, 96, 3, 1),
    (6, 160, 3, 2),
    (6, 320, 1, 1),
]  # expansion, channels, repeats, stride


class MobileNetV2(nn.Module):
    """The paper's table 2, with each number of channels times `width`."""

    def __init__(self, classes=1000, width=1.0, dropout=0.2):
        super().__init__()
        channels = max(int(32 * width), 4)
        stack = [conv_bn(3, channels, 3, 2)]
        for expansion, outputs, repeats, stride in MOBILENET:
            outputs = max(int(outputs * width), 4)
            for k in range(repeats):
                stack.append(InvertedResidual(channels, outputs, stride if k == 0 else 1, expansion))
                channels = outputs
        last = max(int(1280 * width), 8)
        self.features = nn.Sequential(*stack, conv_bn(channels, last, 1))
        self.classifier = nn.Sequential(nn.Dropout(dropout), nn.Linear(last, classes))

    def forward(self, x):
        return self.classifier(self.features(x).mean((2, 3)))


class MBConv(nn.Module):
    """An inverted residual with squeeze and excitation, and SiLU. Tan & Le, ICML 2019."""

    def __init__(self, inputs, outputs, kernel, stride, expansion):
        super().__init__()
        hidden, squeezed = inputs * expansion, max(inputs // 4, 1)
        self.residual = stride == 1 and inputs == outputs
        self.expand = nn.Identity() if expansion == 1 else conv_bn(inputs, hidden, 1, activation=nn.SiLU)
        self.depthwise = conv_bn(hidden, hidden, kernel, stride, hidden, nn.SiLU)
        self.squeeze, self.excite = nn.Conv2d(hidden, squeezed, 1), nn.Conv2d(squeezed, hidden, 1)
        self.project = conv_bn(hidden, outputs, 1, activation=None)

    def forward(self, x):
        y = self.depthwise(self.expand(x))
        scale = functional.adaptive_avg_pool2d(y, 1)
        y = self.project(y * torch.sigmoid(self.excite(functional.silu(self.squeeze(scale)))))
        return x + y if self.residual else y


EFFICIENTNET = [
    (1, 16, 3, 1),
    (6, 24, 3, 2),
    (6, 40, 5, 2),
    (6, 80, 3, 2),
    (6, 112, 5, 1),
    (6, 112, 5, 1),
    (6, 192, 5, 2),
]  # expansion, channels, kernel, stride


class EfficientNet(nn.Module):
    """The blocks of EfficientNet-B0, one of each row of its table, with each number of channels times `width`."""

    def __init__(self, classes=10, width=0.5):
        super().__init__()
        channels = int(32 * width)
        stack = [conv_bn(3, channels, 3, 2, activation=nn.SiLU)]
        for expansion, outputs, kernel, stride in EFFICIENTNET:
            stack.append(MBConv(channels, int(outputs * width), kernel, stride, expansion))
            channels = int(outputs * width)
        self.features = nn.Sequential(*stack, conv_bn(channels, 64, 1, activation=nn.SiLU))
        self.classifier = nn.Linear(64, classes)

    def forward(self, x):
        return self.classifier(torch.flatten(functional.adaptive_avg_pool2d(self.features(x), 1), 1))


class DenseLayer(nn.Module):
    """Normalize, activate, convolve, and stand beside what came before. Huang et al., CVPR 2017."""

    def __init__(self, inputs, growth):
        super().__init__()
        self.norm1, self.conv1 = nn.BatchNorm2d(inputs), nn.Conv2d(inputs, 4 * growth, 1, bias=False)
        self.norm2, self.conv2 = nn.BatchNorm2d(4 * growth), nn.Conv2d(4 * growth, growth, 3, 1, 1, bias=False)

    def forward(self, x):
        y = self.conv1(functional.relu(self.norm1(x)))
        return torch.cat([x, self.conv2(functional.relu(self.norm2(y)))], 1)


class DenseNet(nn.Module):
    """Dense blocks, and transitions that halve channels and sides."""

    def __init__(self, classes=6, growth=4, blocks=(3, 3, 2)):
        super().__init__()
        channels = 2 * growth
        stack = [
            nn.Conv2d(3, channels, 7, 2, 3, bias=False),
            nn.BatchNorm2d(channels),
            nn.ReLU(),
            nn.MaxPool2d(3, 2, 1),
        ]
        for k, layers in enumerate(blocks):
            for _ in range(layers):
                stack.append(DenseLayer(channels, growth))
                channels += growth
            if k + 1 < len(blocks):
                half = channels // 2
                stack += [
                    nn.BatchNorm2d(channels),
                    nn.ReLU(),
                    nn.Conv2d(channels, half, 1, bias=False),
                    nn.AvgPool2d(2),
                ]
                channels = half
        self.features = nn.Sequential(*stack, nn.BatchNorm2d(channels))
        self.classifier = nn.Linear(channels, classes)

    def forward(self, x):
        y = functional.adaptive_avg_pool2d(functional.relu(self.features(x)), 1)
        return self.classifier(torch.flatten(y, 1))


class UNet(nn.Module):
    """Two levels down, and up again beside what was there. Ronneberger et al., MICCAI 2015."""

    def __init__(self, classes=2, width=6, transposed=True):
        super().__init__()
        self.down = nn.ModuleList(self.twice(a, b) for a, b in ((1, width), (width, 2 * width), (2 * width, 4 * width)))
        up = [
            nn.ConvTranspose2d(a, a // 2, 2, 2)
            if transposed
            else nn.Sequential(nn.Upsample(scale_factor=2, mode="bilinear"), nn.Conv2d(a, a // 2, 1))
            for a in (4 * width, 2 * width)
        ]
        self.up = nn.ModuleList(up)
        self.merge = nn.ModuleList(self.twice(2 * a, a) for a in (2 * width, width))
        self.last = nn.Conv2d(width, classes, 1)

    @staticmethod
    def twice(inputs, outputs):
        return nn.Sequential(
            conv_bn(inputs, outputs, activation=nn.ReLU), conv_bn(outputs, outputs, activation=nn.ReLU)
        )

    def forward(self, x):
        skipped = []
        for k, block in enumerate(self.down):
            x = block(x if k == 0 else functional.max_pool2d(x, 2))
            skipped.append(x)
        for up, merge, skip in zip(self.up, self.merge, skipped[-2::-1], strict=True):
            x = merge(torch.cat([skip, up(x)], 1))
        return self.last(x)


# name: (the network, the shape of one image)
NETWORKS = {
    "resnet18": (lambda: ResNet18(5, 8), (3, 64, 64)),
    "mobilenetv2": (lambda: MobileNetV2(4, 0.25), (3, 64, 64)),
    "efficientnet": (lambda: EfficientNet(3, 0.25), (3, 64, 64)),
    "densenet": (DenseNet, (3, 64, 64)),
    "unet": (UNet, (1, 32, 32)),
    "unet_resize": (lambda: UNet(transposed=False), (1, 32, 32)),
}


def build(name):
    """The network with parameters and statistics that are not those of a new one, for inference."""
    torch.manual_seed(7)
    make, shape = NETWORKS[name]
    network = make()
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            for tensor, low, high in (
                *((module.weight.data, 0.5, 1.5), (module.bias.data, -0.2, 0.2)),
                *((module.running_mean, -0.2, 0.2), (module.running_var, 0.5, 1.5)),
            ):
                tensor.uniform_(low, high)
    return network.eval(), shape


def export(network, shape, path, dynamo, folded=True):
    """Write the network with one of PyTorch's exporters, the number of images left open.

    folded: normalizations become part of the convolutions, as the exporters do it by themselves.
    """
    x = torch.zeros(2, *shape, dtype=next(network.parameters()).dtype)
    if dynamo:
        batch = ({0: torch.export.Dim("batch")},)
        settings = {"dynamic_shapes": batch, "optimize": folded, "verbose": False}
    else:
        mode = torch.onnx.TrainingMode.EVAL if folded else torch.onnx.TrainingMode.PRESERVE
        settings = {"input_names": ["x"], "dynamic_axes": {"x": {0: "batch"}}, "opset_version": 17, "training": mode}
    torch.onnx.export(network, (x,), path, dynamo=dynamo, **settings)
