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

Sampling is a loop of embedding, nn.LSTM, head, softmax and multinomial, a step at a time, eager or a replayed graph; of
the transformer with a key/value cache of fixed size, eager or compiled (mode reduce-overhead).

Training rows are whole steps: ids copied from pinned memory, forward, cross entropy, backward, fused AdamW, without a
wait in between; bf16 rows keep parameters in bf16 too, the fastest that PyTorch has. The transformer is also compiled:
torch_compiled, and torch_compiled_graphed in mode max-autotune, which replays graphs.

Before each run of other rows, memory beyond the second-level cache's size is written; the card's events measure.
--device cpu --tiny rehearses it where there is no card.
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

    def steps(self, step):
        """Sorted times between the ends of steps that nobody waits for in between."""
        for _ in range(5):
            step()
        if self.cuda:
            ends = [torch.cuda.Event(enable_timing=True) for _ in range(self.options.runs + 1)]
            ends[0].record()
            for end in ends[1:]:
                step()
                end.record()
            torch.cuda.synchronize()
            return sorted(1e-3 * begin.elapsed_time(end) for begin, end in zip(ends, ends[1:]))
        ends = [time.perf_counter()]
        for _ in range(self.options.runs):
            step()
            ends.append(time.perf_counter())
        return sorted(end - begin for begin, end in zip(ends, ends[1:]))

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


class LstmModel(torch.nn.Module):
    def __init__(self, V, H, layers):
        super().__init__()
        self.table = torch.nn.Embedding(V + 1, H)
        self.lstm = torch.nn.LSTM(H, H, layers, batch_first=True)
        self.head = torch.nn.Linear(H, V)

    def forward(self, ids):
        return self.head(self.lstm(self.table(ids))[0])


class GptLayer(torch.nn.Module):
    def __init__(self, H, heads):
        super().__init__()
        self.heads = heads
        self.norm1, self.norm2 = torch.nn.LayerNorm(H), torch.nn.LayerNorm(H)
        self.qkv, self.out = torch.nn.Linear(H, 3 * H), torch.nn.Linear(H, H)
        self.up, self.down = torch.nn.Linear(H, 4 * H), torch.nn.Linear(4 * H, H)

    def forward(self, x, attend):
        B, T, H = x.shape
        q, k, v = self.qkv(self.norm1(x)).view(B, T, 3, self.heads, H // self.heads).permute(2, 0, 3, 1, 4)
        x = x + self.out(attend(q, k, v).transpose(1, 2).reshape(B, T, H))
        return x + self.down(F.gelu(self.up(self.norm2(x))))


class Gpt(torch.nn.Module):
    """As our transformer: norms first, learned positions."""
    def __init__(self, V, H, layers, heads, T):
        super().__init__()
        self.table, self.position = torch.nn.Embedding(V + 1, H), torch.nn.Embedding(T, H)
        self.layers = torch.nn.ModuleList(GptLayer(H, heads) for _ in range(layers))
        self.norm, self.head = torch.nn.LayerNorm(H), torch.nn.Linear(H, V)

    def forward(self, ids):
        x = self.table(ids) + self.position.weight[:ids.shape[1]]
        for layer in self.layers:
            x = layer(x, lambda q, k, v: F.scaled_dot_product_attention(q, k, v, is_causal=True))
        return self.head(self.norm(x))

    def step(self, token, at, keys, values):
        """Logits behind one more token; `at` is its position, keys and values [layers,1,heads,T,D] a cache."""
        x = self.table(token)[None] + self.position(at)[None]
        mask = (torch.arange(keys.shape[3], device=at.device) <= at)[None, None, None]
        for layer, k_cache, v_cache in zip(self.layers, keys, values):
            def attend(q, k, v, k_cache=k_cache, v_cache=v_cache):
                k_cache.index_copy_(2, at, k)
                v_cache.index_copy_(2, at, v)
                return F.scaled_dot_product_attention(q, k_cache, v_cache, attn_mask=mask)
            x = layer(x, attend)
        return self.head(self.norm(x))[0]


def train_rows(bench, name, make, V, B, T, dtypes, compiled=False):
    """Whole steps of training; `make` makes the model."""
    device = bench.options.device
    batches = [torch.randint(V, (2, B, T)) for _ in range(2)]
    if bench.cuda:
        batches = [batch.pin_memory() for batch in batches]

    def steps(dtype, graphed=False, compiled=None):
        net = make().to(device=device, dtype=dtype)
        model = torch.compile(net, **compiled) if compiled is not None else net
        fast = {"fused": True, "capturable": graphed} if bench.cuda else {}
        optimizer = torch.optim.AdamW(net.parameters(), **fast)
        fed = torch.empty_like(batches[0], device=device)
        count = 0

        def update():
            optimizer.zero_grad(set_to_none=True)
            F.cross_entropy(model(fed[0]).float().flatten(0, 1), fed[1].flatten()).backward()
            optimizer.step()

        fed.copy_(batches[0])
        run = bench.graph(update) if graphed else update

        def step():
            nonlocal count
            fed.copy_(batches[count % len(batches)], non_blocking=True)
            count += 1
            run()
        return bench.steps(step)

    for dtype in dtypes:
        if dtype == torch.bfloat16 and not bench.cuda:
            continue
        row = f"train_{name}_v{V}_b{B}_t{T}_{'float' if dtype == torch.float32 else 'bf16'}"
        bench.line(row, "torch_eager", lambda: steps(dtype))
        if bench.cuda:
            bench.line(row, "torch_graphed", lambda: steps(dtype, graphed=True))
        if bench.cuda and compiled:
            bench.line(row, "torch_compiled", lambda: steps(dtype, compiled={}))
            bench.line(row, "torch_compiled_graphed", lambda: steps(dtype, compiled={"mode": "max-autotune"}))


def gpt_sample_rows(bench, V, H, layers, heads, T):
    """T tokens of one stream, drawn one by one."""
    device = bench.options.device
    net = Gpt(V, H, layers, heads, T).to(device).eval()
    tokens = torch.empty(T, dtype=torch.long, device=device)
    keys, values = (torch.zeros(layers, 1, heads, T, H // heads, device=device) for _ in range(2))
    first, places = torch.full((1,), V, device=device), torch.arange(T, device=device)

    def draw(token, at):
        return torch.multinomial(F.softmax(net.step(token, at, keys, values), -1), 1)[:, 0]

    def loop(one):
        @torch.no_grad()
        def run():
            token = first
            for n in range(T):
                token = one(token, places[n:n + 1]).clone()
                tokens[n:n + 1] = token
        return run

    row = f"sample_gpt_h{H}_l{layers}_n{heads}_v{V}_b1_n{T}"
    slow = Bench(argparse.Namespace(**{**vars(bench.options), "runs": min(bench.options.runs, 5)}))
    slow.line(row, "torch_eager", lambda: slow.steps(loop(draw)))
    if bench.cuda:
        slow.line(row, "torch_compiled_graphed",
                  lambda: slow.steps(loop(torch.compile(draw, mode="reduce-overhead", fullgraph=True))))


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
        train_rows(bench, "lstm_h8_l2", lambda: LstmModel(12, 8, 2), 12, 2, 3, (torch.float32, torch.bfloat16))
        if hasattr(F, "scaled_dot_product_attention"):
            train_rows(bench, "gpt_h16_l1_n1", lambda: Gpt(12, 16, 1, 1, 4), 12, 2, 4,
                       (torch.bfloat16,) if bench.cuda else (torch.float32,), compiled=True)
            gpt_sample_rows(bench, 12, 16, 1, 1, 4)
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
    for T in (200, 24):
        train_rows(bench, "lstm_h64_l2", lambda: LstmModel(388, 64, 2), 388, 32, T, (torch.bfloat16, torch.float32))
    train_rows(bench, "gpt_h256_l6_n8", lambda: Gpt(388, 256, 6, 8, 256), 388, 32, 256, (torch.bfloat16,),
               compiled=True)
    gpt_sample_rows(bench, 388, 256, 6, 8, 256)


if __name__ == "__main__":
    main()
