#!/usr/bin/env python3
"""Measures how far the plainest network in bf16 is from the same in float64: the case table of tests/models/support.cpp.

    /usr/bin/python3 tests/models/torch/naive_twin.py     (Debian: apt install python3-torch)

prints a row for each of its models: the error of the loss and of the gradient, each the mean over the draws that
tests/models/cuda/bf16_test.cpp makes too: parameters and batches are the same numbers, by the same generator.

The twin's ops are PyTorch's, one after another; what each makes is rounded to bf16, and so is the gradient that comes
back to it. Parameters are float and meet activations as copies in bf16; their gradients are not rounded. The head, logits
and losses are float (ARCHITECTURE.md, "Precision"). Without rounding the same functions are the modules of
make_reference.py, which the script checks.
"""
import math

import numpy as np
import torch
import torch.nn.functional as F

import make_reference as reference

# As model_cases() has them, and the test's batch.
ROWS, STEPS, DRAWS, FIRST_SEED = 5, 9, 4, 3
TOKENS, KEYS, CLASSES = 11, 9, 4
HIDDEN, LAYERS, HEADS, HEAD_HIDDEN = 16, 2, 2, 7
RECURRENT = ("rnn", "lstm", "gru", "bilstm", "slstm")
POSITIONS = ("sinusoidal", "learned", "rotary", "relative")

reference.ROWS, reference.STEPS, reference.LENGTHS = ROWS, STEPS, (STEPS,) * ROWS
reference.TOKENS, reference.KEYS, reference.CLASSES = TOKENS, KEYS, CLASSES
reference.Tokens.outputs = TOKENS
reference.HIDDEN, reference.LAYERS = HIDDEN, LAYERS
reference.MODEL, reference.HEADS, reference.FEEDFORWARD = HIDDEN, HEADS, 4 * HIDDEN


def random_words(seed, row, op, count):
    """kernels/base/random.h: Philox4x32-10 of the blocks 0..count-1, [count,4] of 32 bits each."""
    low = np.uint64(0xFFFFFFFF)
    counter = [np.arange(count, dtype=np.uint64)] + [np.full(count, word, np.uint64) for word in (row, op, 0)]
    key = [seed & 0xFFFFFFFF, seed >> 32]
    for _ in range(10):
        product = np.uint64(0xD2511F53) * counter[0], np.uint64(0xCD9E8D57) * counter[2]
        counter = [(product[1] >> np.uint64(32)) ^ counter[1] ^ np.uint64(key[0]), product[1] & low,
                   (product[0] >> np.uint64(32)) ^ counter[3] ^ np.uint64(key[1]), product[0] & low]
        key = [(key[0] + 0x9E3779B9) & 0xFFFFFFFF, (key[1] + 0xBB67AE85) & 0xFFFFFFFF]
    return np.stack(counter, -1)


def uniform(words):
    return (words >> np.uint64(8)).astype(np.float32) * np.float32(2.0**-24)


def start_of(name, shape, recurrent):
    """How a parameter starts, as models/*.cpp have it: (normal or uniform, bound), or a constant."""
    if "norm" in name:
        return 1.0 if name.endswith("weight") else 0.0
    if name in ("embedding.weight", "position.weight") or name.endswith("relative"):
        return "normal", 1.0 if recurrent else 0.02
    if name.endswith(("in_proj_bias", "out_proj.bias")):
        return 0.0
    if name.endswith("in_proj_weight"):
        return "uniform", math.sqrt(6 / (4 * HIDDEN))
    return "uniform", 1 / math.sqrt(shape[-1])


def draw_parameters(names_and_shapes, recurrent, seed):
    """runtime/training/parameters.cpp: numbers by seed and name alone."""
    drawn = {}
    for name, shape in names_and_shapes:
        start = start_of(name, shape, recurrent)
        if name.endswith("bias") and not isinstance(start, float):  # bounded as the matrix that it belongs to
            start = start_of(name, dict(names_and_shapes)[name[:-len("bias")] + "weight"], recurrent)
        if name.startswith("core."):
            start = "uniform", 1 / math.sqrt(HIDDEN)
        size = math.prod(shape)
        if isinstance(start, float):
            drawn[name] = torch.full(shape, start, dtype=torch.float64)
            continue
        hash_of_name = 2166136261
        for letter in name.encode():
            hash_of_name = (hash_of_name ^ letter) * 16777619 & 0xFFFFFFFF
        u = uniform(random_words(seed, 0, hash_of_name, size))
        bound = np.float32(start[1])
        if start[0] == "uniform":
            values = bound * (2 * u[:, 0] - 1)
        else:
            u = u.astype(np.float64)
            values = (bound * np.sqrt(-2 * np.log(1 - u[:, 0])) * np.cos(2 * np.pi * u[:, 1])).astype(np.float32)
        drawn[name] = torch.from_numpy(values.astype(np.float64)).reshape(shape)
    return drawn


def draw_batch(events, many_to_one, seed):
    """random_batch() of tests/models/support.cpp: inputs and, by name, targets."""
    words = [[random_words(seed + row, step, 0, 1 + KEYS // 4) for step in range(STEPS + 1)] for row in range(ROWS)]
    numbers = uniform(np.array(words)).reshape(ROWS, STEPS + 1, -1)
    target = slice(-1, None) if many_to_one else slice(1, None)

    def below(n):
        return torch.from_numpy((numbers[..., 0] * np.float32(n)).astype(np.int64))

    if events.tokens:
        tokens = below(TOKENS)
        return tokens[:, :-1], {"tokens": tokens[:, target].flatten()}
    keys = torch.from_numpy((numbers[..., 1:KEYS + 1] < np.float32(0.3)).astype(np.float64))
    frames, targets = keys, {"keys": keys[:, target].flatten(0, 1)}
    if events.lengths:
        classes = below(CLASSES)
        values = torch.log2(1 + (1 + torch.arange(CLASSES, dtype=torch.float32)) / 48)  # of kDurationClasses' first
        frames = torch.cat([keys, values[classes][..., None].double()], -1)
        targets["classes"] = classes[:, target].flatten()
    return frames[:, :-1], targets


class Rounding(torch.autograd.Function):
    """What an op makes, in bf16, and the gradient that comes back to it."""

    @staticmethod
    def forward(_, x):
        return x.bfloat16().to(x.dtype)

    @staticmethod
    def backward(_, gradient):
        return gradient.bfloat16().to(gradient.dtype)


class Network:
    """The body of a model as a row of ops; `rounded` says whether in bf16."""

    def __init__(self, kind, parameters, rounded):
        self.kind = kind
        self.r = Rounding.apply if rounded else lambda x: x
        self.p = dict(parameters)
        for name, value in parameters.items():
            if rounded and not name.startswith("head."):
                self.p[name] = value + (value.bfloat16().to(value.dtype) - value).detach()

    def linear(self, x, weight, bias=None):
        return self.r(F.linear(x, self.p[weight], self.p[bias] if bias else None))

    def __call__(self, x):
        """[rows, steps, width], or [rows, 1, width] where there is one target."""
        return self.recurrent(x) if self.kind in RECURRENT else self.transformer(x)

    def layer(self, x, suffix):
        """One direction of a recurrent layer, from the first step of x to its last: [rows, steps, H]."""
        r, names = self.r, [f"core.{name}_{suffix}" for name in ("weight_ih", "weight_hh", "bias_ih", "bias_hh")]
        h = c = n = torch.zeros(x.shape[0], HIDDEN, dtype=x.dtype)
        m = None  # where nothing was counted yet
        outputs = []
        for t in range(x.shape[1]):
            of_input, of_state = self.linear(x[:, t], names[0], names[2]), self.linear(h, names[1], names[3])
            if self.kind == "rnn":
                h = r(torch.tanh(r(of_input + of_state)))
            elif self.kind == "gru":
                (ri, zi, ni), (rh, zh, nh) = of_input.chunk(3, -1), of_state.chunk(3, -1)
                reset, update = r(torch.sigmoid(r(ri + rh))), r(torch.sigmoid(r(zi + zh)))
                new = r(torch.tanh(r(ni + r(reset * nh))))
                h = r(r(r(h - new) * update) + new)
            elif self.kind == "slstm":
                i, f, z, o = r(of_input + of_state).chunk(4, -1)
                z, o = r(torch.tanh(z)), r(torch.sigmoid(o))
                decayed = i if m is None else r(r(F.logsigmoid(f)) + m)
                m = torch.maximum(decayed, i).detach()  # changes nothing but the range
                i, f = r(torch.exp(r(i - m))), r(torch.exp(r(decayed - m)))
                c, n = r(r(f * c) + r(i * z)), r(r(f * n) + i)
                h = r(o * r(c / n))
            else:
                i, f, g, o = r(of_input + of_state).chunk(4, -1)
                i, f, g, o = r(torch.sigmoid(i)), r(torch.sigmoid(f)), r(torch.tanh(g)), r(torch.sigmoid(o))
                c = r(r(f * c) + r(i * g))
                h = r(o * r(torch.tanh(c)))
            outputs.append(h)
        return torch.stack(outputs, 1)

    def recurrent(self, x):
        if "embedding.weight" in self.p:
            x = self.p["embedding.weight"][x]
        for layer in range(LAYERS):
            y = self.layer(x, f"l{layer}")
            if self.kind == "bilstm":
                y = torch.cat([y, self.layer(x.flip(1), f"l{layer}_reverse").flip(1)], -1)
            x = y
        return torch.cat([x[:, -1:, :HIDDEN], x[:, :1, HIDDEN:]], -1) if self.kind == "bilstm" else x

    def norm(self, x, name):
        return self.r(F.layer_norm(x, x.shape[-1:], self.p[name + ".weight"], self.p[name + ".bias"]))

    def attention(self, x, p):
        r, (rows, steps, width) = self.r, x.shape
        qkv = self.linear(x, p + "in_proj_weight", p + "in_proj_bias")
        q, k, v = qkv.view(rows, steps, 3, HEADS, width // HEADS).permute(2, 0, 3, 1, 4)
        if self.kind == "rotary":
            q, k = r(reference.rotate(q)), r(reference.rotate(k))
        scores = r(q @ k.transpose(-1, -2))
        if self.kind == "relative":
            distance = (torch.arange(steps)[:, None] - torch.arange(steps)).clamp(min=0)
            scores = r(scores + r(torch.einsum("bnid,nijd->bnij", q, self.p[p + "relative"][:, distance])))
        mask = torch.full((steps, steps), -math.inf, dtype=x.dtype).triu(1)
        weights = r(torch.softmax(r(scores / math.sqrt(q.shape[-1])) + mask, -1))
        return self.linear(r(weights @ v).transpose(1, 2).reshape(x.shape), p + "out_proj.weight", p + "out_proj.bias")

    def transformer(self, x):
        r = self.r
        if "embedding.weight" in self.p:
            x = self.p["embedding.weight"][x]
        else:
            x = self.linear(x, "input.weight", "input.bias")
        if self.kind == "learned":
            x = r(x + self.p["position.weight"])
        elif self.kind == "sinusoidal":
            x = r(x + r(reference.sinusoidal_table(STEPS, HIDDEN)))
        for layer in range(LAYERS):
            p = f"layers.{layer}."
            x = r(x + self.attention(self.norm(x, p + "norm1"), p + "self_attn."))
            inner = r(F.gelu(self.linear(self.norm(x, p + "norm2"), p + "linear1.weight", p + "linear1.bias")))
            x = r(x + self.linear(inner, p + "linear2.weight", p + "linear2.bias"))
        return self.norm(x, "norm")


def losses(p, features, targets):
    """Sums over all targets, in nats: of tokens or keys, and of durations. kernels/sampling/nade.h has the chain of keys."""
    z = F.linear(features.flatten(0, 1), p["head.weight"], p["head.bias"])
    if "tokens" in targets:
        return [F.cross_entropy(z, targets["tokens"], reduction="sum")]
    keys = targets["keys"]
    logits = z[:, :KEYS]
    if "head.key_in" in p:
        below = torch.einsum("rj,jh,kj->rkh", keys, p["head.key_in"], torch.ones(KEYS, KEYS).tril(-1).double())
        logits = logits + (torch.relu(z[:, None, -HEAD_HIDDEN:] + below) * p["head.key_out"]).sum(-1)
    result = [F.binary_cross_entropy_with_logits(logits, keys, reduction="sum")]
    if "classes" in targets:
        result.append(F.cross_entropy(z[:, KEYS:KEYS + CLASSES], targets["classes"], reduction="sum"))
    return result


def compute(kind, parameters, x, targets, rounded):
    """Losses, and the gradient of their mean as one vector."""
    leaves = {name: value.clone().requires_grad_() for name, value in parameters.items()}
    network = Network(kind, leaves, rounded)
    parts = losses(network.p, network(x), targets)
    sum(parts).backward()
    return [part.item() for part in parts], torch.cat([leaf.grad.flatten() for leaf in leaves.values()])


def shapes_of(kind, events, chain):
    module, _ = reference.build(kind, events)
    shapes = {name: tuple(parameter.shape) for name, parameter in module.named_parameters()}
    if chain:
        outputs, features = shapes["head.weight"]
        shapes |= {"head.weight": (outputs + HEAD_HIDDEN, features), "head.bias": (outputs + HEAD_HIDDEN,),
                   "head.key_in": (KEYS, HEAD_HIDDEN), "head.key_out": (KEYS, HEAD_HIDDEN)}
    return list(shapes.items())


def check_network(kind, events):
    """Without rounding the row of ops is the module of PyTorch."""
    torch.manual_seed(1)
    module, _ = reference.build(kind, events)
    reference.draw_parameters(module.double())
    x, _ = draw_batch(events, kind == "bilstm", 1)
    features = Network(kind, dict(module.named_parameters()), False)(x)
    expected = module(x, torch.full((ROWS,), STEPS))
    torch.testing.assert_close(module.head(features).reshape(expected.shape), expected, rtol=0, atol=1e-12)


def measure(kind, events, chain):
    """The relative errors of loss and gradient, means over the draws."""
    errors = []
    for seed in range(FIRST_SEED, FIRST_SEED + DRAWS):
        parameters = draw_parameters(shapes_of(kind, events, chain), kind in RECURRENT, seed)
        x, targets = draw_batch(events, kind == "bilstm", 10 * seed)
        expected, expected_gradient = compute(kind, parameters, x, targets, False)
        actual, gradient = compute(kind, parameters, x, targets, True)
        of_loss = sum(abs(a - e) for a, e in zip(actual, expected)) / sum(expected)
        errors.append((of_loss, ((gradient - expected_gradient).norm() / expected_gradient.norm()).item()))
    return np.mean(errors, 0)


def main():
    torch.set_num_threads(1)
    frames, roll, tokens = reference.Frames(), reference.Frames(lengths=False), reference.Tokens()
    for events_name, events in {"tokens": tokens, "frames": frames, "rolls": roll, "chains": frames}.items():
        for kind in RECURRENT + POSITIONS:
            check_network(kind, events)
            of_loss, of_gradient = measure(kind, events, events_name == "chains")
            print(f'{{"{kind}_{events_name}", {{{of_loss:.1e}, {of_gradient:.1e}}}}},'.replace("e-0", "e-"))


if __name__ == "__main__":
    main()
