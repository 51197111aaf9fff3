#!/usr/bin/env python3
"""Writes what PyTorch computes for each of our models at tiny sizes: the references of tests/models.

    /usr/bin/python3 tests/models/torch/make_reference.py     (Debian: apt install python3-torch)

writes CASE.safetensors beside this script, for the cases at its end. Parameters and inputs are float32 values drawn
from a seed; everything else is computed from them in float64 and rounded once.

What a file holds. Metadata: strings that say which model it is (model, position, hidden, layers, sequence, ...).
B rows of T cells, batch-major; row b has `length[b]` events, which stand first, and padding after them.

    parameter.NAME  gradient.NAME        the model's parameters under the names below; d loss / d parameter
    length          i32 [B]              events in the row, 1..T
    input           i32 [B,T]            tokens: ids 0..V, V is the start event; padding is 0
                    f32 [B,T,W]          frames: K keys of 0 or 1, then log2(1 + quarters) where W = K + 1; padding is 0
    logits          f32 [B,T,O]          0 in padding; [B,O] where the model is many-to-one
    target          i32 [B,T] or [B]     tokens: 0..V-1, -1 in padding
    target.keys     f32 [B,T,K] or [B,K] frames: 0 or 1
    target.duration i32 [B,T] or [B]     frames with lengths: 0..C-1, -1 in padding
    loss            f32 [1]              tokens: cross-entropy. Frames: the sum over keys of binary cross-entropy with
                                         logits, plus, with lengths, the cross-entropy of the C duration classes (logits
                                         are keys | classes). The mean over the targets that are not padding, in nats.

What the parameters are called. Every model has `head.weight` [O, its width] and `head.bias`; tokens enter through
`embedding.weight` [V+1, width], with no scale.

    rnn, lstm, gru  `core` is nn.RNN (tanh), nn.LSTM or nn.GRU: core.weight_ih_l0, core.weight_hh_l0, core.bias_ih_l0,
                    core.bias_hh_l0, core.weight_ih_l1, ... The head reads every step.
    bilstm          the same, bidirectional: core.weight_ih_l0_reverse, ... Many-to-one: the head reads the top layer's
                    forward state at the row's last event joined with its backward state at the first.
    slstm           `core` is Slstm below, with nn.LSTM's names and shapes.
    transformer     a causal nn.TransformerEncoder of pre-norm layers (exact GELU) with its final norm:
                    layers.0.self_attn.in_proj_weight, layers.0.self_attn.in_proj_bias,
                    layers.0.self_attn.out_proj.weight, layers.0.linear1.weight, layers.0.linear2.weight,
                    layers.0.norm1.weight, layers.0.norm2.weight (each with .bias), norm.weight, norm.bias.
                    Frames enter through `input.weight` [C,W] and `input.bias`.
      positions     sinusoidal: added to the input, no parameter; learned: `position.weight` [T,C], added to the input;
                    rotary: no parameter; relative: layers.0.self_attn.relative [N,T,D].
                    Their formulas are in kernels/position/position.h and kernels/attention/attention.h.
"""
import json
import math
import pathlib
import struct

import torch
from torch import nn
import torch.nn.functional as F

ROWS, STEPS, LENGTHS = 3, 7, (7, 4, 6)
KEYS, CLASSES, TOKENS = 10, 5, 13
HIDDEN, LAYERS = 8, 2
MODEL, HEADS, FEEDFORWARD = 16, 2, 32


class Recurrent(nn.Module):
    """A recurrent core with a linear head; bidirectional means many-to-one."""

    def __init__(self, core, events, bidirectional=False):
        super().__init__()
        if events.tokens:
            self.embedding = nn.Embedding(TOKENS + 1, HIDDEN)
        width = HIDDEN if events.tokens else events.width
        self.core = core(width, HIDDEN, LAYERS, batch_first=True, bidirectional=bidirectional)
        self.head = nn.Linear(HIDDEN * (2 if bidirectional else 1), events.outputs)

    def forward(self, x, lengths):
        if hasattr(self, "embedding"):
            x = self.embedding(x)
        packed = nn.utils.rnn.pack_padded_sequence(x, lengths, batch_first=True, enforce_sorted=False)
        y, state = self.core(packed)
        if self.core.bidirectional:
            h = state[0] if isinstance(state, tuple) else state
            return self.head(torch.cat([h[-2], h[-1]], -1))
        y, _ = nn.utils.rnn.pad_packed_sequence(y, batch_first=True, total_length=STEPS)
        return self.head(y)


class Slstm(nn.LSTM):
    """xLSTM's scalar cell (Beck et al. 2024) as its definition has it, with no stabiliser: c / n is the mean of the
    inputs so far, weighted by exp(i) and forgotten by sigmoid(f). It has nn.LSTM's parameters; gates i f z o."""

    def forward(self, packed):
        x, lengths = nn.utils.rnn.pad_packed_sequence(packed, batch_first=True)
        for layer in range(self.num_layers):
            weight_ih, weight_hh, bias_ih, bias_hh = self.all_weights[layer]
            h = c = n = torch.zeros(x.shape[0], self.hidden_size, dtype=x.dtype)
            outputs = []
            for t in range(x.shape[1]):
                i, f, z, o = (F.linear(x[:, t], weight_ih, bias_ih) + F.linear(h, weight_hh, bias_hh)).chunk(4, -1)
                c = torch.sigmoid(f) * c + torch.exp(i) * torch.tanh(z)
                n = torch.sigmoid(f) * n + torch.exp(i)
                h = torch.sigmoid(o) * c / n
                outputs.append(h)
            x = torch.stack(outputs, 1)
        return nn.utils.rnn.pack_padded_sequence(x, lengths, batch_first=True, enforce_sorted=False), None


def rotate(x):
    """Rotary positions, [B,N,T,D]: the pair (i, i + D/2) turned by t / 10000^(2i / D)."""
    half = x.shape[-1] // 2
    frequency = 10000.0 ** (-torch.arange(half, dtype=x.dtype) / half)
    angle = torch.arange(x.shape[-2], dtype=x.dtype)[:, None] * frequency
    a, b = x[..., :half], x[..., half:]
    return torch.cat([a * angle.cos() - b * angle.sin(), b * angle.cos() + a * angle.sin()], -1)


class PositionedAttention(nn.MultiheadAttention):
    """nn.MultiheadAttention written out for x = query = key = value, with positions inside the scores."""

    def __init__(self, positions):
        super().__init__(MODEL, HEADS, batch_first=True)
        self.positions = positions
        if positions == "relative":
            self.relative = nn.Parameter(torch.empty(HEADS, STEPS, MODEL // HEADS))

    def forward(self, x, _key, _value, attn_mask=None, **_):
        rows, steps, _ = x.shape
        qkv = F.linear(x, self.in_proj_weight, self.in_proj_bias)
        q, k, v = qkv.view(rows, steps, 3, HEADS, MODEL // HEADS).permute(2, 0, 3, 1, 4)
        if self.positions == "rotary":
            q, k = rotate(q), rotate(k)
        scores = q @ k.transpose(-1, -2)
        if self.positions == "relative":
            distance = (torch.arange(steps)[:, None] - torch.arange(steps)).clamp(min=0)  # the mask hides j > i
            scores = scores + torch.einsum("bnid,nijd->bnij", q, self.relative[:, distance])
        y = torch.softmax(scores / math.sqrt(q.shape[-1]) + attn_mask, -1) @ v
        return self.out_proj(y.transpose(1, 2).reshape(rows, steps, MODEL)), None


def sinusoidal_table(steps, width):
    angle = torch.arange(steps)[:, None] / 10000.0 ** (torch.arange(0, width, 2, dtype=torch.float64) / width)
    return torch.stack([angle.sin(), angle.cos()], -1).reshape(steps, width)


class Transformer(nn.TransformerEncoder):
    def __init__(self, positions, events):
        layer = nn.TransformerEncoderLayer(MODEL, HEADS, FEEDFORWARD, dropout=0.0, activation="gelu", batch_first=True,
                                           norm_first=True)
        if positions in ("rotary", "relative", "none"):
            layer.self_attn = PositionedAttention(positions)
        super().__init__(layer, LAYERS, nn.LayerNorm(MODEL))
        if events.tokens:
            self.embedding = nn.Embedding(TOKENS + 1, MODEL)
        else:
            self.input = nn.Linear(events.width, MODEL)
        if positions == "learned":
            self.position = nn.Embedding(STEPS, MODEL)
        self.added = sinusoidal_table(STEPS, MODEL) if positions == "sinusoidal" else 0.0
        self.head = nn.Linear(MODEL, events.outputs)

    def forward(self, x, _lengths):  # rows are padded at the end, where no earlier event looks
        x = self.embedding(x) if hasattr(self, "embedding") else self.input(x)
        x = x + (self.position.weight if hasattr(self, "position") else self.added)
        mask = torch.full((STEPS, STEPS), -math.inf, dtype=x.dtype).triu(1)
        return self.head(super().forward(x, mask))


class Tokens:
    tokens, outputs = True, TOKENS
    metadata = {"input": "tokens", "vocabulary": TOKENS}

    def draw(self, many_to_one):
        events = torch.randint(TOKENS, (ROWS, STEPS + 1))
        target = next_events(events, many_to_one)
        events[0, 0] = TOKENS  # the first row begins its piece
        return fill_padding(events[:, :-1], 0), {"target": fill_padding(target, -1)}

    def losses(self, logits, targets):
        return F.cross_entropy(logits.movedim(-1, 1), targets["target"], ignore_index=-1, reduction="none")


class Frames:
    tokens = False

    def __init__(self, lengths=True):
        self.lengths = lengths
        self.width = KEYS + lengths
        self.outputs = KEYS + (CLASSES if lengths else 0)
        self.metadata = {"input": "frames", "keys": KEYS, "duration_classes": CLASSES if lengths else 0}

    def draw(self, many_to_one):
        keys = (torch.rand(ROWS, STEPS + 1, KEYS) < 0.25).double()
        quarters = torch.randint(1, 9, (ROWS, STEPS + 1, 1)).double() / 4
        targets = {"target.keys": fill_padding(next_events(keys, many_to_one), 0)}
        if self.lengths:
            classes = torch.randint(CLASSES, (ROWS, STEPS + 1))
            targets["target.duration"] = fill_padding(next_events(classes, many_to_one), -1)
        frames = torch.cat([keys, torch.log2(1 + quarters)], -1)[..., :self.width].float().double()
        frames[0, 0] = 0  # the first row begins its piece
        return fill_padding(frames[:, :-1], 0), targets

    def losses(self, logits, targets):
        keys = F.binary_cross_entropy_with_logits(logits[..., :KEYS], targets["target.keys"], reduction="none").sum(-1)
        if not self.lengths:
            return keys
        duration = F.cross_entropy(logits[..., KEYS:].movedim(-1, 1), targets["target.duration"], ignore_index=-1,
                                   reduction="none")
        return keys + duration


def next_events(events, many_to_one):
    """The event after each, or after each row's last."""
    return torch.stack([row[n] for row, n in zip(events, LENGTHS)]) if many_to_one else events[:, 1:].clone()


def padding(per_step):
    """True [B,T] where a cell is padding; False [B] where there is one cell a row."""
    cells = torch.arange(STEPS) >= torch.tensor(LENGTHS)[:, None]
    return cells if per_step else torch.zeros(ROWS, dtype=torch.bool)


def fill_padding(x, value):
    """x with `value` in its padding; unchanged where it has one cell a row."""
    y = x.clone()
    if x.shape[:2] == (ROWS, STEPS):
        y[padding(True)] = value
    return y


def draw_parameters(model):
    """Every parameter uniform in (-0.5, 0.5), norms' weights around 1: no bias is 0, no norm is plain."""
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            centre = 1.0 if "norm" in name and name.endswith("weight") else 0.0
            parameter.copy_((torch.rand(parameter.shape) - 0.5 + centre).float())


def build(kind, events):
    """A model and what its file says of it."""
    cores = {"rnn": nn.RNN, "lstm": nn.LSTM, "gru": nn.GRU, "bilstm": nn.LSTM, "slstm": Slstm}
    if kind in cores:
        model, metadata = Recurrent(cores[kind], events, kind == "bilstm"), {"model": kind, "hidden": HIDDEN}
    else:
        model = Transformer(kind, events)
        metadata = {"model": "transformer", "position": kind, "hidden": MODEL, "heads": HEADS,
                    "feedforward": FEEDFORWARD}
    return model, metadata | {"layers": LAYERS, "sequence": STEPS} | events.metadata


def make(kind, events):
    """What a case's file holds: tensors by name, and metadata."""
    torch.manual_seed(1)
    model, metadata = build(kind, events)
    draw_parameters(model.double())
    many_to_one = kind == "bilstm"
    x, targets = events.draw(many_to_one)
    logits = model(x, torch.tensor(LENGTHS))
    skipped = padding(not many_to_one)
    losses = events.losses(logits, targets).masked_fill(skipped, 0)
    loss = losses.sum() / (~skipped).sum()
    loss.backward()
    tensors = {"input": x, "length": torch.tensor(LENGTHS), "logits": fill_padding(logits, 0), "loss": loss[None]}
    tensors.update(targets)
    for name, parameter in model.named_parameters():
        tensors["parameter." + name] = parameter
        tensors["gradient." + name] = parameter.grad
    return tensors, metadata


def write_safetensors(path, tensors, metadata):
    """Floats as F32, integers as I32: all of one size, so by name alone they are aligned."""
    header, data = {"__metadata__": {k: str(v) for k, v in metadata.items()}}, b""
    for name in sorted(tensors):
        tensor = tensors[name].detach()
        floating = tensor.is_floating_point()
        values = tensor.flatten().tolist()
        raw = struct.pack(f"<{len(values)}{'f' if floating else 'i'}", *values)
        header[name] = {"dtype": "F32" if floating else "I32", "shape": list(tensor.shape),
                        "data_offsets": [len(data), len(data) + len(raw)]}
        data += raw
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    path.write_bytes(struct.pack("<Q", len(text)) + text + data)


def check_attention():
    """Without positions our attention is nn.MultiheadAttention, and rotary scores depend on distance alone."""
    torch.manual_seed(2)
    ours = PositionedAttention("none").double()
    draw_parameters(ours)
    theirs = nn.MultiheadAttention(MODEL, HEADS, batch_first=True).double()
    theirs.load_state_dict(ours.state_dict())
    x = torch.randn(ROWS, STEPS, MODEL, dtype=torch.float64)
    mask = torch.full((STEPS, STEPS), -math.inf, dtype=x.dtype).triu(1)
    torch.testing.assert_close(ours(x, x, x, mask)[0], theirs(x, x, x, attn_mask=mask)[0], rtol=0, atol=1e-13)

    q, k = torch.randn(2, 1, 1, 1, MODEL // HEADS, dtype=torch.float64)
    q, k = (rotate(v.expand(1, 1, STEPS, -1)) for v in (q, k))
    scores = (q @ k.transpose(-1, -2))[0, 0]
    torch.testing.assert_close(scores[1:, 1:], scores[:-1, :-1], rtol=0, atol=1e-13)


def main():
    torch.set_num_threads(1)
    check_attention()
    frames, roll, tokens = Frames(), Frames(lengths=False), Tokens()
    cases = {
        "rnn": ("rnn", frames),
        "lstm": ("lstm", frames),
        "gru": ("gru", frames),
        "bilstm": ("bilstm", frames),
        "slstm": ("slstm", frames),
        "lstm_roll": ("lstm", roll),
        "lstm_tokens": ("lstm", tokens),
        "transformer_sinusoidal": ("sinusoidal", frames),
        "transformer_learned": ("learned", tokens),
        "transformer_rotary": ("rotary", tokens),
        "transformer_relative": ("relative", frames),
    }
    for case, (kind, events) in cases.items():
        tensors, metadata = make(kind, events)
        path = pathlib.Path(__file__).with_name(case + ".safetensors")
        write_safetensors(path, tensors, metadata)
        print(f"{path.name}: {path.stat().st_size} bytes, loss {tensors['loss'].item():.6f}")


if __name__ == "__main__":
    main()
