"""What a traced run is made of: one step per leaf call and functional operation, and what kind of step it is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from torch import Tensor, nn

from cnnvis.compute.fields import View

# Operations that only move or relabel values: data pass through them without a node.
PASSING = frozenset(
    "getitem view reshape permute transpose t contiguous to float half double bfloat16 type type_as clone detach "
    "expand expand_as broadcast_to squeeze unsqueeze chunk split split_with_sizes tensor_split unbind narrow select "
    "movedim moveaxis swapaxes swapdims unflatten view_as reshape_as as_strided cpu cuda alias roll flip fliplr flipud "
    "index_select repeat tile repeat_interleave numpy_T adjoint hsplit vsplit dsplit atleast_1d atleast_2d atleast_3d "
    "take_along_dim gather rot90 real positive resolve_conj view_copy lift_fresh pin_memory".split()
)
# Operations that take only shape and kind from their input: what they give is no data.
CREATING = frozenset(
    "new_zeros new_ones new_full new_empty new_tensor zeros_like ones_like full_like empty_like rand_like randn_like "
    "randint_like".split()
)
# Of the passing ones, those that keep every value where it is.
UNMOVED = frozenset(
    "contiguous to float half double bfloat16 type type_as clone detach alias cpu cuda positive real".split()
)
# And these keep the order of the axes.
ORDERED = UNMOVED | frozenset(
    "getitem chunk split split_with_sizes tensor_split narrow roll flip index_select repeat expand expand_as".split()
)
# Operations with weights of their own: a node with units.
_WEIGHTED = frozenset(
    "conv1d conv2d conv3d conv_transpose1d conv_transpose2d conv_transpose3d conv linear bilinear embedding "
    "embedding_bag lstm gru rnn_tanh rnn_relu lstm_cell gru_cell rnn_tanh_cell rnn_relu_cell "
    "multi_head_attention_forward".split()
)
PRODUCTS = frozenset(
    "matmul mm bmm mv einsum addmm baddbmm addmv tensordot inner dot scaled_dot_product_attention".split()
)
# Operations after which a value no longer belongs to one place, although the shape is the same.
_MIXING = frozenset("cumsum cumprod sort msort fft ifft unfold fold stack cat matrix_power inverse setitem".split())
_MIXING_PARTS = ("pool", "pad", "interpolate", "upsample", "shuffle", "conv", "fft", "grid_sample", "blur")
_FINAL = frozenset(
    "Softmax Softmax2d LogSoftmax Sigmoid LogSigmoid Softmin softmax log_softmax sigmoid logsigmoid log_sigmoid "
    "softmin special_softmax special_expit special_log_softmax".split()
)
_WEIGHTED_MODULES = (
    nn.modules.conv._ConvNd,
    nn.Linear,
    nn.Bilinear,
    nn.Embedding,
    nn.EmbeddingBag,
    nn.MultiheadAttention,
    nn.RNNBase,
    nn.RNNCellBase,
)
_KEEPS_SIGN = frozenset("cat concat mean amax max sum stack identity squeeze getitem select view reshape".split())
_KEEPS_SIGN_PARTS = ("pool", "flatten", "pad", "drop", "upsample", "interpolate", "shuffle")


@dataclass(eq=False, slots=True)
class Step:
    """One node as the run showed it. Shapes are raw, with the batch axis; `view` is that of its output."""

    name: str
    kind: str
    shape: tuple[int, ...]
    sources: tuple[str, ...]
    direct: bool  # all it reads are the very outputs of its sources, not moved or reshaped
    straight: tuple[str, ...] = ()  # sources whose axes lie as those of the output
    module: nn.Module | None = None
    owner: str = ""
    floating: bool = True
    weighted: bool = False
    same: bool = False  # the output has the shape of the input
    untouched: bool = False  # the output is the input
    rectifies: bool = False
    parameters: int = 0
    kernel: tuple[int, ...] = ()
    stride: tuple[int, ...] = ()
    plane: int = 0  # the number of spatial axes of a convolution
    view: View | None = None
    promoted: bool = False

    @property
    def foldable(self) -> bool:
        """Whether it can be shown as part of its producer: bias, normalisation, activation, dropout, a scale."""
        if self.weighted or self.promoted or not (self.same and self.direct and len(self.sources) == 1):
            return False
        low = self.kind.lower()
        return low not in _MIXING and low not in PRODUCTS and not any(part in low for part in _MIXING_PARTS)

    @property
    def final(self) -> bool:
        """Whether it turns logits into probabilities."""
        return self.kind in _FINAL

    @property
    def keeps_sign(self) -> bool:
        """Whether it gives nothing below zero if it is given nothing below zero."""
        low = self.kind.lower()
        return low in _KEEPS_SIGN or any(part in low for part in _KEEPS_SIGN_PARTS)


def is_weighted_module(module: nn.Module) -> bool:
    """Whether a leaf computes with weights, and not only scales and shifts single units."""
    if isinstance(module, _WEIGHTED_MODULES):
        return True
    if isinstance(module, (nn.modules.batchnorm._NormBase, nn.LayerNorm, nn.GroupNorm, nn.PReLU)):
        return False
    return any(sum(n > 1 for n in p.shape) > 1 for p in module.parameters())


def is_weighted_step(word: str, operands: list[Tensor], constants: list[Tensor]) -> bool:
    """Whether an operation computes with weights: a convolution, or a product with a matrix that is not data."""
    if word in _WEIGHTED:
        return True
    return word in PRODUCTS and any(c.dim() > 1 for c in constants) and len(operands) == 1


def module_rectifies(module: nn.Module) -> bool:
    """Whether a leaf cuts everything below zero to zero."""
    if isinstance(module, nn.Hardtanh):  # ReLU6 is one
        return float(module.min_val) == 0.0
    if isinstance(module, nn.Threshold):
        return float(module.threshold) == 0.0 and float(module.value) == 0.0
    return isinstance(module, nn.ReLU)


def step_rectifies(word: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> bool:
    """Whether an operation cuts everything below zero to zero."""
    if word in ("relu", "relu6"):
        return True
    if word in ("clamp", "clip", "clamp_min", "hardtanh", "maximum"):
        low = args[1] if len(args) > 1 else kwargs.get("min", kwargs.get("min_val"))
        return isinstance(low, (int, float)) and float(low) == 0.0
    return False


def argument(args: tuple[Any, ...], kwargs: dict[str, Any], place: int, *keys: str, default: Any = None) -> Any:
    """An argument of a call by its place or one of its names."""
    if len(args) > place:
        return args[place]
    return next((kwargs[k] for k in keys if k in kwargs), default)


def numbers(value: Any, n: int) -> tuple[int, ...]:
    """An int or a sequence of ints as n ints; () where it is neither."""
    if isinstance(value, int):
        return (value,) * n
    if isinstance(value, (tuple, list)) and all(isinstance(v, int) for v in value):
        return tuple(value) * n if len(value) == 1 else tuple(value)
    return ()

