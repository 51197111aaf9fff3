#!/usr/bin/env python3
"""The rows of polonaise_gpu_bench in PyTorch, under the same names: one JSON line a row and way of running it.

    python3 bench/peers/torch_gpu_peer.py [--filter REGEX] [--runs N] [--device cuda] [--tiny]

torch_eager    as it is written
torch_graphed  captured in a CUDA graph and replayed, so that the host's time per operation does not count; where the
               capture is refused, the line says so

Recurrent rows are torch.nn.RNN, LSTM and GRU (cuDNN beneath), inputs as wide as the hidden state; `both` is forward and
backward of y.sum() weighted by a fixed dy. float rows have TF32 off. Ragged rows are packed sequences. Attention is
scaled_dot_product_attention by each of its backends (torch_flash, torch_cudnn, torch_efficient, torch_math); rotary
positions turn queries and keys before it, and relative ones are the skewed product of Music Transformer as its mask.

Sampling is a loop of embedding, nn.LSTM, head, softmax and multinomial, a step at a time, eager or a replayed graph.

Before each run, memory beyond the second-level cache's size is written; the card's events measure. --device cpu --tiny
rehearses it where there is no card.
"""
import argparse
import contextlib
import json
import re
import time

import torch
import torch.nn.functional as F

FLUSH_BYTES = 192 << 20


class Bench:
    def __init__(self, options):
        self.options = options
        self.cuda = options.device.startswith("cuda")
        self.flush = torch.empty(FLUSH_BYTES if self.cuda else 64, dtype=torch.uint8, device=options.device)

    def seconds(self, body):
        """Sorted times of the runs of `body`."""
        times = []
        for run in range(self.options.runs):
            self.flush.fill_(run % 256)
            if self.cuda:
                begin, end = torch.cuda.Event(enable_timing=True), torch.cuda.Event(enable_timing=True)
                begin.record()
                body()
                end.record()
                end.synchronize()
                times.append(begin.elapsed_time(end) * 1e-3)
            else:
                begin = time.perf_counter()
                body()
                times.append(time.perf_counter() - begin)
        return sorted(times)

    def graph(self, body):
        """A replay of `body`, captured after it was warmed up on a side stream as PyTorch asks."""
        side = torch.cuda.Stream()
        side.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(side):
            for _ in range(3):
                body()
        torch.cuda.current_stream().wait_stream(side)
        captured = torch.cuda.CUDAGraph()
        with torch.cuda.graph(captured):
            body()
        return captured.replay

    def line(self, row, who, measure):
        if not re.search(self.options.filter, f"{row}/{who}"):
            return
        line = {"row": row, "who": who}
        try:
            times = measure()
            at = lambda p: 1e6 * times[int(p * (len(times) - 1))]
            line |= {"median_us": at(0.5), "p10_us": at(0.1), "p90_us": at(0.9), "runs": len(times),
                     "graph": "graphed" in who}
        except Exception as error:  # a backend that refuses a shape is a result too
            line["error"] = str(error).split("\n")[0][:200]
            if self.cuda:
                with contextlib.suppress(Exception):
                    torch.cuda.synchronize()
        print(json.dumps(line), flush=True)

    def both_ways(self, row, body, eager="torch_eager", graphed="torch_graphed"):
        def warmed():
            for _ in range(3):
                body()
            return self.seconds(body)
        self.line(row, eager, warmed)
        if self.cuda and graphed:
            self.line(row, graphed, lambda: self.seconds(self.graph(body)))


def backward(outputs, gradient, leaves):
    """Gradients of all leaves, written afresh."""
    return torch.autograd.grad(outputs, leaves, gradient)


def recurrent_rows(bench, cell, T, B, H, layers, directions, ragged=False, dropout=0.0):
    device = bench.options.device
    for dtype, suffix in ((torch.float32, "float"), (torch.bfloat16, "bf16")):
        if dtype == torch.bfloat16 and not bench.cuda:
            continue
        row = f"{'bi' if directions == 2 else ''}{cell}_h{H}_l{layers}_b{B}_t{T}"
        row += ("_ragged" if ragged else "") + ("_dropout" if dropout else "") + f"_{suffix}"
        kind = {"rnn": torch.nn.RNN, "lstm": torch.nn.LSTM, "gru": torch.nn.GRU}[cell]
        net = kind(H, H, layers, bidirectional=directions == 2, dropout=dropout).to(device=device, dtype=dtype)
        x = torch.rand(T, B, H, device=device, dtype=dtype, requires_grad=True)
        dy = torch.rand(T, B, directions * H, device=device, dtype=dtype)
        lengths = torch.tensor([T - b * (T - 1) // max(1, B - 1) for b in range(B)])
        if ragged:
            packed = torch.nn.utils.rnn.pack_padded_sequence(x, lengths)
            packed_dy = torch.nn.utils.rnn.pack_padded_sequence(dy, lengths).data

            def forward():
                again = torch.nn.utils.rnn.pack_padded_sequence(x, lengths)
                return net(again)[0].data
            gradient = packed_dy
            del packed
        else:
            def forward():
                return net(x)[0]
            gradient = dy
        leaves = [x, *net.parameters()]
        graphed = None if ragged else "torch_graphed"  # packing needs the lengths on the host
        bench.both_ways(f"{row}_forward", forward, graphed=graphed)
        bench.both_ways(f"{row}_both", lambda: backward(forward(), gradient, leaves), graphed=graphed)


def skewed(q, relative):
    """Music Transformer's term: q_i . relative[i - j] as a matrix [B,N,T,T], masked to j <= i."""
    T = q.shape[2]
    scores = q @ relative.flip(1).transpose(-1, -2)  # column e is distance T-1-e
    padded = F.pad(scores, (1, 0)).reshape(*q.shape[:2], T + 1, T)
    return padded[:, :, 1:].masked_fill(torch.ones(T, T, dtype=torch.bool, device=q.device).triu(1), float("-inf"))


def turned(x, angles):
    """Rotary positions: the halves of x [B,N,T,D] turned by angles [T,D/2]."""
    cosine, sine = angles.cos().to(x.dtype), angles.sin().to(x.dtype)
    first, second = x.chunk(2, dim=-1)
    return torch.cat((first * cosine - second * sine, first * sine + second * cosine), dim=-1)


def attention_rows(bench, D, N, B, T, positions=""):
    device = bench.options.device
    relative, rotary = positions == "_relative", positions == "_rotary"
    positions_of = torch.arange(T, device=device, dtype=torch.float32)
    angles = torch.outer(positions_of, 10000.0 ** (torch.arange(D // 2, device=device) * (-2.0 / D)))
    for dtype, suffix in ((torch.float32, "float"), (torch.bfloat16, "bf16")):
        if dtype == torch.bfloat16 and not bench.cuda:
            continue
        row = f"attention_d{D}_n{N}_b{B}_t{T}{positions}_{suffix}"
        qkv = torch.rand(B, T, 3 * N * D, device=device, dtype=dtype, requires_grad=True)
        table = torch.rand(N, T, D, device=device, dtype=dtype, requires_grad=True)
        dy = torch.rand(B, T, N * D, device=device, dtype=dtype)

        def forward():
            q, k, v = qkv.view(B, T, 3, N, D).permute(2, 0, 3, 1, 4)
            if rotary:
                q, k = turned(q, angles), turned(k, angles)
            if relative:
                mask = skewed(q, table) / D ** 0.5
                y = F.scaled_dot_product_attention(q, k, v, attn_mask=mask)
            else:
                y = F.scaled_dot_product_attention(q, k, v, is_causal=True)
            return y.transpose(1, 2).reshape(B, T, N * D)

        leaves = [qkv, table] if relative else [qkv]
        try:
            from torch.nn.attention import SDPBackend, sdpa_kernel
            backends = {"flash": SDPBackend.FLASH_ATTENTION, "cudnn": SDPBackend.CUDNN_ATTENTION,
                        "efficient": SDPBackend.EFFICIENT_ATTENTION, "math": SDPBackend.MATH}
        except ImportError:
            backends, sdpa_kernel = {"math": None}, lambda _: contextlib.nullcontext()
        for name, backend in backends.items():
            if name == "math" and T > 2048:  # matrices of several GB
                continue
            def within(body, backend=backend):
                def run():
                    with sdpa_kernel(backend):
                        return body()
                return run
            ways = {"eager": f"torch_{name}", "graphed": f"torch_{name}_graphed"}
            bench.both_ways(f"{row}_forward", within(forward), **ways)
            bench.both_ways(f"{row}_both", within(lambda: backward(forward(), dy, leaves)), **ways)


def flat_rows(bench, R, D, V, n):
    device = bench.options.device
    for dtype, suffix in ((torch.float32, "float"), (torch.bfloat16, "bf16")):
        x, residual, dy = (torch.rand(R, D, device=device, dtype=dtype) for _ in range(3))
        weight, bias = (torch.rand(D, device=device, dtype=dtype, requires_grad=True) for _ in range(2))
        bench.both_ways(f"layer_norm_{R}x{D}_{suffix}_forward",
                        lambda: F.layer_norm(x + residual, (D,), weight, bias))
        fixed = weight.detach(), bias.detach()
        _, mean, rstd = torch.native_layer_norm(x, (D,), *fixed, 1e-5)
        bench.both_ways(f"layer_norm_{R}x{D}_{suffix}_backward",
                        lambda: torch.ops.aten.native_layer_norm_backward(dy, x, (D,), mean, rstd, *fixed,
                                                                          [True] * 3)[0] + residual)
        ids = torch.arange(R, device=device) * 7919 % V
        table = torch.rand(V, D, device=device, dtype=dtype)
        bench.both_ways(f"embedding_{R}x{D}_{suffix}_forward", lambda: F.embedding(ids, table))
        gradient = torch.zeros(V, D, device=device, dtype=dtype)
        bench.both_ways(f"embedding_{R}x{D}_{suffix}_backward", lambda: gradient.index_add_(0, ids, dy))
    logits = torch.rand(R, V, device=device, requires_grad=True)
    targets = torch.arange(R, device=device) * 7919 % V
    bench.both_ways(f"cross_entropy_{R}x{V}",
                    lambda: backward(F.cross_entropy(logits, targets, reduction="sum"), None, [logits]))
    parameter = torch.nn.Parameter(torch.rand(n, device=device))
    parameter.grad = torch.rand(n, device=device)
    fused = {"fused": True} if bench.cuda else {}
    optimizer = torch.optim.AdamW([parameter], **fused)
    bench.both_ways(f"adamw_{n}", optimizer.step, graphed=None)


def linear_rows(bench, R, K, N):
    device = bench.options.device
    for dtype, suffix in ((torch.float32, "float"), (torch.bfloat16, "bf16")):
        leaves = [torch.rand(*shape, device=device, dtype=dtype, requires_grad=True) for shape in ((R, K), (N, K), (N,))]
        dy = torch.rand(R, N, device=device, dtype=dtype)
        row = f"linear_gelu_{R}x{K}x{N}_{suffix}"

        def forward():
            return F.gelu(F.linear(*leaves))
        bench.both_ways(f"{row}_forward", forward)
        bench.both_ways(f"{row}_both", lambda: backward(forward(), dy, leaves))


def sample_rows(bench, B, N, H, layers, V):
    """N tokens of B streams, drawn one by one: embedding, LSTM, head, softmax, multinomial."""
    device = bench.options.device
    net = torch.nn.LSTM(H, H, layers).to(device).eval()
    table = torch.nn.Embedding(V + 1, H).to(device)
    head = torch.nn.Linear(H, V).to(device)
    tokens = torch.empty(N, B, dtype=torch.long, device=device)
    state = [torch.zeros(layers, B, H, device=device) for _ in range(2)]
    first = torch.full((B,), V, device=device)

    @torch.no_grad()
    def step(token):
        y, (h, c) = net(table(token)[None], (state[0], state[1]))
        state[0].copy_(h)
        state[1].copy_(c)
        return torch.multinomial(F.softmax(head(y[0]), -1), 1)[:, 0]

    @torch.no_grad()
    def eager():
        token = first
        for n in range(N):
            token = step(token)
            tokens[n] = token

    row = f"sample_lstm_h{H}_l{layers}_v{V}_b{B}_n{N}"
    once = argparse.Namespace(**{**vars(bench.options), "runs": min(bench.options.runs, 5)})  # a run takes seconds
    slow = Bench(once)
    slow.line(row, "torch_eager", lambda: slow.seconds(eager))
    if not bench.cuda:
        return
    fed = first.clone()

    @torch.no_grad()
    def one():
        fed.copy_(step(fed))

    def graphed():
        replay = slow.graph(one)

        def loop():
            for n in range(N):
                replay()
                tokens[n] = fed
        return slow.seconds(loop)
    slow.line(row, "torch_graphed", graphed)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--filter", default=".")
    parser.add_argument("--runs", type=int, default=100)
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--tiny", action="store_true")
    options = parser.parse_args()
    torch.manual_seed(1)
    torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = False
    bench = Bench(options)
    print(json.dumps({"machine": {"PyTorch": torch.__version__, "its CUDA": torch.version.cuda,
                                  "its cuDNN": torch.backends.cudnn.version()}}), flush=True)
    if options.tiny:
        recurrent_rows(bench, "lstm", 3, 2, 8, 2, 1, ragged=True)
        recurrent_rows(bench, "rnn", 2, 2, 8, 1, 2)
        flat_rows(bench, 6, 16, 388, 300)
        linear_rows(bench, 6, 8, 16)
        sample_rows(bench, 1, 3, 8, 2, 12)
        sample_rows(bench, 9, 2, 8, 2, 12)
        if hasattr(F, "scaled_dot_product_attention"):
            for positions in ("", "_rotary", "_relative"):
                attention_rows(bench, 16, 2, 1, 5, positions)
        return
    for T, B, H, layers, directions, extra in (
            (200, 32, 64, 2, 1, {}), (24, 32, 64, 2, 1, {}), (200, 32, 64, 2, 1, {"ragged": True}),
            (200, 32, 64, 2, 1, {"dropout": 0.3}), (100, 64, 64, 2, 2, {}), (200, 32, 128, 2, 1, {}),
            (200, 32, 256, 1, 1, {}), (200, 64, 512, 1, 1, {}), (200, 32, 1024, 1, 1, {}), (200, 32, 1024, 2, 1, {}),
            (1024, 16, 768, 1, 1, {})):
        recurrent_rows(bench, "lstm", T, B, H, layers, directions, **extra)
    recurrent_rows(bench, "rnn", 200, 32, 64, 2, 1)
    recurrent_rows(bench, "gru", 200, 32, 64, 2, 1)
    for B, T, positions in ((32, 200, ""), (32, 512, ""), (4, 2048, ""), (4, 4096, ""), (2, 8192, ""),
                            (32, 200, "_rotary"), (32, 200, "_relative"), (8, 1024, "_relative"),
                            (4, 2048, "_relative")):
        attention_rows(bench, 64, 8, B, T, positions)
    linear_rows(bench, 8192, 256, 1024)
    flat_rows(bench, 8192, 256, 388, 1 << 24)
    sample_rows(bench, 1, 4096, 64, 2, 388)
    sample_rows(bench, 1024, 1024, 64, 2, 388)


if __name__ == "__main__":
    main()
