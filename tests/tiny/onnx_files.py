"""Background-removal models in ONNX files: convolutions with random weights, and one that sees what is red."""

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper


def _save(path, nodes, weights, shape, *, kind=TensorProto.FLOAT, out=1):
    inputs = [helper.make_tensor_value_info("picture", kind, shape)]
    outputs = [helper.make_tensor_value_info("map", kind, [shape[0], out, None, None])]
    start = [numpy_helper.from_array(value, name) for name, value in weights.items()]
    graph = helper.make_graph(nodes, "matting", inputs, outputs, start)
    opset = [helper.make_opsetid("", 17)]
    onnx.save(helper.make_model(graph, opset_imports=opset, ir_version=8), path)
    return path


def red(path, *, shape=("n", 3, "h", "w"), sharpness=20.0, sigmoid=False, out=1, half=False):
    """Logits that rise with red over green, for pictures of 0 to 1."""
    number = np.float16 if half else np.float32
    kernel = np.tile(np.array([sharpness, -sharpness, 0], number).reshape(1, 3, 1, 1), (out, 1, 1, 1))
    weights = {"kernel": kernel, "bias": np.full(out, -sharpness / 4, number)}
    nodes = [helper.make_node("Conv", ["picture", "kernel", "bias"], ["sum" if sigmoid else "map"])]
    nodes += [helper.make_node("Sigmoid", ["sum"], ["map"])] if sigmoid else []
    return _save(path, nodes, weights, shape, kind=TensorProto.FLOAT16 if half else TensorProto.FLOAT, out=out)


def network(path, *, shape=("n", 3, "h", "w"), side=3, seed=0):
    """A random network with a wide view: two convolutions with a rectifier between them."""
    rng = np.random.default_rng(seed)
    weights = {
        "first": rng.normal(0, 0.4, (4, 3, side, side)).astype(np.float32),
        "second": rng.normal(0, 0.6, (1, 4, side, side)).astype(np.float32),
    }
    pads = [side // 2] * 4
    nodes = [
        helper.make_node("Conv", ["picture", "first"], ["a"], pads=pads),
        helper.make_node("Relu", ["a"], ["b"]),
        helper.make_node("Conv", ["b", "second"], ["map"], pads=pads),
    ]
    return _save(path, nodes, weights, shape)


def channels_last(path):
    """What no background-removal model here takes."""
    return _save(path, [helper.make_node("Identity", ["picture"], ["map"])], {}, ("n", "h", "w", 3))
