"""Write the trained encoder as an int8 ONNX graph."""

from pathlib import Path

import numpy as np
import onnx
import onnxruntime as ort
import torch
from onnx import TensorProto, helper, numpy_helper
from onnxruntime.quantization import QuantType, quantize_dynamic

from guardrails.classifier.training.fit_encoder import ATTENTION_HEADS, WIDTH, Encoder

OPSET = 17


class _Graph:
    """Collects nodes and initialisers; names values by counting."""

    def __init__(self) -> None:
        self.nodes: list[onnx.NodeProto] = []
        self.weights: list[onnx.TensorProto] = []
        self._count = 0

    def constant(self, value: np.ndarray) -> str:
        self._count += 1
        name = f"w{self._count}"
        self.weights.append(numpy_helper.from_array(np.ascontiguousarray(value), name))
        return name

    def add(self, kind: str, *inputs: str, **attributes: object) -> str:
        self._count += 1
        name = f"v{self._count}"
        self.nodes.append(helper.make_node(kind, list(inputs), [name], name=name, **attributes))
        return name

    def linear(self, x: str, weight: np.ndarray, bias: np.ndarray) -> str:
        return self.add("Add", self.add("MatMul", x, self.constant(weight.T)), self.constant(bias))


def graph(model: Encoder) -> onnx.ModelProto:
    """Build the graph by hand: few nodes, and one product for query, key and value."""
    state = {k: v.detach().float().numpy() for k, v in model.state_dict().items()}
    g = _Graph()
    f32 = lambda v: np.array(v, np.float32)  # noqa: E731 - three letters where a def takes three lines
    i64 = lambda *v: np.array(v, np.int64)  # noqa: E731 - as above
    length = g.add("Gather", g.add("Shape", "mask"), g.constant(np.array([1], np.int64)), axis=0)
    position = g.add(
        "Slice", g.constant(state["position"]), g.constant(i64(0)), length, g.constant(i64(0))
    )
    norm = lambda x, name: g.add(  # noqa: E731 - as above
        "LayerNormalization",
        x,
        g.constant(state[f"{name}.weight"]),
        g.constant(state[f"{name}.bias"]),
        axis=-1,
        epsilon=1e-12,
    )
    x = norm(g.add("Add", "embeddings", position), "norm")
    hidden = g.add("Mul", g.add("Sub", g.constant(f32(1.0)), "mask"), g.constant(f32(-10000.0)))
    bias = g.add("Unsqueeze", hidden, g.constant(i64(1, 2)))
    split = g.constant(i64(0, 0, 3 * ATTENTION_HEADS, WIDTH // ATTENTION_HEADS))
    merged = g.constant(i64(0, 0, WIDTH))
    scale = np.float32((WIDTH / ATTENTION_HEADS) ** -0.5)
    for index in range(len(model.layers)):
        p = f"layers.{index}"
        weight = np.concatenate(
            [
                state[f"{p}.query.weight"] * scale,
                state[f"{p}.key.weight"],
                state[f"{p}.value.weight"],
            ]
        )
        offset = np.concatenate(
            [state[f"{p}.query.bias"] * scale, state[f"{p}.key.bias"], state[f"{p}.value.bias"]]
        )
        packed = g.add(
            "Transpose", g.add("Reshape", g.linear(x, weight, offset), split), perm=[0, 2, 1, 3]
        )
        q, k, v = (
            g.add(
                "Slice",
                packed,
                g.constant(i64(n * ATTENTION_HEADS)),
                g.constant(i64((n + 1) * ATTENTION_HEADS)),
                g.constant(i64(1)),
            )
            for n in range(3)
        )
        scores = g.add("Add", g.add("MatMul", q, g.add("Transpose", k, perm=[0, 1, 3, 2])), bias)
        mixed = g.add(
            "Transpose", g.add("MatMul", g.add("Softmax", scores, axis=-1), v), perm=[0, 2, 1, 3]
        )
        mixed = g.add("Reshape", mixed, merged)
        y = g.linear(mixed, state[f"{p}.out.weight"], state[f"{p}.out.bias"])
        x = norm(g.add("Add", x, y), f"{p}.norm1")
        up = g.linear(x, state[f"{p}.up.weight"], state[f"{p}.up.bias"])
        erf = g.add("Erf", g.add("Mul", up, g.constant(f32(2**-0.5))))
        act = g.add(
            "Mul", g.add("Mul", up, g.constant(f32(0.5))), g.add("Add", erf, g.constant(f32(1.0)))
        )
        y = g.linear(act, state[f"{p}.down.weight"], state[f"{p}.down.bias"])
        x = norm(g.add("Add", x, y), f"{p}.norm2")
    wide = g.add("Unsqueeze", "mask", g.constant(i64(2)))
    axes = g.constant(i64(1))
    total = g.add("ReduceSum", g.add("Mul", x, wide), axes, keepdims=0)
    pooled = g.add("Div", total, g.add("ReduceSum", wide, axes, keepdims=0))
    # Gemm, so that dynamic quantisation leaves the few numbers of the heads alone.
    last = helper.make_node(
        "Gemm",
        [pooled, g.constant(state["heads.weight"]), g.constant(state["heads.bias"])],
        ["logits"],
        transB=1,
    )
    g.nodes.append(last)
    inputs = [
        helper.make_tensor_value_info("embeddings", TensorProto.FLOAT, ["batch", "tokens", WIDTH]),
        helper.make_tensor_value_info("mask", TensorProto.FLOAT, ["batch", "tokens"]),
    ]
    outputs = [
        helper.make_tensor_value_info(
            "logits", TensorProto.FLOAT, ["batch", len(state["heads.bias"])]
        )
    ]
    made = helper.make_graph(g.nodes, "covenant-classifier", inputs, outputs, g.weights)
    model_proto = helper.make_model(
        made, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=8
    )
    onnx.checker.check_model(model_proto)
    return model_proto


def write(model: Encoder, path: Path) -> float:
    """Quantise to int8 and write; return the largest error of the unquantised graph on a sample."""
    proto = graph(model)
    full = path.with_suffix(".fp32.onnx")
    onnx.save(proto, full)
    session = ort.InferenceSession(str(full), providers=["CPUExecutionProvider"])
    x, mask = torch.randn(3, 12, WIDTH) * 0.05, torch.ones(3, 12)
    mask[1, 7:] = 0
    with torch.no_grad():
        want = model.eval()(x, mask).numpy()
    got = session.run(None, {"embeddings": x.numpy(), "mask": mask.numpy()})[0]
    quantize_dynamic(
        full,
        path,
        weight_type=QuantType.QInt8,
        per_channel=True,
        op_types_to_quantize=["MatMul"],
        extra_options={"MatMulConstBOnly": True},
    )
    full.unlink()
    return float(np.abs(want - got).max())
