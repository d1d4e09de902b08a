"""What a model takes and gives: names, types and shapes, in the terms of the Open Inference Protocol."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

Array: TypeAlias = NDArray[Any]
Inputs: TypeAlias = Array | Mapping[str, Array]
"""A table of numbers as one array [rows, columns], or arrays by the name of their column or tensor."""

FREE = -1
"""A dimension of any length."""

ANY = "ANY"
"""Numbers or strings: a column whose type the model does not record."""

DTYPES: dict[str, np.dtype[Any]] = {
    "BOOL": np.dtype(np.bool_),
    "UINT8": np.dtype(np.uint8),
    "UINT16": np.dtype(np.uint16),
    "UINT32": np.dtype(np.uint32),
    "UINT64": np.dtype(np.uint64),
    "INT8": np.dtype(np.int8),
    "INT16": np.dtype(np.int16),
    "INT32": np.dtype(np.int32),
    "INT64": np.dtype(np.int64),
    "FP16": np.dtype(np.float16),
    "FP32": np.dtype(np.float32),
    "FP64": np.dtype(np.float64),
    "BYTES": np.dtype(np.object_),
}
_NAMES = {dtype: name for name, dtype in DTYPES.items()}


def datatype(dtype: np.dtype[Any]) -> str:
    """Return the protocol's name of a numpy type; what is no number is BYTES."""
    return _NAMES.get(dtype, "BYTES")


@dataclass(frozen=True)
class Tensor:
    """An input or output.

    Attributes:
        name: Its name; a table's columns without names are x0, x1...
        datatype: One of `DTYPES`, or ANY.
        shape: Lengths by dimension, the batch first; FREE for any. A column of a table has (FREE,).
        nullable: Whether a value may be missing (null).
    """

    name: str
    datatype: str
    shape: tuple[int, ...] = (FREE,)
    nullable: bool = False

    @property
    def dtype(self) -> np.dtype[Any]:
        """The numpy type; ANY has that of strings."""
        return DTYPES.get(self.datatype, DTYPES["BYTES"])


@dataclass(frozen=True)
class Signature:
    """What a model takes and gives.

    Attributes:
        layout: `table` takes rows of columns, `tensors` takes each input as an array of its own,
            `free` takes one array of whatever it is: the model does not say.
        inputs: The columns or the tensors.
        outputs: In order; the first is what is answered when nothing is named.
        named: Whether a table's columns have names that callers know.
        whole: The name of a table without such names, as one tensor.
    """

    layout: Literal["table", "tensors", "free"]
    inputs: tuple[Tensor, ...] = ()
    outputs: tuple[Tensor, ...] = ()
    named: bool = True
    whole: str = "input-0"

    @cached_property
    def names(self) -> tuple[str, ...]:
        """Names of the inputs."""
        return tuple(tensor.name for tensor in self.inputs)

    @cached_property
    def output_names(self) -> tuple[str, ...]:
        """Names of the outputs."""
        return tuple(tensor.name for tensor in self.outputs)

    @cached_property
    def matrix(self) -> np.dtype[Any] | None:
        """The type that a table of numbers has as one array; None if it holds anything else."""
        kinds = {tensor.datatype for tensor in self.inputs}
        if self.layout != "table" or kinds & {"BOOL", "BYTES", ANY}:
            return None
        return DTYPES["FP32" if kinds == {"FP32"} else "FP64"]

    @cached_property
    def limits(self) -> tuple[Array, Array, Array]:
        """Least and largest value of each column of a table of numbers, and which ones hold whole numbers."""
        kinds = [tensor.datatype for tensor in self.inputs]
        bounds = [np.finfo(DTYPES[kind]) if kind.startswith("FP") else np.iinfo(DTYPES[kind]) for kind in kinds]
        whole = np.array([not kind.startswith("FP") for kind in kinds], dtype=np.bool_)
        return np.array([float(b.min) for b in bounds]), np.array([float(b.max) for b in bounds]), whole


def columns(count: int, datatype: str = "FP64", *, nullable: bool = False) -> tuple[Tensor, ...]:
    """Return the columns of a table without names."""
    return tuple(Tensor(f"x{number}", datatype, nullable=nullable) for number in range(count))


def zeros(signature: Signature) -> Inputs:
    """Return one row of nothing in particular, to warm a model with."""
    if signature.matrix is not None:
        return np.zeros((1, len(signature.inputs)), signature.matrix)
    return {tensor.name: _blank(tensor) for tensor in signature.inputs}


def _blank(tensor: Tensor) -> Array:
    shape = tuple(1 if length == FREE else length for length in tensor.shape)
    if tensor.datatype == "BYTES":
        return np.full(shape, "", DTYPES["BYTES"])
    return np.zeros(shape, DTYPES.get(tensor.datatype, DTYPES["FP64"]))
