"""A network of dense layers as a LiteRT (TensorFlow Lite) graph, written by LiteRT's own schema.

TensorFlow and PyTorch models are converted by their own converters; this small one needs neither.
"""

from collections.abc import Sequence
from typing import Any

import flatbuffers  # type: ignore[import-untyped]
import numpy as np
from ai_edge_litert import schema_py_generated as schema  # type: ignore[import-not-found]

DENSE, SOFTMAX = 0, 1
"""Places of the two operators in the graph's list."""


def network(layers: Sequence[tuple[np.ndarray, np.ndarray]], source: str, target: str) -> Any:
    """Return a classifier as a model of LiteRT's schema.

    Args:
        layers: Weights (inputs, outputs) and bias (outputs) of each layer. All but the last are followed by a ReLU,
            the last by a softmax.
        source: Name of the input, of shape (rows, inputs of the first layer).
        target: Name of the output, of shape (rows, outputs of the last layer).
    """
    part = schema.SubGraphT()
    model = schema.ModelT()
    model.version, model.buffers = 3, [_buffer(b"")]
    part.tensors, part.operators = [_tensor(source, [-1, layers[0][0].shape[0]], 0)], []
    for number, (weights, bias) in enumerate(layers, 1):
        before = len(part.tensors) - 1
        for name, values in (("weights", weights.T), ("bias", bias)):
            model.buffers.append(_buffer(np.ascontiguousarray(values, np.float32).tobytes()))
            part.tensors.append(_tensor(f"{name}{number}", list(values.shape), len(model.buffers) - 1))
        part.tensors.append(_tensor(f"layer{number}", [-1, len(bias)], 0))
        part.operators.append(_dense([before, before + 1, before + 2], before + 3, last=number == len(layers)))
    part.tensors.append(_tensor(target, part.tensors[-1].shapeSignature, 0))
    part.operators.append(_softmax(len(part.tensors) - 2, len(part.tensors) - 1))
    part.inputs, part.outputs = [0], [len(part.tensors) - 1]
    model.subgraphs = [part]
    model.operatorCodes = [_code(schema.BuiltinOperator.FULLY_CONNECTED), _code(schema.BuiltinOperator.SOFTMAX)]
    model.signatureDefs = [_signature(source, target, part.outputs[0])]
    return model


def packed(model: Any) -> bytes:
    """Return a model as the bytes of a .tflite file."""
    builder = flatbuffers.Builder(1024)
    builder.Finish(model.Pack(builder), b"TFL3")
    return bytes(builder.Output())


def _dense(inputs: list[int], output: int, *, last: bool) -> Any:
    options = schema.FullyConnectedOptionsT()
    function = schema.ActivationFunctionType
    options.fusedActivationFunction = function.NONE if last else function.RELU
    return _operator(DENSE, inputs, output, schema.BuiltinOptions.FullyConnectedOptions, options)


def _softmax(source: int, output: int) -> Any:
    options = schema.SoftmaxOptionsT()
    options.beta = 1.0
    return _operator(SOFTMAX, [source], output, schema.BuiltinOptions.SoftmaxOptions, options)


def _operator(code: int, inputs: list[int], output: int, kind: int, options: Any) -> Any:
    operator = schema.OperatorT()
    operator.opcodeIndex, operator.inputs, operator.outputs = code, inputs, [output]
    operator.builtinOptionsType, operator.builtinOptions = kind, options
    return operator


def _code(operator: int) -> Any:
    code = schema.OperatorCodeT()
    code.builtinCode = code.deprecatedBuiltinCode = operator
    code.version = 1
    return code


def _buffer(data: bytes) -> Any:
    buffer = schema.BufferT()
    buffer.data = np.frombuffer(data, np.uint8) if data else None
    return buffer


def _tensor(name: str, shape: list[int], buffer: int) -> Any:
    tensor = schema.TensorT()
    tensor.name, tensor.type, tensor.buffer = name, schema.TensorType.FLOAT32, buffer
    tensor.shape, tensor.shapeSignature = [abs(length) for length in shape], shape
    return tensor


def _signature(source: str, target: str, output: int) -> Any:
    signature = schema.SignatureDefT()
    signature.signatureKey, signature.subgraphIndex = "serving_default", 0
    signature.inputs, signature.outputs = [_named(source, 0)], [_named(target, output)]
    return signature


def _named(name: str, tensor: int) -> Any:
    entry = schema.TensorMapT()
    entry.name, entry.tensorIndex = name, tensor
    return entry
