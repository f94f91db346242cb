"""Rewards of a pgsrm server for training engines that call a function.

``trl_reward`` makes a reward function of TRL; the modules ``verl``, ``skyrl``, ``areal``,
``roll`` and ``nemo_rl`` have the forms of those engines; ``Client`` asks the server for
anything else. Nothing beyond the standard library is imported until an engine's own form is.
"""

from .client import Client, Options, Result, RewardError, Sample, Unavailable, client_of
from .one import ascore_one, score_one
from .trl import trl_reward

__all__ = [
    "Client",
    "Options",
    "Result",
    "RewardError",
    "Sample",
    "Unavailable",
    "ascore_one",
    "client_of",
    "score_one",
    "trl_reward",
]
__version__ = "0.1.0"
