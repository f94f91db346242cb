"""Writes golden.json: PPO, GRPO, RLOO and the paper's update transcribed from
the published formulas with padded tensors, masks and torch autograd (float64).
Run: python make_golden.py > golden.json   (torch 2.x, CPU)

Each case is a batch, what the policy says at each forward pass, and the loss
and its gradients by log-probability, entropy and value that torch finds.
"""
import json
import torch

torch.set_default_dtype(torch.float64)
gen = torch.Generator().manual_seed(20251209)
P, G, TMAX, MAX_NEW = 3, 4, 5, 6
N = P * G
LENGTHS = [1, 3, 5, 2, 4, 4, 1, 2, 3, 5, 2, 1]
DROPPED = [5, 8, 9, 10]  # prompt 1 loses one of four, prompt 2 keeps a single sample


def rand(*shape, scale=1.0):
    """Normal numbers that float32 holds exactly."""
    return (torch.randn(*shape, generator=gen) * scale).float().double()


mask = torch.zeros(N, TMAX)
for i, n in enumerate(LENGTHS):
    mask[i, :n] = 1
keep = [i for i in range(N) if i not in DROPPED]
mask = mask[keep]
prompt = torch.tensor([i // G for i in keep])
length = mask.sum(1)
n = len(keep)

old = -(rand(n, TMAX).abs() + 0.05).float().double()
ref = (old + rand(n, TMAX, scale=0.3)).float().double()
values = rand(n, TMAX, scale=0.5)
score = rand(n)
entropies = [(rand(n, TMAX).abs() + 0.1).float().double() for _ in range(3)]
news = [old] + [(old + rand(n, TMAX, scale=0.25)).float().double() for _ in range(2)]
new_values = [values] + [(values + rand(n, TMAX, scale=0.3)).float().double() for _ in range(2)]


def masked_mean(x):
    return (x * mask).sum() / mask.sum()


def leave_one_out(r):
    """Mean of the prompt's other samples; r itself for a lone one."""
    same = (prompt[:, None] == prompt[None, :]).double() - torch.eye(n)
    others = same.sum(1)
    return torch.where(others > 0, (same @ r) / others.clamp(min=1), r)


def group_mean(r):
    same = (prompt[:, None] == prompt[None, :]).double()
    return (same @ r) / same.sum(1)


def group_std(r):
    out = torch.zeros(n)
    for i in range(n):
        g = r[prompt == prompt[i]]
        out[i] = g.std() if len(g) > 1 else 0.0
    return out


def kl_terms(x, kind):
    return {"k1": x, "k2": x**2 / 2, "k3": torch.exp(-x) - 1 + x}[kind]


def ppo(o, new, entropy, v):
    kl_coef = o["KL"]["Coef"]
    place = o["KL"]["Place"]
    rewards = torch.zeros(n, TMAX)
    if place == "reward":
        rewards = -kl_coef * kl_terms(old - ref, o["KL"]["Estimator"]) * mask
    last = (length - 1).long()
    s = score.clone()
    base = o["Baseline"]
    if base == "group":
        s = s - leave_one_out(score)
    if base == "batch":
        s = s - score.mean()
    rewards[torch.arange(n), last] += s
    V = values * mask if base == "value" else torch.zeros(n, TMAX)
    lam = o["Lambda"] if base == "value" else 1.0
    gamma = o["Gamma"]
    # A_t = sum_l (gamma*lambda)^l delta_{t+l}, written out rather than recursively
    nxt = torch.cat([V[:, 1:], torch.zeros(n, 1)], 1)
    delta = (rewards + gamma * nxt - V) * mask
    adv = torch.zeros(n, TMAX)
    for t in range(TMAX):
        for l in range(TMAX - t):
            adv[:, t] += (gamma * lam) ** l * delta[:, t + l]
    returns = adv + V
    flat = adv[mask.bool()]
    if o["Whiten"] == "std":
        adv = (adv - flat.mean()) * torch.rsqrt(flat.var() + 1e-8)
    if o["Whiten"] == "mean":
        adv = adv - flat.mean()
    if o["Whiten"] == "floor":
        adv = (adv - flat.mean()) / max(flat.std().item(), o["WhitenFloor"])
    ratio = torch.exp(new - old)
    c = o["Cliprange"]
    pg = masked_mean(torch.max(-adv * ratio, -adv * torch.clamp(ratio, 1 - c, 1 + c)))
    loss = pg - o["Entropy"]["Coef"] * masked_mean(entropy)
    if place == "loss":
        loss = loss + kl_coef * masked_mean(kl_terms(new - ref, o["KL"]["Estimator"]))
    if base == "value":
        cv = o["CliprangeValue"]
        vc = torch.clamp(v, values - cv, values + cv)
        vf = 0.5 * masked_mean(torch.max((v - returns) ** 2, (vc - returns) ** 2))
        loss = loss + o["VfCoef"] * vf
    return loss, pg


def grpo(o, new, entropy, v):
    adv = score - group_mean(score)
    if o["ScaleRewards"] == "group":
        adv = adv / (group_std(score) + 1e-4)
    if o["ScaleRewards"] == "batch":
        adv = adv / (score.std() + 1e-4)
    adv = adv[:, None]
    ratio = torch.exp(new - old)
    clipped = torch.clamp(ratio, 1 - o["EpsilonLow"], 1 + o["EpsilonHigh"])

    def reduce(x):
        if o["LossType"] == "grpo":
            return ((x * mask).sum(-1) / mask.sum(-1)).mean()
        if o["LossType"] == "dr_grpo":
            return (x * mask).sum() / (n * MAX_NEW)
        return (x * mask).sum() / mask.sum()  # bnpo, and dapo with one minibatch

    pg = reduce(-torch.min(ratio * adv, clipped * adv))
    x = ref - new
    kl = reduce(torch.exp(x) - x - 1)
    return pg + o["Beta"] * kl - o["Entropy"]["Coef"] * masked_mean(entropy), pg


def rloo(o, new, entropy, v):
    r = score - o["Beta"] * ((old - ref) * mask).sum(1)
    adv = r - leave_one_out(r)
    if o["NormalizeAdvantages"]:
        adv = (adv - adv.mean()) / (adv.std() + 1e-4)
    ratio = torch.exp(((new - old) * mask).sum(1))
    clipped = torch.clamp(ratio, 1 - o["EpsilonLow"], 1 + o["EpsilonHigh"])
    pg = (-torch.min(ratio * adv, clipped * adv)).mean()
    return pg - o["Entropy"]["Coef"] * masked_mean(entropy), pg


def paper(o, new, entropy, v):
    value = v[torch.arange(n), (length - 1).long()]
    adv = (score - value.detach())[:, None]
    pg = -masked_mean(new * adv)
    kl = masked_mean(new - ref)
    critic = torch.nn.functional.mse_loss(value, score)
    return pg - o["Entropy"]["Coef"] * masked_mean(entropy) + o["KL"]["Coef"] * kl + o["VfCoef"] * critic, pg


def merge(base, over):
    out = dict(base)
    for k, x in over.items():
        out[k] = merge(base[k], x) if isinstance(x, dict) else x
    return out


ENT = {"Coef": 0.0}
BASE = {
    "PPO": {"Cliprange": 0.2, "CliprangeValue": 0.2, "VfCoef": 0.1, "Gamma": 1.0, "Lambda": 0.95, "NumPPOEpochs": 3,
            "NumMinibatches": 1, "Whiten": "std", "WhitenFloor": 0.1, "Baseline": "value", "MaxGradNorm": 1.0,
            "KL": {"Place": "reward", "Estimator": "k1", "Coef": 0.05}, "Entropy": ENT},
    "GRPO": {"ScaleRewards": "group", "LossType": "grpo", "EpsilonLow": 0.2, "EpsilonHigh": 0.2, "Beta": 0.0,
             "NumIterations": 3, "NumMinibatches": 1, "Entropy": ENT},
    "RLOO": {"Beta": 0.05, "NormalizeAdvantages": False, "EpsilonLow": 0.2, "EpsilonHigh": 0.2,
             "NumIterations": 3, "NumMinibatches": 1, "Entropy": ENT},
    "Paper": {"VfCoef": 0.5, "KL": {"Coef": 5e-5}, "Entropy": {"Coef": 0.01}},
}
CASES = [
    ("ppo", "value, kl in the reward, whitened", {}),
    ("ppo", "value, k3 in the reward, gamma and lambda", {"Gamma": 0.9, "Lambda": 0.5, "Whiten": "none", "KL": {"Estimator": "k3", "Coef": 0.4}}),
    ("ppo", "group, k3 in the loss, entropy", {"Baseline": "group", "Whiten": "none", "KL": {"Place": "loss", "Estimator": "k3", "Coef": 0.3}, "Entropy": {"Coef": 0.02}}),
    ("ppo", "batch, k2 in the loss, floor above", {"Baseline": "batch", "Whiten": "floor", "WhitenFloor": 3.0, "KL": {"Place": "loss", "Estimator": "k2", "Coef": 0.3}}),
    ("ppo", "value, k1 in the loss, mean, floor unused", {"Whiten": "mean", "KL": {"Place": "loss", "Estimator": "k1", "Coef": 0.3}}),
    ("grpo", "group, grpo, beta", {"Beta": 0.1}),
    ("grpo", "batch, bnpo, entropy", {"ScaleRewards": "batch", "LossType": "bnpo", "Entropy": {"Coef": 0.02}}),
    ("grpo", "none, dr_grpo, higher clip", {"ScaleRewards": "none", "LossType": "dr_grpo", "EpsilonHigh": 0.28, "Beta": 0.2}),
    ("grpo", "group, dapo", {"LossType": "dapo"}),
    ("rloo", "kl in the reward", {"Beta": 0.3}),
    ("rloo", "normalised, entropy", {"NormalizeAdvantages": True, "Entropy": {"Coef": 0.02}}),
    ("paper", "notebook", {}),
    ("paper", "large kl", {"KL": {"Coef": 0.5}}),
]
SECTION = {"ppo": "PPO", "grpo": "GRPO", "rloo": "RLOO", "paper": "Paper"}
LOSS = {"ppo": ppo, "grpo": grpo, "rloo": rloo, "paper": paper}


def ragged(x):
    return [x[i, : int(length[i])].tolist() for i in range(n)]


def flat(x):
    return x[mask.bool()].tolist()


def main():
    samples, k = [], 0
    for i in range(N):
        if i in DROPPED:
            samples.append({"Prompt": i // G, "Dropped": True, "Tokens": [0] * LENGTHS[i]})
            continue
        samples.append({"Prompt": i // G, "Tokens": [0] * LENGTHS[i], "LogProbs": ragged(old)[k], "RefLogProbs": ragged(ref)[k],
                        "Values": ragged(values)[k], "Reward": score[k].item()})
        k += 1
    cases = []
    for name, title, over in CASES:
        o = merge(BASE[SECTION[name]], over)
        passes = []
        for e in range(1 if name == "paper" else 3):
            new, entropy, v = (x.clone().requires_grad_() for x in (news[e], entropies[e], new_values[e]))
            loss, pg = LOSS[name](o, new, entropy, v)
            loss.backward()
            zero = lambda x: x.grad if x.grad is not None else torch.zeros(n, TMAX)
            passes.append({"Loss": loss.item(), "PolicyLoss": pg.item(),
                           "Grad": {"LogProbs": flat(zero(new)), "Entropy": flat(zero(entropy)), "Values": flat(zero(v))}})
        cases.append({"Algorithm": name, "Title": title, "Options": {SECTION[name]: o}, "Passes": passes})
    evals = [{"LogProbs": flat(news[e]), "Entropy": flat(entropies[e]), "Values": flat(new_values[e])} for e in range(3)]
    batch = {"Prompts": P, "G": G, "MaxNewTokens": MAX_NEW, "Samples": samples}
    print(json.dumps({"Batch": batch, "Evals": evals, "Cases": cases}, indent=None, separators=(",", ":")))


main()
